r"""MEM-6: the order of eviction

Source
    derived here (docs/theory/memory.md, MEM-6).
Problem
    Any sequence of gradient norms n_t > 0.
Algorithm
    The container of SGD_C that evicts and tests against the true minimum: a gradient stored at step
    s has the priority lambda^(t-s) n_s at step t.
Assumptions
    Ties are broken by a fixed rule; strict acceptance.
Statement
    Once the buffer is full, the number of items below item s never grows, and every step t with
    n_t > lambda^(t-s) n_s lowers it by one or evicts s. Hence s leaves no later than the C-th such
    step.
Checks
    the project's rule on random, decaying and alternating norms; the counts read from its state.
Literature
    MEM-7 follows.
"""

import numpy as np

from freqopt.optimizers.sgd_c import SGDC
from freqopt.theory import Case, Claim, Mutant, Search, Theorem


def life(norms, **options):
    """(norm, items before, items after) of each step; items: step of birth -> priority."""
    rule = SGDC(**{"threshold": "minimum", **options})
    table = np.zeros((1, 1))
    state = rule.init(table)

    def items():
        n = int(state["length"])
        return dict(zip(state["born"][:n].tolist(), state["priorities"][:n].tolist(), strict=True))

    for norm in norms:
        before = items()
        rule.step(table, state, np.array([0]), np.array([[float(norm)]]))
        yield norm, before, items()


def case(norms, capacity, decay, name, options):
    """Largest growth of a rank, and the largest number of larger norms that an item survived."""
    survived, growth, unmoved = {}, 0, 0
    for norm, before, after in life(norms, capacity=capacity, priority_decay=decay, **options):
        full = len(before) == capacity
        rank = {s: sum(q < p for q in before.values()) for s, p in before.items()}
        later = {s: sum(q < p for q in after.values()) for s, p in after.items()}
        for s, priority in before.items():
            if not full or s not in after:
                continue
            growth = max(growth, later[s] - rank[s])
            if norm > priority:
                survived[s] = survived.get(s, 0) + 1
                unmoved = max(unmoved, later[s] - rank[s] + 1)
    most = max(survived.values(), default=0)
    return Case(name, growth=growth, unmoved=unmoved, most=most, C=capacity)


def sequences(rng, length):
    kind = rng.integers(3)
    random = 10 ** rng.uniform(0, 1.5, length)
    if kind == 0:
        return random
    if kind == 1:
        return random * 0.8 ** np.arange(length)
    return np.where(np.arange(length) % rng.integers(2, 6) == 0, 20.0, random)


def theorem(spare=1, options=None, least=0):
    """Parts: C - spare larger norms are survived; the rule's options; growth of a rank."""
    wrong = options or {}

    def instances(quick):
        rng = np.random.default_rng(15)
        for i in range(40 if quick else 400):
            capacity, decay = int(rng.integers(1, 7)), float(rng.choice([0.5, 0.7, 0.9, 0.99]))
            name = f"sequence {i}, C = {capacity}, lambda = {decay}"
            yield case(sequences(rng, 40), capacity, decay, name, wrong)

    def chosen(x):
        capacity, decay = 1 + int(3.999 * x[0]), 0.5 + 0.49 * x[1]
        return case(10 ** (2 * x[2:]), capacity, decay, f"C = {capacity}", wrong)

    return Theorem(
        claims=(
            Claim("a rank never grows", lambda c: c.growth, lambda c: least, "upper", instances),
            Claim("a larger norm lowers it", lambda c: c.unmoved, lambda c: 0, "upper", instances),
            Claim(
                "larger norms survived",
                lambda c: c.most,
                lambda c: c.C - spare,
                "upper",
                instances,
                search=Search(14, chosen, effort=0.5),
            ),
        )
    )


MUTANTS = {
    "C - 2 are survived": Mutant("statement", spare=2),
    "tested against slot 0": Mutant("implementation", options={"threshold": "slot0"}),
    "random eviction": Mutant("implementation", options={"policy": "random"}),
    "bottom": Mutant("implementation", options={"policy": "bottom"}),
    "C + 1 are survived": Mutant("statement", weaker="C + 1 > C - 1", spare=-1),
}
