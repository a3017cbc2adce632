"""The whole simulation loop: ours, the NumPy loop and a JAX scan over 32 seeds, in one run.

    python benchmarks/loop.py [--rounds 5] [--seconds 0.4] [--threads 2] [--brief]

Single-sample pair problem, tokens Zipf(1.05) of N = 10,000, d = 16, float32: draw, gradient and
step, with Philox words for ours and for NumPy and JAX's own generator for JAX. Ours does one run a
thread. JAX scans over the steps, vmapped over its seeds, in two forms: one draws each step's sample
in that step, the other all samples of a scan beforehand, which is faster. Contenders take turns in
every round; a ratio is the median over rounds of the ratio within the round. Growth varies one size
at a time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from machine import machine, spread

import freqopt
from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend
from freqopt.problems import Constants

ENDLESS = 10**12
LEAST = 200
"""Steps of the shortest call, and of one scan of JAX."""
SEEDS = 32
NUMPY_TARGET, JAX_TARGET = 400, 25
CASES = {
    "squared, SGD": ("squared", {"name": "sgd", "lr": 0.01}),
    "logistic, CF-SGD": ("logistic", {"name": "cf_sgd", "form": "anytime", "cap": "none"}),
    "logistic, AdaGrad": ("logistic", {"name": "adagrad", "lr": 0.01}),
    "logistic, lazy Adam": ("logistic", {"name": "lazy_adam", "lr": 0.001}),
}
Steps = Callable[[int], None]


def begin(
    loss: str, rule: dict, run: int, *, size: int = 10**4, width: int = 16, exponent: float = 1.05
) -> Simulation:
    """One run of the pair problem."""
    token = {"kind": "zipf", "exponent": exponent, "size": size}
    problem = freqopt.problem(
        "pair", loss=loss, dimension=width, pairs={"kind": "product", "u": token, "v": token}
    )
    # No step asks for f*, and the expectation over all N^2 pairs would take longer than the rest.
    marginals = dict(zip("uv", problem.pairs.marginals, strict=True))
    problem.__dict__["constants"] = Constants(frequency=marginals)
    return Simulation.begin(
        problem, freqopt.rule(**rule), steps=ENDLESS, seed=1, run=run, dtype="float32"
    )


def ours(runs: int, threads: int, loss: str, rule: dict, **sizes: float) -> Steps:
    """Steps of several runs on a team of threads."""
    simulations = [begin(loss, rule, run, **sizes) for run in range(runs)]
    backends = [NumbaBackend(patience=0) for _ in simulations]
    team = ThreadPoolExecutor(threads)

    def steps(count: int) -> None:
        def part(k: int) -> None:
            for simulation, backend in list(zip(simulations, backends, strict=True))[k::threads]:
                backend.advance(simulation, simulation.step + count)

        list(team.map(part, range(threads)))

    return steps


def numpys(loss: str, rule: dict) -> Steps:
    """Steps of one run in the NumPy loop."""
    simulation = begin(loss, rule, 0)
    return lambda count: NumpyBackend().advance(simulation, simulation.step + count)


def jaxs(
    loss: str, rule: dict, *, ahead: bool = False, seeds: int = SEEDS, **sizes: float
) -> Steps:
    """Steps of several runs: a compiled scan, vmapped; its arrays are donated from call to call.

    With `ahead` the samples of a whole scan are drawn before it begins.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    from jax import numpy as jnp

    start = begin(loss, rule, 0, **sizes)
    (size, _), best = start.problem.shapes["u"], start.problem.optimum
    weights = np.arange(1, size + 1) ** -1.05
    cumulated = jnp.asarray(np.cumsum(weights / weights.sum()), jnp.float32)
    best_u, best_v = (jnp.asarray(best[name], jnp.float32) for name in "uv")
    name, lr = rule["name"], rule.get("lr", 1.0)

    def update(w, slots, i, g, t):
        if name == "sgd":
            return w.at[i].add(-lr * g), slots
        if name == "cf_sgd":
            (count,) = slots
            count = count.at[i].add(1)
            return w.at[i].add(-lr / jnp.sqrt(count[i]) * g), (count,)
        if name == "adagrad":
            (total,) = slots
            total = total.at[i].add(g * g)
            return w.at[i].add(-lr * g / (jnp.sqrt(total[i]) + 1e-10)), (total,)
        m, v = slots
        m = m.at[i].set(0.9 * m[i] + 0.1 * g)
        v = v.at[i].set(0.999 * v[i] + 0.001 * g * g)
        hat = m[i] / (1 - 0.9**t) / (jnp.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
        return w.at[i].add(-lr * hat), (m, v)

    def draw(key, count):
        key, tokens, label = jax.random.split(key, 3)
        rows = jnp.searchsorted(cumulated, jax.random.uniform(tokens, (count, 2)))
        return key, (rows, jax.random.uniform(label, (count,)))

    def one_step(state, sample):
        u, v, of_u, of_v, t = state
        (i, j), word = sample
        score, planted = jnp.sum(u[i] * v[j]), jnp.sum(best_u[i] * best_v[j])
        if loss == "squared":
            slope = score - planted - 0.1 * jnp.sign(word - 0.5)
        else:
            slope = jax.nn.sigmoid(score) - (word < jax.nn.sigmoid(planted))
        along_u, along_v = slope * v[j], slope * u[i]
        u, of_u = update(u, of_u, i, along_u, t)
        v, of_v = update(v, of_v, j, along_v, t)
        return u, v, of_u, of_v, t + 1

    def drawing_step(carried, _):
        state, key = carried
        key, (rows, words) = draw(key, 1)
        return (one_step(state, (rows[0], words[0])), key), None

    def scanned(carried):
        if not ahead:
            return jax.lax.scan(drawing_step, carried, length=LEAST)[0]
        state, key = carried
        key, samples = draw(key, LEAST)
        return jax.lax.scan(lambda *now: (one_step(*now), None), state, samples)[0], key

    def slots(w):
        if name == "cf_sgd":
            return (jnp.zeros(size),)
        return (jnp.zeros_like(w),) * {"sgd": 0, "adagrad": 1, "lazy_adam": 2}[name]

    def fresh(key):
        u, v = (jnp.asarray(start.parameters[name]) for name in "uv")
        return (u, v, slots(u), slots(v), 1.0), key

    scan = jax.jit(jax.vmap(scanned), donate_argnums=0)
    state = [jax.vmap(fresh)(jax.random.split(jax.random.key(0), seeds))]

    def steps(count: int) -> None:
        for _ in range(count // LEAST):
            state[0] = scan(state[0])
        jax.block_until_ready(state[0])

    return steps


def paced(steps: Steps, seconds: float) -> int:
    """How many steps take about `seconds`; compiles on the way."""
    steps(LEAST)
    start = time.perf_counter()
    steps(LEAST)
    took = time.perf_counter() - start
    if took < 0.05:  # too short to judge by
        start = time.perf_counter()
        steps(20 * LEAST)
        took = (time.perf_counter() - start) / 20
    return max(1, round(seconds / took)) * LEAST


def speeds(contenders: dict[str, tuple[Steps, int]], rounds: int, seconds: float) -> dict:
    """Steps per second of all its runs together, for each contender in every round."""
    counts = {name: paced(steps, seconds) for name, (steps, _) in contenders.items()}
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (steps, runs) in contenders.items():
            start = time.perf_counter()
            steps(counts[name])
            found[name].append(counts[name] * runs / (time.perf_counter() - start))
    return {name: np.array(values) for name, values in found.items()}


def compare(cases: list[str], rounds: int, seconds: float, threads: int) -> None:
    """Each case beside the NumPy loop and JAX."""
    print(
        f"| case | ours, 1 thread, M steps/s | rounds, % | ours, {threads} threads | rounds, % "
        f"| scaling | NumPy loop | rounds, % | x NumPy | JAX, {SEEDS} seeds | x JAX "
        "| JAX, samples beforehand | x that |\n" + "|---" * 13 + "|"
    )
    absent = ""
    for case in cases:
        loss, rule = CASES[case]
        contenders = {
            "one": (ours(1, 1, loss, rule), 1),
            "all": (ours(threads, threads, loss, rule), threads),
            "numpy": (numpys(loss, rule), 1),
        }
        try:
            contenders["jax"] = jaxs(loss, rule, ahead=False), SEEDS
            contenders["ahead"] = jaxs(loss, rule, ahead=True), SEEDS
        except ImportError:
            absent = "jax"
        found = speeds(contenders, rounds, seconds)
        one, together, numpy = found["one"], found["all"], found["numpy"]
        row = [
            case,
            f"{np.median(one) / 1e6:.2f}",
            spread(one),
            f"{np.median(together) / 1e6:.2f}",
            spread(together),
            f"{np.median(together / one):.2f}",
            f"{np.median(numpy) / 1e6:.4f}",
            spread(numpy),
            f"{np.median(together / numpy):.0f}",
        ]
        for name in ("jax", "ahead"):
            if name not in found:
                row += ["absent", ""]
                continue
            theirs = found[name]
            row += [f"{np.median(theirs) / 1e6:.3f}", f"{np.median(together / theirs):.1f}"]
        print("| " + " | ".join(row) + " |", flush=True)
    print(f"\nTargets, at {threads} threads: {NUMPY_TARGET} x NumPy, {JAX_TARGET} x JAX.")
    if absent:
        print(f"Absent: {absent}.")


def grow(rounds: int, seconds: float, threads: int) -> None:
    """Nanoseconds per step, one size varied at a time."""
    loss, rule = CASES["logistic, CF-SGD"]
    axes = {
        "runs": [({}, runs) for runs in (1, 2, 4, 8, 16)],
        "size": [({"size": n}, threads) for n in (10**2, 10**3, 10**4, 10**5)],
        "width": [({"width": d}, threads) for d in (1, 4, 16, 64)],
        "exponent": [({"exponent": s}, threads) for s in (0.0, 0.8, 1.05, 1.5)],
    }
    labels = {"runs": "runs", "size": "N", "width": "d", "exponent": "Zipf exponent"}
    print(f"\n## Growth: ns per step of all runs together, logistic CF-SGD, {threads} threads\n")
    for axis, points in axes.items():
        contenders = {
            str(next(iter(sizes.values()), runs)): (
                ours(runs, min(runs, threads), loss, rule, **sizes),
                runs,
            )
            for sizes, runs in points
        }
        found = speeds(contenders, rounds, seconds)
        print(f"| {labels[axis]} | " + " | ".join(found) + " |\n" + "|---" * (len(found) + 1) + "|")
        cells = [f"{1e9 / float(np.median(values)):.0f}" for values in found.values()]
        print("| ns | " + " | ".join(cells) + " |\n", flush=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each contender in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--brief", action="store_true", help="the first case only")
    asked = parser.parse_args()
    print(f"# The whole simulation loop\n\n{machine()}\n")
    print((__doc__ or "").split("\n\n", 2)[2])
    cases = list(CASES)[:1] if asked.brief else list(CASES)
    compare(cases, asked.rounds, asked.seconds, asked.threads)
    if not asked.brief:
        grow(asked.rounds, asked.seconds, asked.threads)


if __name__ == "__main__":
    main()
