"""Full batches are the other problem's exact gradients."""

import pytest

import freqopt
from freqopt.backends import FallbackWarning, Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import ProblemError
from freqopt.theory.scaling import full_batch, groups

BIGRAM = {"name": "linear_bigram", "tokens": {"kind": "zipf", "size": 30}}


def test_gradient_descent_on_bigrams_is_law_l3():
    problem = freqopt.problem("full_batch", of=BIGRAM)
    p = problem.constants.frequency["scores"]
    for q in (0.0, 0.5):
        rule = freqopt.rule("fa_sgd", form="recipe", exponent=q, cap="none", lr=p[0] ** (q - 1))
        run = freqopt.run(
            problem, rule, steps=40, record=["gap"], checkpoints=[0, 40], backend="numpy"
        )
        start, end = run.curve("gap")[1]
        expected = full_batch.relative_loss(groups.zipf(1.0, 30), 40, q)
        assert end / start == pytest.approx(expected, rel=1e-9)


def test_what_it_is_of_is_complete_and_read_again():
    problem = freqopt.problem("full_batch", of={"name": "pair", "dimension": 3})
    assert problem.of["score"] == problem.problem.score
    again = freqopt.problem("full_batch", **problem.model_dump())
    assert again == problem
    assert again.shapes == problem.problem.shapes
    assert not problem.constants.deviation["u"].any()


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"nme": "pair"}, "expected that of another problem"),
        ({"name": "full_batch"}, "expected that of another problem"),
        ({"name": "pear"}, "did you mean 'pair'"),
        ({"name": "pair", "los": 1}, "did you mean 'loss'"),
    ],
)
def test_bad_problems_are_one_sentence(of, said):
    with pytest.raises(ProblemError, match=said):
        freqopt.problem("full_batch", of=of)


def test_batches_and_other_backends():
    problem = freqopt.problem("full_batch", of=BIGRAM)
    with pytest.raises(ProblemError, match="expected 1, the whole problem"):
        freqopt.run(problem, freqopt.rule("sgd"), steps=1, batch=2, backend="numpy")
    compiled = Simulation.begin(problem, freqopt.rule("sgd"), steps=3)
    with pytest.warns(FallbackWarning, match="full_batch runs in NumPy only"):
        NumbaBackend(patience=0).advance(compiled, 3)
    plain = Simulation.begin(problem, freqopt.rule("sgd"), steps=3)
    NumpyBackend().advance(plain, 3)
    one, other = (simulation.tables["scores"].weights for simulation in (compiled, plain))
    assert one.any()
    assert one.tobytes() == other.tobytes()


def test_a_text_of_ones_own_python_is_part_of_the_key(tmp_path, monkeypatch):
    """Runs on data that differ between installations have names that differ."""
    from freqopt.data.installed import python_topics
    from freqopt.experiment.store.own_files import content_hash, data_files

    text = {"kind": "bigrams", "data": "python_topics", "vocabulary": 5}
    problem = freqopt.problem("full_batch", of={"name": "linear_bigram", "tokens": text})
    before = [content_hash(file) for file in data_files(problem.model_dump())]
    other = tmp_path / "topics.py"
    other.write_text("topics = {'a': 'x y'}")
    monkeypatch.setattr(python_topics, "file", lambda: other)
    after = [content_hash(file) for file in data_files(problem.model_dump())]
    assert len(before) == len(after) == 1
    assert before != after
