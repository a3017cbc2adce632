"""The buffer of a fixed-memory rule as Python: a list of items in the order of a heap."""

from __future__ import annotations

from collections.abc import Iterator

from freqopt.export.memory import Memory

HEAD = '''
import heapq


class Item:
    """A stored gradient (N, D) and its batch; items compare by priority alone."""

    def __init__(self, priority, born, gradient):
        self.priority, self.born, self.gradient = priority, born, gradient

    def __lt__(self, other):
        return self.priority < other.priority


class Memory:
    """The buffer of critical gradients of one table."""

    def __init__(self):
        self.items = []
'''
SMALLEST = {"slot0": "items[0]", "minimum": "min(items, key=lambda x: x.priority)"}


def memory_text(memory: Memory) -> str:
    """The classes `Item` and `Memory`."""
    parts = [
        HEAD,
        "    def recall(self, h, real, g, norm, t):",
        '        """The aggregate of a table\'s gradient g (N, D) of that norm, which is offered."""',
        *(f"        {line}" for line in _recall(memory)),
        "",
        "    def offer(self, h, items, g, norm, t):",
        '        """The items after g was offered to them."""',
        *(f"        {line}" for line in _offer(memory)),
    ]
    return "\n".join(parts) + "\n"


def _recall(memory: Memory) -> Iterator[str]:
    rule = memory.rule
    aged = rule.max_age is not None
    yield f"items = {'[x for x in self.items if t - x.born <= h.max_age]' if aged else 'self.items'}"
    offer = "items = self.offer(h, items, g, norm, t)  # (2)"
    if memory.before:
        yield offer
    if memory.factor:
        yield "kappa = real(h.kappa)"
    yield "length = real(len(items))"
    yield "if not items:"
    yield "    d = g"
    yield "else:"
    if memory.totals:
        yield "    total = items[0].gradient"
        yield "    for x in items[1:]:"
        yield "        total = total + x.gradient"
    else:
        picked = {
            "min": SMALLEST[rule.threshold],
            "median": "sorted(items)[len(items) // 2]",
            "max": "max(items, key=lambda x: x.priority)",
        }[memory.kind]
        yield f"    stored = {picked}"
    value = memory.aggregate("total", "stored.gradient", "g", "length")
    if memory.in_place:
        yield "    stored.gradient = kappa * stored.gradient  # kappa_in_place"
        value = value.replace(memory.factor, "", 1)
    yield f"    d = {value}  # (1)"
    if not memory.before:
        yield offer
    if rule.policy != "fifo":
        yield "for x in items:"
        yield "    x.priority *= h.priority_decay  # (3)"
    yield "self.items = items"
    yield "return d"


def _offer(memory: Memory) -> Iterator[str]:
    rule = memory.rule
    priority = {"fifo": "float(t)", "bottom": "1 / norm if norm else math.inf"}
    yield f"new = Item({priority.get(rule.policy, 'norm')}, t, g.copy())"
    if rule.acceptance_test or rule.policy == "random":
        yield "full = len(items) == h.capacity"
    if rule.acceptance_test:
        yield f"if full and not new.priority > {SMALLEST[rule.threshold]}.priority:"
        yield "    return items"
    if rule.policy == "random":
        yield 'word = Stream(h.seed or 0, h.run or 0, "critical_buffer").words(t, 1)[0]'
        yield "items = list(items)"
        yield "if full:"
        yield "    items[int(word) * len(items) >> 64] = new"
        yield "else:"
        yield "    items.append(new)"
    else:
        yield "items = [*items, new]"
    yield "items = [x for x in items if x.priority >= 0]  # NaN does not stay"
    yield "heapq.heapify(items)"
    yield "return items[-h.capacity :]"
