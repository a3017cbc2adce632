"""Engines: the kinds of evidence. Each takes a theorem and yields verdicts.

Three of them work on what every theorem has: `witness` on its proof steps, `exact` on its claims,
`adversary` on its search spaces. The others are called by the checks that a theorem file sets up.
"""
