"""The official fixed-memory step transcribed from MEM sections 3.2 to 3.4, for comparison only.

A third version beside `step` and `slow_step`: plain Python on flat lists of floats, one class for
all rules, with the official names of the arguments. It imports nothing of the library.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Any

Vector = list[float]


@dataclass
class Stored:
    priority: float
    gradient: Vector

    def __lt__(self, other: Stored) -> bool:
        return self.priority < other.priority


@dataclass
class Tensor:
    """One tensor: its entries, its buffer, what the parent rule keeps."""

    theta: Vector
    buffer: list[Stored] = field(default_factory=list)
    kept: dict[str, Vector] = field(default_factory=dict)
    steps: int = 0


def norm(g: Vector) -> float:
    return math.sqrt(math.fsum(x * x for x in g))


def plus(a: Vector, b: Vector, weight: float = 1.0) -> Vector:
    return [x + weight * y for x, y in zip(a, b, strict=True)]


def aggregate(g: Vector, buffer: list[Stored], aggr: str, kappa: float) -> Vector:
    if aggr in ("sum", "mid", "mean"):
        total = [math.fsum(column) for column in zip(*(s.gradient for s in buffer), strict=True)]
        if aggr == "mean":
            return [x / (len(buffer) + 1) for x in plus(g, total, kappa)]
        d = plus(g, [x / len(buffer) for x in total], kappa)
    else:
        ranked = sorted(buffer, key=lambda s: s.priority)
        pick = {
            "min": buffer[0],  # Q1
            "median": ranked[len(ranked) // 2],
            "max": max(buffer, key=lambda s: s.priority),
        }[aggr.removesuffix("-mean")]
        pick.gradient[:] = [kappa * x for x in pick.gradient]  # Q5
        d = plus(g, pick.gradient)
    return [x / 2 for x in d] if aggr == "mid" or aggr.endswith("-mean") else d


def critical(x: Tensor, g: Vector, n: float, kappa: float, o: dict[str, Any]) -> Vector:
    """CRIT of section 3.4, with decay()."""
    d = aggregate(g, x.buffer, o["aggr"], kappa) if x.buffer else g
    full = len(x.buffer) >= o["topC"]
    if not full or not o.get("critical_test", True) or n > x.buffer[0].priority:
        x.buffer.append(Stored(n, list(g)))
        heapq.heapify(x.buffer)
        x.buffer = x.buffer[-o["topC"] :]
    for s in x.buffer:
        s.priority *= o["decay"]
    return d


def step(kind: str, tensors: list[Tensor], grads: list[Vector], o: dict[str, Any]) -> None:
    """One step of SGD_C (with momentum: SGDM_C), Adam_C or RMSprop_C."""
    norms = [norm(g) for g in grads]
    if o.get("synced", True):
        norms = [math.fsum(norms)] * len(norms)
    for x, g, n in zip(tensors, grads, norms, strict=True):
        x.steps += 1
        {"SGD_C": sgd_c, "Adam_C": adam_c, "RMSprop_C": rmsprop_c}[kind](x, g, n, o)


def sgd_c(x: Tensor, g: Vector, n: float, o: dict[str, Any]) -> None:
    d, kappa = plus(g, x.theta, o.get("weight_decay", 0.0)), o.get("kappa", 1.0)
    if kappa != 0:
        d = critical(x, d, n, kappa, o)
        if o.get("momentum", 0.0):
            damped = [(1 - o.get("dampening", 0.0)) * y for y in d]
            d = plus(damped, x.kept["v"], o["momentum"]) if "v" in x.kept else d
            x.kept["v"] = d
    x.theta = plus(x.theta, d, -o["lr"])


def adam_c(x: Tensor, g: Vector, n: float, o: dict[str, Any]) -> None:
    b1, b2, zero = 0.9, 0.999, [0.0] * len(g)
    d = plus(critical(x, g, n, 1.0, o), x.theta, o.get("weight_decay", 0.0))  # Q4
    m, v = x.kept.get("m", zero), x.kept.get("v", zero)
    m = x.kept["m"] = [b1 * a + (1 - b1) * y for a, y in zip(m, d, strict=True)]
    v = x.kept["v"] = [b2 * a + (1 - b2) * y * y for a, y in zip(v, d, strict=True)]
    if o.get("amsgrad", False):
        top = x.kept.get("vhat", zero)
        v = x.kept["vhat"] = [max(a, b) for a, b in zip(top, v, strict=True)]
    root = math.sqrt(1 - b2**x.steps)
    rate = o["lr"] / (1 - b1**x.steps)
    for j in range(len(g)):
        x.theta[j] -= rate * m[j] / (math.sqrt(v[j]) / root + 1e-8)


def rmsprop_c(x: Tensor, g: Vector, n: float, o: dict[str, Any]) -> None:
    alpha, zero = 0.99, [0.0] * len(g)
    d = plus(critical(x, g, n, 1.0, o), x.theta, o.get("weight_decay", 0.0))  # Q4
    v, ga, b = (x.kept.get(k, zero) for k in ("v", "ga", "b"))
    v = x.kept["v"] = [alpha * a + (1 - alpha) * y * y for a, y in zip(v, d, strict=True)]
    spread = v
    if o.get("centered", False):
        ga = x.kept["ga"] = [alpha * a + (1 - alpha) * y for a, y in zip(ga, d, strict=True)]
        spread = [a - c * c for a, c in zip(v, ga, strict=True)]
    r = [y / (math.sqrt(a) + 1e-8) for y, a in zip(d, spread, strict=True)]
    if o.get("momentum", 0.0) > 0:
        r = x.kept["b"] = plus(r, b, o["momentum"])
    x.theta = plus(x.theta, r, -o["lr"])
