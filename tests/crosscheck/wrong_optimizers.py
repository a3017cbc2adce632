"""Optimizers written plainly, and what can be wrong with them: text, what stands there, cause.

Nothing here uses the rules or the grammar of mistakes. The cause is what a reader of the wrong line
would say; the test asks for its words in the sentence that is printed.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

COMMON = """
def make(rule, table, given):
    for name, field in type(rule).model_fields.items():
        if name in FIXED:
            if getattr(rule, name) != FIXED[name]:
                raise NotImplementedError(name)
        elif name not in MINE and getattr(rule, name) != field.default:
            raise NotImplementedError(name)
    N, d = table.shape
    one = table.dtype.type
    x = dict()
    t = 0
    START

    def step(rows, grads):
        nonlocal t
        t += 1
        ids, where = np.unique(rows, return_inverse=True)
        g = np.zeros((ids.size, d), table.dtype)
        np.add.at(g, where, grads)
        DENSE
        i = ids
        with np.errstate(all="ignore"):
            BODY
        return table

    return step
"""

DENSE = """full = np.zeros_like(table)
        full[ids] = g
        ids, g = np.arange(N), full"""

ADAM = {
    "rule": "adam",
    "MINE": {"lr", "beta1", "beta2", "epsilon", "weight_decay"},
    "FIXED": {"rows": "all"},
    "DENSE": DENSE,
    "START": "m = np.zeros_like(table); v = np.zeros_like(table)",
    "BODY": """lr, b1, b2, eps = rule.lr, rule.beta1, rule.beta2, rule.epsilon
            g = g + one(rule.weight_decay) * table[i]
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g * g
            c1 = 1 - b1**t
            c2 = 1 - b2**t
            den = np.sqrt(v[i] / c2) + eps
            table[i] -= np.where(den > 0, lr * (m[i] / c1) / den, 0)""",
}
LAZY = {
    **ADAM,
    "rule": "lazy_adam",
    "MINE": {"lr", "beta1", "beta2", "epsilon"},
    "FIXED": {"epsilon_place": "outside"},
    "DENSE": "",
}
AMSGRAD = {
    **ADAM,
    "rule": "amsgrad",
    "START": ADAM["START"] + "; u = np.zeros_like(table)",
    "FIXED": {"rows": "all", "amsgrad": "raw"},
    "BODY": ADAM["BODY"].replace(
        "den = np.sqrt(v[i] / c2)",
        "u[i] = np.maximum(u[i], v[i])\n            den = np.sqrt(u[i] / c2)",
    ),
}
NADAM = {
    "rule": "nadam",
    "MINE": {"lr", "beta1", "beta2", "epsilon", "momentum_decay"},
    "FIXED": {},
    "DENSE": DENSE,
    "START": "m = np.zeros_like(table); v = np.zeros_like(table); x['P'] = 1.0",
    "BODY": """b1, b2, psi = rule.beta1, rule.beta2, rule.momentum_decay
            mu = b1 * (1 - 0.5 * 0.96 ** (t * psi))
            mu2 = b1 * (1 - 0.5 * 0.96 ** ((t + 1) * psi))
            x['P'] *= mu
            P = x['P']
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g * g
            den = np.sqrt(v[i] / (1 - b2**t)) + rule.epsilon
            top = rule.lr * mu2 / (1 - P * mu2) * m[i] + rule.lr * (1 - mu) / (1 - P) * g
            table[i] -= np.where(den > 0, top / den, 0)""",
}
SGD = {
    "rule": "sgd",
    "MINE": {"lr", "momentum", "dampening", "weight_decay", "nesterov", "lr_decay"},
    "FIXED": {},
    "DENSE": "",
    "START": "b = np.zeros_like(table); begun = np.zeros(N, bool)",
    "BODY": """lr, mu = rule.lr / (1 + (t - 1) * rule.lr_decay), rule.momentum
            g = g + one(rule.weight_decay) * table[i]
            if not mu:
                table[i] -= one(lr) * g
                return table
            new = mu * b[i] + (1 - rule.dampening) * g
            new[~begun[i]] = g[~begun[i]]
            b[i] = new
            begun[i] = True
            move = g + mu * b[i] if rule.nesterov else b[i]
            table[i] -= one(lr) * move""",
}
ADAGRAD = {
    "rule": "adagrad",
    "MINE": {"lr", "epsilon", "initial_accumulator", "weight_decay", "lr_decay"},
    "FIXED": {},
    "DENSE": "",
    "START": "s = np.full_like(table, rule.initial_accumulator)",
    "BODY": """lr = one(rule.lr / (1 + (t - 1) * rule.lr_decay))
            g = g + one(rule.weight_decay) * table[i]
            s[i] += g * g
            den = np.sqrt(s[i]) + one(rule.epsilon)
            table[i] -= np.where(den > 0, lr * g / den, 0)""",
}
ROWWISE = {
    "rule": "rowwise_adagrad",
    "MINE": {"lr", "epsilon", "weight_decay"},
    "FIXED": {},
    "DENSE": "",
    "START": "s = np.zeros((N, 1), table.dtype)",
    "BODY": """lr = one(rule.lr)
            g = g + one(rule.weight_decay) * table[i]
            s[i] += (g * g).mean(axis=1, keepdims=True)
            den = np.sqrt(s[i]) + one(rule.epsilon)
            table[i] -= np.where(den > 0, lr * g / den, 0)""",
}
RMSPROP = {
    "rule": "rmsprop",
    "MINE": {"lr", "rho", "epsilon", "centered", "momentum"},
    "FIXED": {"rows": "all"},
    "DENSE": DENSE,
    "START": "v = np.zeros_like(table); a = np.zeros_like(table); b = np.zeros_like(table)",
    "BODY": """rho, lr = rule.rho, one(rule.lr)
            v[i] = rho * v[i] + (1 - rho) * g * g
            u = v[i]
            if rule.centered:
                a[i] = rho * a[i] + (1 - rho) * g
                u = np.maximum(v[i] - a[i] * a[i], 0)
            den = np.sqrt(u) + one(rule.epsilon)
            r = np.where(den > 0, g / den, 0)
            if rule.momentum:
                b[i] = rule.momentum * b[i] + r
                r = b[i]
            table[i] -= lr * r""",
}
CF = {
    "rule": "cf_sgd",
    "MINE": {"lr", "scale", "epsilon"},
    "FIXED": {},
    "DENSE": "",
    "START": "",
    "BODY": "",
}

WRONG = [
    # dense Adam
    (ADAM, "c1 = 1 - b1**t", "c1 = 1 - b1**(t + 1)", "index of the step after|power of beta"),
    (ADAM, "c2 = 1 - b2**t", "c2 = 1 - b2 * t", "beta2|nothing is updated after 1"),
    (ADAM, "c2 = 1 - b2**t", "c2 = 1 - b1**t", "beta1 for|c2 from beta1"),
    (ADAM, "(1 - b1) * g\n", "g\n", "leaves 1 - beta1 out|leaves beta1 out of 1 - beta1"),
    (ADAM, "(1 - b2) * g * g", "(1 - b2) * g", "not square"),
    (ADAM, "np.sqrt(v[i] / c2) + eps", "np.sqrt(v[i] / c2 + eps)", "epsilon_place = inside"),
    (ADAM, "np.sqrt(v[i] / c2) + eps", "np.sqrt(v[i] / c2) - eps", "subtracts epsilon"),
    (ADAM, "np.sqrt(v[i] / c2)", "np.sqrt(v[i]) / c2", "root"),
    (ADAM, "np.sqrt(v[i] / c2)", "(v[i] / c2)", "root"),
    (ADAM, "np.sqrt(v[i] / c2) + eps", "np.sqrt(v[i] / c2) + eps * eps", "epsilon"),
    (ADAM, "m[i] / c1", "m[i] * c1", "multipl"),
    (ADAM, "m[i] / c1", "g / c1", "takes g for|g"),
    (ADAM, "lr * (m[i]", "lr * lr * (m[i]", "lr|rate"),
    (ADAM, "+ one(rule.weight_decay) * table[i]", "+ one(rule.weight_decay)", "constant"),
    (
        ADAM,
        "+ one(rule.weight_decay) * table[i]",
        "+ one(rule.weight_decay) * np.sign(table[i])",
        "sign",
    ),
    (
        ADAM,
        "+ one(rule.weight_decay) * table[i]",
        "+ one(rule.lr * rule.weight_decay) * table[i]",
        "lr|rate",
    ),
    (ADAM, "v[i] = b2 * v[i]", "v[i] = b1 * v[i]", "beta1 for beta2|v decays with beta1"),
    (ADAM, "v[i] = b2 * v[i] + (1 - b2)", "v[i] = b1 * v[i] + (1 - b1)", "beta1"),
    (ADAM, "t += 1", "t += ids.size if (ids := np.unique(rows)).size else 1", "rows|step"),
    (ADAM, "v[i] = b2", "v[:] = v.mean(axis=0); v[i] = b2", "all rows"),
    (ADAM, "np.sqrt(v[i] / c2)", "np.sqrt(v[i].mean(axis=1, keepdims=True) / c2)", "row"),
    # lazy Adam
    (LAZY, "t += 1", "t += 1 if rows.size else 0", "empty|count_empty"),
    (LAZY, "t += 1", "t += max(rows.size, 1)", "occurrences"),
    (LAZY, "t += 1", "t = min(t + 1, 255)", "255"),
    (
        LAZY,
        "m[i] = b1",
        "m[np.setdiff1d(np.arange(N), i)] *= b1; m[i] = b1",
        "m .*fade|outside|absent|since the row's last visit, in m",
    ),
    (LAZY, "m[i] = b1", "m[np.setdiff1d(np.arange(N), i)] = 0; m[i] = b1", "m of rows outside"),
    (LAZY, "np.add.at(g, where, grads)", "g[where] = grads", "duplicates = last"),
    (
        LAZY,
        "np.add.at(g, where, grads)",
        "np.add.at(g, where, grads / max(rows.size, 1))",
        "size of",
    ),
    (LAZY, "ids, where = np", "rows = np.where(rows == N - 1, 0, rows); ids, where = np", "row"),
    (LAZY, "table[i] -=", "i = i[:-1]; m, v; den = den[:-1]; table[i] -=", ""),
    # AMSGrad
    (AMSGRAD, "u[i] = np.maximum(u[i], v[i])", "u[i] = v[i]", "largest|amsgrad|forgets"),
    (
        AMSGRAD,
        "u[i] = np.maximum(u[i], v[i])",
        "u[i] = np.minimum(u[i], v[i])",
        "largest|minimum|g times v",
    ),
    (AMSGRAD, "u[i] = np.maximum(u[i], v[i])", "u[i] = v[i] = np.maximum(u[i], v[i])", "stores|v"),
    (AMSGRAD, "np.sqrt(u[i] / c2)", "np.sqrt(v[i] / c2)", "unused|v|amsgrad"),
    # NAdam
    (NADAM, "0.96 ** ((t + 1)", "0.96 ** (t", "step|leaves 1 out of k"),
    (NADAM, "x['P'] *= mu", "x['P'] = mu", "product"),
    (NADAM, "x['P'] *= mu", "x['P'] *= b1", "beta1|product"),
    (NADAM, "(1 - mu) / (1 - P)", "(1 - mu) / (1 - P * mu2)", "product|ahead"),
    (NADAM, "rule.lr * mu2 /", "rule.lr * mu /", "mu|the present momentum"),
    (NADAM, "1 - 0.5 * 0.96", "1 - 0.96", "half|0.5|2"),
    (NADAM, "1 - b2**t", "1 - b2", "power|stays 1|every step|1 for the index of the step, in c2"),
    (NADAM, "/ (1 - P * mu2) * m[i]", "/ (1 - b1**(t + 1)) * m[i]", ""),
    # SGD
    (SGD, "(1 - rule.dampening) * g", "g", "dampening"),
    (SGD, "(1 - rule.dampening) * g", "rule.dampening * g", "dampening"),
    (SGD, "mu * b[i] + (1", "(1 - mu) * b[i] + (1", "momentum"),
    (SGD, "mu * b[i] + (1 - rule.dampening)", "mu * b[i] + (1 - mu)", "momentum|average"),
    (SGD, "g + mu * b[i] if", "mu * b[i] if", "Nesterov without|leaves (g|step) out"),
    (SGD, "g + mu * b[i] if", "g + mu * new / mu if", "momentum"),
    (SGD, "g + mu * b[i] if", "b[i] + mu * b[i] if", "b for|takes"),
    (SGD, "new[~begun[i]] = g[~begun[i]]", "pass", "first_buffer = damped"),
    (
        SGD,
        "new[~begun[i]] = g[~begun[i]]",
        "new = g if t == 1 else new",
        "first|started is the same for all",
    ),
    (SGD, "b[i] = new", "b[i] = new if t == 1 else b[i]", "b .*first step"),
    (SGD, "(t - 1) * rule.lr_decay", "t * rule.lr_decay", "early|index|leaves 1|step"),
    (
        SGD,
        "1 + (t - 1) * rule.lr_decay",
        "1 + (t - 1)**2 * rule.lr_decay",
        "squares t|square|\\(t-1\\)\\^2",
    ),
    (SGD, "g = g + one(rule.weight_decay) * table[i]", "", "weight_decay"),
    (SGD, "table[i] -= one(lr) * move", "table[i] += one(lr) * move", "add|subtract|sign"),
    # AdaGrad
    (ADAGRAD, "s[i] += g * g", "s[i] += np.abs(g)", r"\|g\| for the square"),
    (ADAGRAD, "s[i] += g * g", "s[i] = g * g", "lost|stored|leaves v out"),
    (ADAGRAD, "s[i] += g * g", "s[i] += g * g * lr * lr", "lr|rate"),
    (ADAGRAD, "np.sqrt(s[i])", "np.cbrt(s[i])", "cube"),
    (
        ADAGRAD,
        "np.full_like(table, rule.initial_accumulator)",
        "np.full_like(table, 0)",
        "initial_accumulator",
    ),
    (
        ADAGRAD,
        "g = g + one(rule.weight_decay) * table[i]\n            s[i] += g * g",
        "s[i] += g * g\n            g = g + one(rule.weight_decay) * table[i]",
        "second moment|decay",
    ),
    (ADAGRAD, "ids, where = np", "rows = rows.astype(np.uint8) % N; ids, where = np", "uint8"),
    (ADAGRAD, "ids, where = np", "rows, grads = rows[:512], grads[:512]; ids, where = np", "512"),
    # row-wise AdaGrad
    (ROWWISE, ".mean(axis=1", ".max(axis=1", "max_square"),
    (
        ROWWISE,
        "(g * g).mean(axis=1, keepdims=True)",
        "g.mean(axis=1, keepdims=True) ** 2",
        "square_of_mean",
    ),
    (ROWWISE, "(g * g).mean", "np.abs(g).mean", "\\|g\\||squared"),
    (ROWWISE, "np.sqrt(s[i])", "np.sqrt(s[i] * d)", "sum_square"),
    (ROWWISE, "np.sqrt(s[i])", "np.sqrt(s[i]).mean()", ""),
    # RMSprop
    (RMSPROP, "v[i] - a[i] * a[i]", "v[i] - a[i]", "square|mean"),
    (
        RMSPROP,
        "u = np.maximum(v[i] - a[i] * a[i], 0)",
        "u = np.maximum(v[i] + a[i] * a[i], 0)",
        "adds",
    ),
    (RMSPROP, "b[i] = rule.momentum * b[i] + r", "b[i] = rule.momentum * b[i] + lr * r", "rate|lr"),
    (RMSPROP, "b[i] = rule.momentum * b[i] + r", "b[i] = rho * b[i] + r", "rho"),
    (RMSPROP, "v[i] = rho * v[i] + (1 - rho)", "v[i] = (1 - rho) * v[i] + rho", "rho"),
    (RMSPROP, "np.where(den > 0, g / den, 0)", "np.where(den > 0, g * den, 0)", "multipl"),
    (RMSPROP, "np.sqrt(u) +", "np.sqrt(v[i]) +", "v|centered"),
]


def source(base, old, new):
    """The text of an optimizer with one piece replaced."""
    text = COMMON
    for part in ("START", "DENSE", "BODY"):
        text = text.replace(f"    {part}\n", f"    {base[part]}\n")
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def made(base, old="t += 1", new="t += 1"):
    """The function `make` of an optimizer with one piece replaced."""
    space = {"np": np, "MINE": base["MINE"], "FIXED": MappingProxyType(base["FIXED"])}
    exec(source(base, old, new), space)
    return space["make"]
