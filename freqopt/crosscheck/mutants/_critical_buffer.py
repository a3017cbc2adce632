"""Mutants of the critical-gradient buffer."""

from __future__ import annotations

EDITS = {
    "aggregate stored": ("state, g, norm, t)  # (2)", "state, direction, norm, t)"),
    "priorities never decay": ('state["priorities"][...] *= rule.priority_decay', "pass"),
    "gradients decay, not priorities": ('state["priorities"][...] *=', 'state["buffer"][...] *='),
    "first decay a step late": (
        "priorities=priority,",
        "priorities=priority / rule.priority_decay,",
    ),
    "as large is accepted": ("priority > priorities[", "priority >= priorities["),
    "norm is the largest entry": ("np.sqrt(fold(fold(g * g)))", "np.abs(g).max(initial=0)"),
    "norm not of the root": ("np.sqrt(fold(fold(g * g)))", "fold(fold(g * g))"),
    "largest leaves": ("[-rule.capacity :]", "[: rule.capacity]"),
    "sorted, not a heap": ("heap_order(ranks[slots])", 'np.argsort(ranks[slots], kind="stable")'),
    "random place by remainder": ("int(word) * length >> 64", "int(word) % length"),
    "sum of the buffer, not its mean": ("rule.factor * (total / length)", "rule.factor * total"),
    "divided by C": ("rule.factor * (total / length)", "rule.factor * (total / rule.capacity)"),
    "mean divided by C + 1": ("/ (length + 1)", "/ (rule.capacity + 1)"),
    "mean over the buffer's length": ("/ (length + 1)", "/ length"),
    "lower median": ("[length // 2]", "[(length - 1) // 2]"),
    "max is the last slot": ("int(np.argmax(priorities))", "length - 1"),
    "mid not halved": ('if kind == "mid" or', "if"),
    "one delay less": ("<= rule.max_age", "< rule.max_age"),
}

EQUIVALENT = {
    "as large is accepted": "no two gradients have one norm but those of empty batches, both 0",
}
