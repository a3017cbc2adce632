"""Skip-gram with negative sampling beside gensim's inner loop, in one thread.

    python benchmarks/word2vec.py [TEXT] [--words 100000] [--rounds 9]

Both train on the same words with 5 negatives, window 5, subsampling 1e-3 and sentences of 1,000
words, d = 100, float32. Gensim's loop is what its training calls for each batch, without its queue.
Contenders take turns; a turn is so many words of the text, and what is compared is the processor's
time of a turn. TEXT is a text file, plain or gzip: by default Debian's dict-gcide, else the small
text that Python carries. The last contender takes the same step the general way, as a batch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine, spread

from freqopt import rule
from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numba.loop import _run
from freqopt.problems import Problem, problems

TEXTS = (Path("/usr/share/dictd/gcide.dict.dz"),)
SENTENCE, BATCH = 1000, 10
"""Words of a sentence, and sentences of a batch: gensim's own."""
RULES = {
    "SGD": {"name": "sgd", "lr": 0.025},
    "CF-SGD": {"name": "cf_sgd", "lr": 1.0, "form": "anytime", "cap": "none"},
    "AdaGrad": {"name": "adagrad", "lr": 0.025},
}


def problem(text: Path | None, kind: str, **fields: object) -> Problem:
    """The text as passes, or as a law of pairs."""
    data: dict[str, object] = {"name": "python_topics", "options": {"min_count": 5}}
    if text is not None:
        options = {"words": "english", "min_count": 5, "encoding": "latin-1"}
        data = {"path": text, "format": "text", "options": options}
    pairs = {"kind": kind, "data": data, "sentence": SENTENCE}
    return problems["sgns"](pairs=pairs, dimension=100, **fields)


def ours(of: Problem, options: dict[str, object], pairs: int) -> Callable[[], None]:
    """So many pairs of a simulation, which goes on where it was."""
    simulation = Simulation.begin(of, rule(**options), steps=10**9, dtype="float32")
    backend = NumbaBackend(patience=0)
    return lambda: backend.advance(simulation, simulation.step + pairs)


def general(of: Problem, options: dict[str, object], pairs: int) -> Callable[[], None]:
    """`ours` without the shortcut."""
    taken = _run.allows_star
    _run.allows_star = lambda *_: False
    try:
        turn = ours(of, options, pairs)
        turn()  # the loop is composed here
    finally:
        _run.allows_star = taken
    return turn


def gensim_loop(of: Problem, words: int) -> Callable[[], None]:
    """So many words of the same text, which goes on where it was."""
    from gensim.matutils import zeros_aligned
    from gensim.models import Word2Vec
    from gensim.models.word2vec_inner import train_batch_sg

    text = of.pairs._texts[0]
    model = Word2Vec(vector_size=100, window=5, negative=5, min_count=1, workers=1, sg=1, seed=1)
    model.build_vocab_from_freq(dict(zip(text.words, text.counts.tolist(), strict=True)))
    tokens = [text.words[k] for k in text.tokens.tolist()]
    sentences = [tokens[k : k + SENTENCE] for k in range(0, len(tokens), SENTENCE)]
    memory, at = zeros_aligned(100, dtype=np.float32), [0]

    def turn() -> None:
        for _ in range(words // (SENTENCE * BATCH)):
            if at[0] + BATCH > len(sentences):
                at[0] = 0
            train_batch_sg(model, sentences[at[0] : at[0] + BATCH], 0.025, memory, False)
            at[0] += BATCH

    return turn


def contenders(text: Path | None, words: int) -> dict[str, Callable[[], None]]:
    """By name; gensim first, if it is installed."""
    passes = problem(text, "passes")
    pairs = round(words * passes.pairs.pairs_in(0, 0, 1) / passes.pairs._texts[0].tokens.size)
    found = {}
    try:
        found["gensim's inner loop"] = gensim_loop(passes, words)
    except ImportError:
        print("gensim is not installed (`pip install gensim`): ratios are to the first below.\n")
    for label, options in RULES.items():
        found[f"passes, {label}"] = ours(passes, options, pairs)
    drawn = problem(text, "corpus")
    found["pairs drawn, SGD"] = ours(drawn, RULES["SGD"], pairs)
    found["pairs drawn, SGD, the general way"] = general(drawn, RULES["SGD"], pairs)
    print(
        f"{passes.pairs._texts[0].tokens.size:,} words, {passes.shapes['centres'][0]:,} different; "
        f"{words:,} words are {pairs:,} pairs.\n"
    )
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("text", nargs="?", type=Path, default=None)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    print("# word2vec", "", machine(), "", sep="\n")
    print((__doc__ or "").split("\n\n", 2)[2])
    text = asked.text or next((path for path in TEXTS if path.exists()), None)
    found = contenders(text, asked.words)
    times = np.zeros((asked.rounds + 1, len(found)))
    for k in range(asked.rounds + 1):
        for place, turn in enumerate(found.values()):
            began = time.process_time()
            turn()
            times[k, place] = time.process_time() - began
    times = times[1:]
    ratio = times[:, :1] / times
    print("| contender | words/s | rounds, % | times the first's speed | rounds |")
    print("|---|---|---|---|---|")
    for k, name in enumerate(found):
        print(
            f"| {name} | {asked.words / np.median(times[:, k]):,.0f} | {spread(times[:, k])} | "
            f"{np.median(ratio[:, k]):.2f} | {ratio[:, k].min():.2f} to {ratio[:, k].max():.2f} |"
        )


if __name__ == "__main__":
    main()
