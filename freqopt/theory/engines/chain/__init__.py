"""Exact worst cases of one token of SGD, as one small semidefinite programme a token.

Between visits nothing moves, so a token's T steps are one chain of at most T points and the visits
enter as weights: `docs/worst_cases.md` has the mathematics.

- `gram`: such a programme, solved, and what may be concluded from what the solver returns;
- `tokens`, `visits`: a token's chain, and how often it is met;
- `worst`: its worst case from both sides; `projected`: with a projection (FA-17, FA-19);
  `per_sample`: FA-18's;
- `replay`: the worst function as a function, run through the real rules;
- `rational`, `attained`: FA-15's upper certificates, FA-19's worst function, in exact rationals;
- `one_step`: the theorems' one-step inequalities in exact rationals;
- `steps`: the best step, by search outside;
- `rows`, `page`: the checks that theorem files ask for, and the tables of the docs.

Clarabel is optional: the extra `theory`. Checking a certificate needs none of it.
"""
