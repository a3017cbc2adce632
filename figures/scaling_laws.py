"""Laws L1 to L5 (docs/laws.md): limit, exact recursion, runs of the project's rules, residuals.

Above, dashed what the law says in the limit, in full the exact recursion at the rates of the runs
and, beyond them, at the best ones (to T = 10^7, L1 without an end of the vocabulary; L3 to d =
10^6), in L1 also for the 3,000 commonest words of figure bigram_full_batch's text. Dots are the
median of the runs with the interval from the least to the largest, which holds the true median with
probability 1 - 2^(1 - runs). Below, the same relative to the recursion. L3 has no chance in it:
dots are steps of the rule with exact gradients. L1 and L2: fa_sgd; L4: dense Adam, v per row; L5:
fa_sgd over a data set.
"""

import matplotlib.pyplot as plt
import numpy as np
import pyarrow.compute as pc

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.problems.linear_bigram import LinearBigram
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.report import tidy
from freqopt.streams import Stream
from freqopt.theory.scaling import adaptive, epochs, full_batch, groups, limits, online

STUDIES = ("scaling_laws", "rmsprop_transition")
PANELS = {
    "L1": ("horizon T", "gap"),
    "L2": ("horizon T", "gap"),
    "L3": ("vocabulary d", "steps to a tenth of the loss"),
    "L4": ("horizon T", "gap"),
    "L5": ("passes E", "excess risk"),
}
RULES = {0.0: "SGD", 0.5: "FA-SGD"}
DATA, COLUMNS, REPEATS = 1000, 16, 7  # L5
LAW = groups.zipf(1.5, 300)
FAR = (1e5, 1e6, 1e7)
TEXT = {"kind": "bigrams", "data": "python_topics", "vocabulary": 3000}


def data(results):
    """Columns law, series, kind (limit, exact, runs), x, y, low, high."""
    points = [*online_laws(results), *transition(results), *beyond(), *vocabulary(), *passes()]
    names = ("law", "series", "kind", "x", "y", "low", "high")
    return {name: [point[i] for point in points] for i, name in enumerate(names)}


def line(law, series, kind, x, y):
    """A point without an interval."""
    return (law, series, kind, float(x), float(y), float(y), float(y))


def runs(law, series, x, values):
    """The median of the runs, and their range."""
    return (law, series, "runs", float(x), float(np.median(values)), min(values), max(values))


def gaps(table, keys):
    """(values of the keys, final gaps of the runs) of every case."""
    rows = table.filter((pc.field("metric") == "gap") & (pc.field("step") == pc.field("steps")))
    cases = {}
    for row in rows.to_pylist():
        cases.setdefault(tuple(row[key] for key in keys), []).append(row["value"])
    return cases.items()


def online_laws(results):
    """L1 and L2."""
    keys = ("problem.tokens.exponent", "problem.tokens.size", "steps", "rule.exponent", "rule.lr")
    for (nu, size, steps, q, lr), values in gaps(results["scaling_laws"], keys):
        law, noise = ("L1", 1.0) if nu == 1.5 else ("L2", 4.0)
        tokens = groups.zipf(nu, size)
        if law == "L1":
            limit = limits.constant(nu, q, noise) * steps ** -limits.exponent(nu, q)
        else:
            limit = limits.late_gap(tokens, nu, steps, noise, q)
        yield line(law, RULES[q], "limit", steps, limit)
        yield line(
            law, RULES[q], "exact", steps,
            online.gap(tokens, np.minimum(1, lr * tokens.p**-q), steps, noise),
        )  # fmt: skip
        yield runs(law, RULES[q], steps, values)


def beyond():
    """L1, L2 and L4 at the best rates, where nobody runs them; L1 for the words of a text."""
    present, _, counts = LinearBigram(tokens=TEXT).tokens.listed
    words = groups.from_counts(np.bincount(present, weights=counts).astype(int))
    endless, few, some = groups.zipf(1.5), groups.zipf(1.0, 100), groups.zipf(1.5, 200)
    for q, name in RULES.items():
        for steps in FAR:
            limit = limits.constant(1.5, q, 1.0) * steps ** -limits.exponent(1.5, q)
            yield line("L1", name, "limit", steps, limit)
            yield line("L1", name, "exact", steps, online.power_law_rule(endless, steps, q=q)[0])
            yield line("L2", name, "limit", steps, limits.late_gap(few, 1.0, steps, 4.0, q))
            yield line("L2", name, "exact", steps, online.power_law_rule(few, steps, 4.0, q=q)[0])
            best = online.power_law_rule(some, steps, 4.0, q=q)[0]
            yield line("L4", name, "limit", steps, best)
        for steps in (300, 1000, 3000, 1e4, 3e4, *FAR):
            gap = online.power_law_rule(words, steps, q=q)[0]
            yield line("L1", f"{name}, text", "exact", steps, gap)
    for beta2 in (0.9, 0.99, 0.999, 0.9999):
        shape = adaptive.effective_shape(some.p, 1 - beta2)
        for steps in FAR:
            gap, _ = online.tuned(some, steps, 4.0, shape=shape)
            yield line("L4", f"beta2 = {beta2:g}", "exact", steps, gap)


def transition(results):
    """L4; in the place of a limit, the best gaps of SGD and FA-SGD, between which RMSprop moves."""
    tokens, deviation = groups.zipf(1.5, 200), np.sqrt(4.0 / 32)
    keys = ("steps", "rule.beta2", "rule.lr")
    for (steps, beta2, lr), values in gaps(results["rmsprop_transition"], keys):
        series = f"beta2 = {beta2:g}"
        rate = np.minimum(1, lr / deviation * adaptive.effective_shape(tokens.p, 1 - beta2))
        best = {
            name: online.power_law_rule(tokens, steps, 4.0, q=q)[0] for q, name in RULES.items()
        }
        for name, gap in best.items():
            yield line("L4", name, "limit", steps, gap)
        yield line("L4", series, "exact", steps, online.gap(tokens, rate, steps, 4.0))
        yield runs("L4", series, steps, values)


def vocabulary():
    """L3 at nu = 1, where the limit is scaled to the largest vocabulary."""
    share, nu = 0.1, 1.0
    for size in (100, 300, 1000, 3000, 10**4, 10**5, 10**6):
        tokens = groups.zipf(nu, size)
        for q, name in RULES.items():
            exact = full_batch.steps_needed(tokens, share, q)
            power = (1 - q) * full_batch.gradient_descent_exponent(nu, share)
            last = full_batch.steps_needed(groups.zipf(nu, 10**6), share, q)
            yield line("L3", name, "limit", size, last * (size / 10**6) ** power)
            yield line("L3", name, "exact", size, exact)
            if size <= 3000:
                between = whole_steps(size, nu, share, q)
                yield ("L3", name, "runs", float(size), *between)


def whole_steps(size, nu, share, q):
    """Steps of the rule with exact gradients to the share: where log loss passes it, and around."""
    tokens = {"kind": "zipf", "exponent": nu, "size": size}
    problem = TokenQuadratic(tokens=tokens, dimension=1, noise=0.0)
    p, tables = problem.probabilities, problem.start(0, 0)
    rule = FASGD(form="recipe", exponent=q, cap="none", lr=float(p[0] ** (q - 1)))
    state = rule.init(tables["tokens"], frequency=p)
    losses = [problem.objective(tables)]
    while losses[-1] > share * losses[0]:
        rule.step(tables["tokens"], state, np.arange(size), problem.gradient(tables)["tokens"])
        losses.append(problem.objective(tables))
    count = len(losses) - 1
    before, after = np.log(losses[-2:])
    passed = count - 1 + (before - np.log(share * losses[0])) / (before - after)
    return float(passed), float(count - 1), float(count)


def passes():
    """A data set of DATA samples; every repeat is COLUMNS columns of one wide table."""
    noise = 4.0
    p = LAW.p / LAW.p.sum()
    u = Stream(20, 0, "data set").uniform(0, DATA)
    n = np.bincount(np.searchsorted(np.cumsum(p), u).clip(max=p.size - 1), minlength=p.size)
    for q, name in RULES.items():
        many, _ = epochs.tuned_risk(n.astype(float), p, np.inf, noise, q=q)
        for E in (1, 3, 10, 30):
            exact, c = epochs.tuned_risk(n.astype(float), p, E, noise, q=q)
            yield line("L5", name, "limit", E, many)
            yield line("L5", name, "exact", E, exact)
            yield runs("L5", name, E, trained(n, p, E, noise, q, c))


def trained(n, p, passes_over, noise, q, c):
    """Excess risk of each repeat, by the rule, one sample of every token at a time."""
    width, seen = COLUMNS * REPEATS, n > 0
    table = np.full((n.size, width), COLUMNS**-0.5)  # the optimum is 0
    rule = FASGD(form="recipe", exponent=q, smoothness=0.25, lr=c / DATA**q)
    state = rule.init(table, frequency=np.where(seen, n / DATA, 1.0))
    stream, order = Stream(20, 1, "noise"), range(int(n.max()))
    here = [np.flatnonzero(n > i) for i in order]
    samples = [
        np.sqrt(noise / COLUMNS) * stream.normal(i, here[i].size * width).reshape(-1, width)
        for i in order
    ]
    for _ in range(passes_over):
        for i in order:
            rule.step(table, state, here[i], table[here[i]] - samples[i])
    squares = (table**2).reshape(n.size, REPEATS, COLUMNS).sum(axis=2)
    return list(p @ squares / 2)


def caption(data):
    """How far the middle of the runs is from the exact recursion, at most."""
    told = []
    for law in PANELS:
        own = tidy.where(data, law=law)
        exact = tidy.where(own, kind="exact")
        at = zip(exact["series"].tolist(), exact["x"].tolist(), strict=True)
        known = dict(zip(at, exact["y"].tolist(), strict=True))
        dots = tidy.where(own, kind="runs")
        off = [
            abs(y / known[series, x] - 1)
            for series, x, y in zip(*(dots[n].tolist() for n in ("series", "x", "y")), strict=True)
        ]
        told.append(f"{law} {100 * max(off):.2g} %")
    return f"Runs of the rules follow the exact recursion: medians are off by {', '.join(told)}."


def draw(data):
    """A column for each law."""
    figure, axes = plt.subplots(
        2, 5, figsize=(17, 5.2), sharex="col", gridspec_kw={"height_ratios": [3, 1]}
    )
    for (law, (x, y)), (above, below) in zip(PANELS.items(), axes.T, strict=True):
        chosen = tidy.where(data, law=law)
        colors = {}
        for series in dict.fromkeys(chosen["series"]):
            curve = {
                kind: tidy.where(chosen, series=series, kind=kind)
                for kind in np.unique(data["kind"])
            }
            if not curve["exact"]["x"].size:  # L4
                above.loglog(curve["limit"]["x"], curve["limit"]["y"], "k--", lw=1)
                above.annotate(
                    series, (curve["limit"]["x"][-1], curve["limit"]["y"][-1]), ha="right"
                )
                continue
            colour = colors.setdefault(series, f"C{len(colors)}")
            above.loglog(curve["limit"]["x"], curve["limit"]["y"], "--", color=colour, lw=1)
            above.loglog(curve["exact"]["x"], curve["exact"]["y"], color=colour, label=series)
            known = dict(zip(curve["exact"]["x"], curve["exact"]["y"], strict=True))
            dots = curve["runs"]
            exact = np.array([known[x] for x in dots["x"]])
            for axis, scale in ((above, 1.0), (below, exact)):
                error = [(dots["y"] - dots["low"]) / scale, (dots["high"] - dots["y"]) / scale]
                axis.errorbar(
                    dots["x"], dots["y"] / scale, error, fmt="o", ms=3, color=colour, lw=1
                )
        below.axhline(1, color="black", lw=0.8)
        above.set(title=law, ylabel=y)
        below.set(xlabel=x, ylabel="runs / exact")
        above.legend(fontsize=7)
    return figure
