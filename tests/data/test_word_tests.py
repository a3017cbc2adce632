"""Similarity and analogy scores, on cases small enough for pencil and paper."""

import hashlib
import math

import numpy as np
import pytest

import freqopt
from freqopt.data import packages, word_tests
from freqopt.data.word_tests import Known, read_analogies, read_similarity
from freqopt.errors import DataError, Notice, StudyError
from freqopt.experiment.metrics import word_scores

WORDS = ("king", "queen", "man", "woman", "Man")
VECTORS = np.array([[3.0, 4], [-1, 3], [1, 0], [-1, 0], [0, 1]])
PAIRS = "# a comment\nking\tQueen\t9\nman\twoman\t1.5\nking\tman\t3\nking\tprince\t10\n"
QUESTIONS = ": royals\nman king woman queen\nMAN king woman man\nman king woman prince\n"


def test_similarity_is_the_rank_correlation_of_known_pairs(write):
    """Cosines .57, -1, .6; human 9, 1.5, 3: ranks 2 1 3 and 3 1 2, so 1 - 6 * 2 / 24 = 1/2."""
    score = Known(WORDS, VECTORS).similarity(read_similarity(write(PAIRS)))
    assert score == (pytest.approx(0.5, abs=1e-12), 3, 4)
    reverse = PAIRS.replace("1.5", "4")  # human 9, 4, 3: ranks 3 2 1
    score = Known(WORDS, VECTORS).similarity(read_similarity(write(reverse)))
    assert score.value == pytest.approx(-0.5, abs=1e-12)


def test_words_are_known_by_frequency_and_compared_in_capitals(write):
    """`Man` is rarer than `man`: its vector does not count."""
    known = Known(WORDS, VECTORS)
    assert known.places([("mAn", "KING"), ("x", "man")])[1].tolist() == [[2, 0]]
    few = Known(WORDS[:2], VECTORS).similarity(read_similarity(write(PAIRS)))
    assert math.isnan(few.value)
    assert few[1:] == (1, 4)
    questions = [("man", "king", "man", "queen"), ("man", "king", "woman", "queen")]
    assert known.analogies(questions, restrict=3) == (1.0, 1, 2)


def test_analogies_never_answer_with_a_word_that_was_given(write):
    """king/5 - man + woman is (-1.4, .8): woman is nearest, then queen; woman was given."""
    questions = read_analogies(write(QUESTIONS))
    assert len(questions) == 3
    known = Known(WORDS, VECTORS)
    assert known.analogies(questions) == (0.5, 2, 3)
    assert known.analogies(questions[:1]).value == 1.0
    answers = VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None] @ [-1.4, 0.8]
    assert answers.argmax() == 3


def test_blocks_of_questions_do_not_matter(write, monkeypatch):
    rng = np.random.default_rng(1)
    words = tuple(f"w{k}" for k in range(30))
    known = Known(words, rng.normal(size=(30, 4)))
    picks = rng.integers(0, 30, (50, 4))
    questions = [tuple(words[k] for k in row) for row in picks.tolist()]
    whole = known.analogies(questions)
    monkeypatch.setattr(word_tests, "BLOCK", 7)
    assert known.analogies(questions) == whole
    unit = known.unit
    right = 0
    for a, b, c, d in picks.tolist():
        scores = unit @ (unit[b] - unit[a] + unit[c])
        right += max((k for k in range(30) if k not in (a, b, c)), key=scores.__getitem__) == d
    assert whole.value == right / 50


def test_what_is_too_little_or_not_finite_is_nan(write):
    similar, questions = read_similarity(write(PAIRS)), read_analogies(write(QUESTIONS))
    assert math.isnan(Known(WORDS, np.zeros((5, 2))).similarity(similar).value)
    assert math.isnan(Known(WORDS, np.full((5, 2), np.nan)).similarity(similar).value)
    assert math.isnan(Known(WORDS, np.full((5, 2), np.nan)).analogies(questions).value)
    assert Known(("x",), VECTORS).analogies(questions)[1:] == (0, 3)
    with pytest.raises(DataError, match="5 words have 2 vectors; expected one each"):
        Known(WORDS, VECTORS[:2])


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_similarity, "a\tb\t1\na\tb\n", r"line 2: 'a\\tb'; expected word<TAB>word<TAB>score"),
        (read_similarity, "a b 1\n", "line 1"),
        (read_similarity, "a\tb\tnan\n", "line 1"),
        (read_similarity, "a\t\t1\n", "line 1"),
        (read_similarity, "a\tb\t1\tc\n", "line 1"),
        (read_analogies, ": s\na b c\n", "line 2: 'a b c'; expected four words"),
        (read_analogies, "a b c d e\n", "line 1"),
    ],
)
def test_bad_files(read, text, message, write):
    with pytest.raises(DataError, match=message):
        read(write(text))


@pytest.fixture
def gensim(tmp_path, monkeypatch):
    """A folder in place of the package's, with tests of Python's own words."""
    files = {
        "wordsim353.tsv": "the\ta\t9\nof\tto\t5\nis\tobject\t1\n",
        "simlex999.txt": "no-such-word\tthe\t1\n",
        "questions-words.txt": ": s\nthe a of to\n",
    }
    (tmp_path / word_tests.FOLDER).mkdir(parents=True)
    digests = {}
    for name, text in files.items():
        (tmp_path / word_tests.FOLDER / name).write_text(text)
        digests[name] = hashlib.sha256(text.encode()).hexdigest()
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(packages, "find_spec", lambda name: spec if name == "gensim" else None)
    similar = {
        "wordsim353": ("wordsim353.tsv", digests["wordsim353.tsv"]),
        "simlex999": ("simlex999.txt", digests["simlex999.txt"]),
    }
    monkeypatch.setattr(word_tests, "SIMILARITY", similar)
    monkeypatch.setattr(
        word_tests, "ANALOGIES", ("questions-words.txt", digests["questions-words.txt"])
    )
    word_scores._packaged.cache_clear()
    yield
    word_scores._packaged.cache_clear()


SGNS = {"name": "sgns", "dimension": 3, "pairs": {"kind": "corpus", "vocabulary": 40, "window": 1}}


def test_the_metric_scores_the_centres(gensim, monkeypatch):
    monkeypatch.setattr(word_scores, "LEAST", 1)
    run = freqopt.run(SGNS, "sgd", steps=2, record=["word_scores"], backend="numpy")
    _, values = run.curve("wordsim353")
    problem = run.simulation.problem
    assert problem.pairs.words[0] == "the"
    known = Known(problem.pairs.words, run.simulation.parameters["centres"])
    similar, questions = word_tests.packaged()
    assert values[-1] == known.similarity(similar["wordsim353"]).value
    assert run.curve("analogies")[1][-1] == known.analogies(questions).value
    assert "simlex999" not in set(run.columns["metric"])  # no pair is known
    monkeypatch.setattr(word_scores, "LEAST", 2)
    few = freqopt.run(SGNS, "sgd", steps=2, record=["word_scores"], backend="numpy")
    assert set(few.columns["metric"]) == {"wordsim353"}  # three pairs, one question
    with pytest.raises(StudyError, match="word_scores is for problem sgns on a text, not for pair"):
        freqopt.run("pair", "sgd", steps=1, record=["word_scores"])


def test_without_the_tests_a_run_says_what_to_install_and_goes_on(gensim, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.warns(Notice, match=r"no word_scores are recorded: the package gensim .*word2vec"):
        run = freqopt.run(
            SGNS, "sgd", steps=2, record=["objective", "word_scores"], backend="numpy"
        )
    assert run.simulation.step == 2
