"""Passes over a text: against word2vec's loop written out, word by word and pair by pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from problem_checks import check_reentry

import freqopt
from freqopt.backends.cupy._problem import find_problem
from freqopt.errors import ProblemError
from freqopt.problems import problems
from freqopt.streams import words
from freqopt.tables import PlainTable

RNG = np.random.default_rng(0)
LAW = 1 / np.arange(1, 26)
TOKENS = [f"w{k}" for k in RNG.choice(25, 700, p=LAW / LAW.sum())]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("passes") / "text"
    path.write_text(" ".join(TOKENS))
    return path


def passes(text, negatives=3, **fields):
    pairs = {"kind": "passes", "data": {"path": text, "format": "text"}, "window": 3} | fields
    return problems["sgns"](pairs=pairs, dimension=4, negatives=negatives)


def one_pass(problem, tokens, seed, run, number):
    """word2vec.c's loop: (centre, context, negatives) of each pair of a pass."""
    pairs, k = problem.pairs, problem.negatives
    counts = np.bincount(tokens)
    drawn = words(seed, run, "passes", number, len(tokens)).tolist()
    for start in range(0, len(tokens), pairs.sentence):
        stay = []
        for p in range(start, min(start + pairs.sentence, len(tokens))):
            n, level = counts[tokens[p]], pairs.sample * len(tokens)
            keep = (math.sqrt(n / level) + 1) * level / n if level else 1.0
            if drawn[p] >> 32 < keep * 2**32:
                stay.append(p)
        for a, p in enumerate(stay):
            size = 1 + ((drawn[p] & 0xFFFFFFFF) * pairs.window >> 32)
            near = [q for q in stay[max(0, a - size) : a + size + 1] if q != p]
            place = number * len(tokens) + p
            noise = words(seed, run, "negatives", place, len(near) * k).reshape(-1, k)
            for other, of_pair in zip(near, noise, strict=True):
                yield tokens[p], tokens[other], problem._noise_table.draw(of_pair).tolist()


@pytest.mark.parametrize(
    "fields", [{"sentence": 60, "sample": 0.02}, {"sentence": 7, "sample": 0, "window": 1}]
)
def test_draws_are_the_loop_of_word2vec(text, fields):
    problem = passes(text, **fields)
    tokens = problem.pairs.data.load(object).tokens.tolist()
    expected = [pair for number in range(3) for pair in one_pass(problem, tokens, 5, 2, number)]
    ends = [problem.pairs.pairs_in(5, 2, n) for n in range(4)]
    assert ends[-1] == len(expected)
    assert len(set(np.diff(ends))) > 1 or not fields["sample"]  # each pass is another one
    for batch in (1, 4):
        drawn = problem.draw(5, 2, np.arange(len(expected) // batch), batch)
        i, j = drawn["centres"].reshape(-1), drawn["contexts"].reshape(-1, 4)
        for n, (centre, context, noise) in enumerate(expected[: i.size]):
            assert (i[n], j[n].tolist()) == (centre, [context, *noise]), n
    check_reentry(problem)


def test_a_pair_is_one_step_from_the_tables_before_it(text):
    """Duplicates add up, and a negative that is the context counts as both: seen with 3 words."""
    problem = passes(text, negatives=4, vocabulary=3, sample=0.0, sentence=50)
    rate, steps = 0.1, 400
    tables = problem.start(1, 0)
    u, v = tables["centres"].tolist(), tables["contexts"].tolist()
    drawn = problem.draw(1, 0, np.arange(steps), 1)
    clashes = same = 0
    for n in range(steps):
        i, row = int(drawn["centres"][n, 0]), drawn["contexts"][n, 0].tolist()
        clashes += len(set(row)) < len(row)
        same += row[0] in row[1:]
        old_u, old_v = list(u[i]), [list(v[j]) for j in row]
        slopes = []
        for m, other in enumerate(old_v):
            score = math.fsum(a * b for a, b in zip(old_u, other, strict=True))
            slopes.append(1 / (1 + math.exp(-score)) - (m == 0))
        for j, slope, other in zip(row, slopes, old_v, strict=True):
            for c in range(4):
                u[i][c] -= rate * slope * other[c]
                v[j][c] -= rate * slope * old_u[c]
    assert clashes > steps / 2
    assert same > steps / 3
    simulation = freqopt.backends.Simulation.begin(
        problem, freqopt.rule("sgd", lr=rate), steps=steps, seed=1
    )
    freqopt.backends.backends["numpy"]().advance(simulation, steps)
    assert simulation.tables["centres"].weights == pytest.approx(np.array(u), abs=1e-12)
    assert simulation.tables["contexts"].weights == pytest.approx(np.array(v), abs=1e-12)


def test_held_out_sentences_are_not_trained_on(text):
    whole = passes(text, sentence=10)
    problem = passes(text, sentence=10, held_out={"fraction": 0.2, "seed": 3})
    train, test = problem.pairs._texts
    assert (train.tokens.size, test.tokens.size) == (560, 140)
    tokens = whole.pairs._texts[0].tokens.reshape(-1, 10).tolist()
    kept, held = train.tokens.reshape(-1, 10).tolist(), test.tokens.reshape(-1, 10).tolist()
    assert sorted(kept + held) == sorted(tokens)
    assert kept == [s for s in tokens if s in kept]
    other = passes(text, sentence=10, held_out={"fraction": 0.2, "seed": 4})
    assert not np.array_equal(other.pairs._texts[1].tokens, test.tokens)
    last = passes(text, sentence=10, held_out={"fraction": 0.2, "by": "time"}).pairs._texts[1]
    assert last.tokens.reshape(-1, 10).tolist() == tokens[-14:]


def test_frequencies_are_those_of_the_visits(text):
    problem = passes(text, sentence=50, sample=0.02)
    n = problem.pairs.pairs_in(0, 0, 1)
    drawn = problem.draw(0, 0, np.arange(n), 1)
    p = problem.constants.frequency
    assert p["centres"] == pytest.approx(np.bincount(drawn["centres"][:, 0], minlength=25) / n)
    met = (drawn["contexts"][:, 0, :, None] == np.arange(25)).any(axis=1).mean(axis=0)
    assert p["contexts"] == pytest.approx(met, abs=4 / math.sqrt(n))
    assert (p["contexts"] > 0).all()


def test_the_held_out_loss_is_that_of_the_held_out_pairs(text):
    """Against the exact sum over all pairs of words, which the interval has to hold."""
    held_out = {"fraction": 0.3, "seed": 3, "measure": "test"}
    problem = passes(text, sentence=10, held_out=held_out)
    rng = np.random.default_rng(0)
    tables = {name: rng.normal(size=shape) for name, shape in problem.shapes.items()}
    held = problem.pairs.held_out_pairs
    D = np.zeros((25, 25))
    D[held.centres, held.contexts] = held.counts / held.counts.sum()
    s = tables["centres"] @ tables["contexts"].T
    by_centre = (D * np.logaddexp(0, -s)).sum(axis=1)
    p = D.sum(axis=1)
    by_centre += 3 * p * (np.logaddexp(0, s) @ problem.noise_law)
    found = problem.metrics(tables)
    margin = found["test_loss_margin"]
    assert 0 < margin < 0.05
    assert abs(found["test_loss"] - by_centre.sum()) < 1.5 * margin
    group = np.searchsorted([10, 100], problem.pairs.word_counts, side="right")
    for g, name in enumerate(("rare", "mid", "head")):
        if p[group == g].any():
            exact = by_centre[group == g].sum() / p[group == g].sum()
            assert found[f"test_loss_{name}"] == pytest.approx(exact, abs=8 * margin), name
    kept = {name: PlainTable(table) for name, table in tables.items()}
    assert problem.metrics(kept) == found  # as a run holds them
    tables["centres"][0, 0] = np.inf
    assert math.isnan(problem.metrics(tables)["test_loss"])
    assert passes(text).metrics(tables) == {}


def test_no_backend_takes_them_for_pairs_that_are_drawn(text):
    with pytest.raises(freqopt.errors.BackendError, match="law Passes have no CUDA form"):
        find_problem(passes(text))


def test_what_cannot_be_gone_through_is_refused(text, tmp_path):
    with pytest.raises(ProblemError, match="held_out keeps sentences from training; give sentence"):
        passes(text, sentence=None, held_out=0.1)
    alone = tmp_path / "alone"
    alone.write_text("a b c d")
    with pytest.raises(freqopt.errors.DataError, match="4 tokens and no pair"):
        passes(alone, sentence=1).shapes  # noqa: B018
    bigrams = tmp_path / "bigrams"
    bigrams.write_text("a b\t3\n")
    pairs = {"kind": "passes", "data": {"path": bigrams, "format": "token_counts"}}
    with pytest.raises(ProblemError, match="are TokenCounts; this problem needs Corpus"):
        problems["sgns"](pairs=pairs).shapes  # noqa: B018
