"""The learning rate of batch t by each law of its decay (`freqopt.optimizers.Rule.rate`), as text."""

from __future__ import annotations

from freqopt.optimizers import Rule
from freqopt.optimizers._rate import LAST_HALVING

C = {
    "inverse": "return h->lr / (1 + (t - 1) * h->lr_decay);",
    "inverse_sqrt": "return h->lr / sqrt(1 + (t - 1) * h->lr_decay);",
    "linear": "return h->lr * (1 - fmin((t - 1) * h->lr_decay, fmax(0, 1 - h->lr_decay)));",
    "cosine": """\
const double left = 1 - fmin((t - 1) * h->lr_decay, fmax(0, 1 - h->lr_decay));
const double root = elementary_sin(0.5 * PI * left);
return h->lr * (root * root);""",
    "step": f"""\
const double halvings = fmin((t - 1) * h->lr_decay, {LAST_HALVING:g});
return h->lr * ldexp(1.0, -(int)halvings);""",
    "warmup": "return h->lr_decay == 0 ? h->lr : h->lr * fmin(1, t * h->lr_decay);",
}
PYTHON = {
    "inverse": "return h.lr / (1 + (t - 1) * h.lr_decay)",
    "inverse_sqrt": "return h.lr / math.sqrt(1 + (t - 1) * h.lr_decay)",
    "linear": "return h.lr * (1 - min((t - 1) * h.lr_decay, max(0.0, 1 - h.lr_decay)))",
    "cosine": """\
left = 1 - min((t - 1) * h.lr_decay, max(0.0, 1 - h.lr_decay))
root = float(elementary.sin(0.5 * math.pi * left))
return h.lr * (root * root)""",
    "step": f"""\
halvings = min((t - 1) * h.lr_decay, {LAST_HALVING})
return h.lr * math.ldexp(1.0, -int(halvings))""",
    "warmup": "return h.lr if h.lr_decay == 0 else h.lr * min(1.0, t * h.lr_decay)",
}


def rate_lines(rule: Rule, laws: dict[str, str]) -> list[str]:
    """The body of `rate(h, t)`: of the rule's law, whose decay may be 0."""
    return laws[rule.lr_decay_law].splitlines()
