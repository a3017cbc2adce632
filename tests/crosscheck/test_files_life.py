"""The life of an optimizer that answers in files: `freqopt vectors write --offers`."""

import numpy as np
import pytest

from freqopt.cli import run
from freqopt.crosscheck.exchange.files import read_folder, write_answer
from freqopt.crosscheck.exchange.vectors import check_vectors
from freqopt.crosscheck.life import IN_FILES

STEPPED = (1, 3, 4, 7, 9, 12, 13, 16)


def tables(case, wrong):
    """SGD with momentum, to which a case's life happens; without what is wrong."""
    table, buffer, lr = case.exercise.table.copy(), 0 * case.exercise.table, case.rule.lr
    shown, waiting, life = [table.copy()], [], case.life if case.life != wrong else ""
    for t, batch in enumerate(case.exercise.batches, start=1):
        if t == 8 and life == "rate":
            lr = lr / 2
        if t == 8 and wrong == case.life == "save":
            buffer[:] = 0
        if not (t == 8 and life == "idle"):
            waiting.append(batch)
            if life != "accumulate" or t in STEPPED:
                rows, grads = (np.concatenate(part) for part in zip(*waiting, strict=True))
                waiting, total, here = [], np.zeros_like(table), np.unique(rows)
                np.add.at(total, rows, grads)
                buffer[here] = case.rule.momentum * buffer[here] + total[here]
                table[here] -= lr * buffer[here]
        shown.append(table.copy())
    return np.array(shown)


def judged(folder, wrong=""):
    offers = [word for method in IN_FILES for word in ("--offers", method)]
    run(["vectors", "write", str(folder), "--rule", "sgd", "--dtype", "float64",
         "--accepts", "momentum", *offers])  # fmt: skip
    for entry in read_folder(folder):
        if entry.case.rule.lr_decay or len(entry.case.exercise.table) > 10_000:
            entry.output.with_suffix(".txt").write_text("too large")
        else:
            write_answer(entry.output, tables(entry.case, wrong), "npz")
    return check_vectors(folder)


def test_what_is_offered_is_judged(tmp_path):
    report = judged(tmp_path / "vectors")
    assert report.matches
    assert {life.case.life for life in report.lives} == set(IN_FILES)
    assert "save and restore" not in report.coverage.not_judged


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("save", "save and restore lose b"),
        ("rate", "a new rate is not used"),
        ("accumulate", "accumulated gradients are a step of their own"),
    ],
)
def test_what_is_wrong_is_named(wrong, cause, tmp_path):
    report = judged(tmp_path / "vectors", wrong)
    assert not report.matches
    assert not report.having("FAIL")
    assert report.cause == cause
