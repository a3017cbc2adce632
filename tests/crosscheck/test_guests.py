"""Guests follow their dialects, refuse what they do not have, and say so when they are absent."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import types
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from freqopt.crosscheck import exercises, reference, trace
from freqopt.crosscheck.agreement import drawn
from freqopt.crosscheck.cases.dialects import KNOWN, Case
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.guests import Guest, Library, densely, guests, load, quiet, refuse, summed
from freqopt.crosscheck.kit import RESOLUTION
from freqopt.errors import CrosscheckError, RuleError, UnsupportedError
from freqopt.optimizers import rules

from .guest_list import EVERY, needs

LIBRARIES = {guest.library for guest in guests.values()}


def test_what_is_skipped_is_what_is_not_installed():
    modules = metadata.packages_distributions()
    skipped = {param.values[0] for param in EVERY if param.marks[0].args == (True,)}
    assert skipped == {name for name, g in guests.items() if g.library.module not in modules}
    assert {g.library.version is None for g in guests.values() if g.name in skipped} <= {True}
    for name in skipped:
        reason = next(p.marks[0].kwargs["reason"] for p in EVERY if p.values[0] == name)
        assert name in reason
        library = guests[name].library
        assert f'pip install ".[{library.extra or library.name}]"' in reason


def test_every_library_has_its_extra_and_all_but_tensorflow_are_installed_together():
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    named = {library.extra or library.name for library in LIBRARIES}
    assert extras["guests"] == [f"freqopt[{','.join(sorted(named - {'tensorflow'}))}]"]
    for library in LIBRARIES:
        wanted = [one for one in extras[library.extra or library.name] if "==" in one]
        pinned = [one.partition("==")[0].partition("[")[0] for one in wanted]
        assert library.distributions[0] in pinned or library.distributions[0] in library.also


def test_listing_and_refusing_import_no_library():
    code = (
        "from freqopt.crosscheck.agreement import guest_cases\n"
        "from freqopt.crosscheck.guests import guests\n"
        "import sys\n"
        "assert all(guest_cases(g, g.dtypes[0]) for g in [*guests.values()][::20])\n"
        "assert not {g.library.module for g in guests.values()} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_guest_is_an_error_with_a_suggestion():
    with pytest.raises(CrosscheckError, match=r"did you mean 'torch\.SparseAdam'"):
        guests["torch.SparseAdm"]
    assert "torch.SparseAdm" not in guests
    assert len(guests) == len(list(guests))


def test_an_absent_library_is_one_sentence_that_names_its_extra():
    here = guests["torch.SparseAdam"]
    absent = Library("torch", "no_such_module", ("no-such-distribution",))
    guest = Guest(here.name, here.rule, here.dialect, absent, here.make, here.numbers)
    case = Case("", rules[guest.rule](), exercises(np.float32)["main"])
    with pytest.raises(CrosscheckError, match=r'torch is not installed; pip install ".\[to'):
        trace(guest, case)
    assert absent.version is None
    told = Library("mylib", "no_such_module", ("no-such",), install="pip install mylib")
    assert told.absence == "mylib is not installed; pip install mylib"


@pytest.mark.parametrize("name", list(guests))
def test_a_guest_is_declared_in_the_terms_of_its_rule(name):
    guest = guests[name]
    rule = rules[guest.rule]
    assert name.startswith(f"{guest.library.name}.")
    assert set(guest.options) <= set(rule.model_fields)
    assert not guest.refusal(rule(**guest.own).completed(**KNOWN))
    for option in drawn(guest):
        assert not guest.refusal(rule(**option).completed(**KNOWN))


@pytest.mark.parametrize("name", list(guests))
def test_every_option_of_a_guest_leaves_its_dialect_in_some_draw(name):
    guest = guests[name]
    own = rules[guest.rule](**guest.own)
    left = {
        option
        for options in drawn(guest)
        for option in guest.options
        if getattr(rules[guest.rule](**options), option) != getattr(own, option)
    }
    several = {option for option in guest.options if len(guest.values.get(option, "ab")) > 1}
    assert left >= several


def test_drawn_numbers_are_the_same_every_time_and_not_those_of_the_cases():
    guest = guests["torch.Adam"]
    first, again = list(drawn(guest)), list(drawn(guest))
    assert first == again
    assert first != list(drawn(guest, seed=1))
    assert len({str(options) for options in first}) == len(first)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("torch.SparseAdam", {"weight_decay": 0.1}, r"cannot be told weight_decay = 0\.1"),
        ("torch.SparseAdam", {"epsilon": 0.0}, "refuses epsilon = 0"),
        ("torch.SparseAdam", {"step_index": "visits"}, "cannot be told step_index = 'visits'"),
        ("torch.SGD", {"momentum": 0.5, "dampening": 0.5, "nesterov": True}, "with dampening"),
        ("torch.AdamW", {"decay": "l2"}, "cannot be told decay = 'l2'"),
        ("torch.Adam", {"amsgrad": "corrected"}, "amsgrad = 'none' and 'raw' only"),
        ("torch.Adagrad", {"lr_decay_law": "inverse_sqrt"}, "lr_decay_law = 'inverse' only"),
        ("fbgemm.EXACT_SGD", {"weight_decay": 0.1}, "cannot be told weight_decay"),
        ("fbgemm.COUNTER_SGD", {"unit": "occurrence"}, "cannot be told unit"),
        ("fbgemm.COUNTER_SGD", {"counter": "decayed", "halflife": 2.5}, "whole half-lives only"),
        ("optax.adam", {"maximize": True}, "cannot be told maximize"),
        ("optax.rmsprop", {"centered": True, "bias_correction": True}, "nothing to agree with"),
        ("keras.Adagrad", {"weight_decay": 0.1, "decay": "l2"}, "cannot be told decay = 'l2'"),
        ("keras.RMSprop(sparse)", {"centered": True}, "cannot be told centered = True"),
        ("keras.Adam(sparse)", {"duplicates": "sum"}, "cannot be told duplicates = 'sum'"),
        ("tensorflow.ResourceSparseApplyAdagrad", {"initial_accumulator": 0.0}, "divides 0 by 0"),
        ("jax.adagrad", {"epsilon": 0.1}, r"cannot be told epsilon = 0\.1"),
        ("jax.adam", {"epsilon": 0.0}, "divides 0 by 0"),
        ("mlx.SGD", {"momentum": 0.5, "dampening": 0.5, "nesterov": True}, "with dampening"),
        ("mlx.Adam", {"bias_correction": "first"}, "bias_correction = 'none' and 'both' only"),
        ("onnx.Adagrad", {"lr_decay_law": "inverse_sqrt"}, "lr_decay_law = 'inverse' only"),
        ("river.Adam", {"weight_decay": 0.1}, "cannot be told weight_decay"),
        ("sklearn.SGDOptimizer", {"rate_place": "outside", "lr_decay": 1.0}, "told rate_pl"),
        ("tinygrad.SGD", {"momentum": 0.5, "dampening": 0.5}, "cannot be told dampening"),
    ],
)
def test_what_a_guest_does_not_have_is_refused_by_name(name, options, message):
    guest = guests[name]
    rule = rules[guest.rule](**{**guest.own, **options}).completed(**KNOWN)
    with pytest.raises(UnsupportedError, match=message):
        _present(guest)(rule, exercises(guest.dtypes[0])["main"].table, {})


@pytest.mark.parametrize(
    ("exercise", "dtype", "message"),
    [
        ("wide", np.float32, "a width that is a multiple of 4, not 21"),
        ("main", np.float64, "works in float32, not in float64"),
    ],
)
def test_a_table_that_a_guest_cannot_hold_is_refused(exercise, dtype, message):
    guest = guests["fbgemm.EXACT_SGD"]
    with pytest.raises(UnsupportedError, match=message):
        _present(guest)(rules["sgd"](), exercises(dtype)[exercise].table, {})


def test_a_rule_of_another_name_is_refused():
    with pytest.raises(UnsupportedError, match="rule lazy_adam, not of adam"):
        _present(guests["torch.SparseAdam"])(rules["adam"](), np.zeros((2, 2)), {})


def test_what_makes_no_difference_is_not_refused():
    sparse = guests["torch.Adagrad"]  # without weight decay a gradient of zero moves nothing
    assert not sparse.refusal(rules["adagrad"](rows="all"))
    assert sparse.refusal(rules["adagrad"](rows="all", weight_decay=0.1))
    assert not guests["torch.NAdam"].refusal(rules["nadam"](epsilon_place="outside"))


def test_an_empty_batch_reaches_the_library_only_if_it_counts():
    calls = []

    def make(table, arguments):
        return lambda rows, grads, rate: calls.append((rows.size, rate)) or table

    here = types.SimpleNamespace(demand=lambda: None)
    guest = Guest("torch.SGD", "sgd", "torch.SGD", here, make)
    empty = np.empty(0, np.int64), np.empty((0, 2))
    one = np.zeros(1, np.int64), np.ones((1, 2))
    for count_empty in (True, False):
        options = {"rows": "all", "count_empty": count_empty, "lr_decay": 1.0, "lr": 0.5}
        step = guest(rules["sgd"](**options), np.zeros((2, 2)), {})
        for batch in (empty, one, empty, one):
            step(*batch)
    assert calls == [(0, 0.5), (1, 0.25), (0, 0.5 / 3), (1, 0.125), (1, 0.5), (1, 0.25)]


def test_duplicates_are_summed_in_their_order_and_rows_kept():
    rows = np.array([4, 1, 4, 4])
    grads = np.array([[1e16], [2.0], [1.0], [-1e16]])
    touched, total = summed(rows, grads)
    assert (touched.tolist(), total.tolist()) == ([1, 4], [[2.0], [(1e16 + 1.0) - 1e16]])
    whole = densely(np.ones((6, 1), np.float32), rows, grads.astype(np.float32))
    assert whole.dtype == np.float32
    assert whole.ravel()[[0, 1, 5]].tolist() == [0.0, 2.0, 0.0]
    touched, total = summed(rows[:0], grads[:0])
    assert (touched.shape, total.shape) == ((0,), (0, 1))


def test_refusing_names_what_is_off_its_default_and_knows_the_rules_options():
    rule = rules["sgd"](lr=0.5, momentum=0.5, maximize=True)
    refuse(rule, "lr", "momentum", "maximize")
    with pytest.raises(UnsupportedError, match=r"cannot be told maximize = True, momentum = 0\.5$"):
        refuse(rule, "lr")
    with pytest.raises(RuleError, match="rule sgd has no option epsilon"):
        refuse(rule, "lr", "epsilon")


def test_tolerances_leave_every_fault_that_float32_resolves_visible():
    for guest in guests.values():
        assert guest.narrow <= RESOLUTION or guest.note, f"{guest.name}: a wide tolerance says why"
        assert guest.tolerance("float64") <= 1024


def _present(guest):
    """The guest with its library taken for installed: what is refused is refused before it."""
    here = types.SimpleNamespace(demand=lambda: None)
    fields = {name: getattr(guest, name) for name in guest.__dataclass_fields__}
    return Guest(**{**fields, "library": here})


# Facts about the libraries that the guests rest on. ------------------------------------------


def _last(optimizer, **options):
    """A PyTorch table after some gradients of 1 on row 0, with each of several option sets."""
    torch = load("torch")
    table = torch.nn.Parameter(torch.zeros(2, 4, dtype=torch.float64))
    made = getattr(torch.optim, optimizer)([table], **options)
    for _ in range(5):
        table.grad = torch.ones_like(table)
        made.step()
    return table.detach().numpy()


@needs("torch.NAdam")
def test_torch_nadam_keeps_its_product_in_the_default_dtype():
    guest = guests["torch.NAdam"]
    torch = load("torch")
    expected = np.zeros((2, 4))
    rule = rules["nadam"](**guest.own)
    state = rule.init(expected)
    for _ in range(5):
        rule.step(expected, state, np.arange(2), np.ones((2, 4)))
    narrow = np.abs(_last("NAdam") / expected - 1).max()
    torch.set_default_dtype(torch.float64)
    try:
        wide = np.abs(_last("NAdam") / expected - 1).max()
    finally:
        torch.set_default_dtype(torch.float32)
    assert narrow > 1e-9
    assert wide < 1e-14


@needs("torch.Adagrad")
def test_torch_adagrad_refuses_weight_decay_with_sparse_gradients():
    torch = load("torch")
    table = torch.nn.Parameter(torch.zeros(2, 4))
    made = torch.optim.Adagrad([table], weight_decay=0.1)
    with quiet():
        table.grad = torch.sparse_coo_tensor([[0]], torch.ones(1, 4), (2, 4))
    with pytest.raises(RuntimeError, match="not compatible with sparse"):
        made.step()


@needs("torch.SGD(sparse)")
def test_torch_sgd_moves_absent_rows_on_sparse_gradients_with_momentum():
    torch = load("torch")
    table = torch.nn.Parameter(torch.zeros(2, 1))
    made = torch.optim.SGD([table], lr=1.0, momentum=0.5)
    seen = []
    for row in (0, 1, 1):
        with quiet():
            table.grad = torch.sparse_coo_tensor([[row]], torch.ones(1, 1), (2, 1))
            made.step()
        seen.append(table[0].item())
    assert seen == [-1.0, -1.5, -1.75]


@needs("fbgemm.EXACT_SGD")
@pytest.mark.parametrize("name", ["EXACT_SGD", "EXACT_ADAGRAD", "EXACT_ROWWISE_ADAGRAD"])
@pytest.mark.parametrize(
    "told",
    [
        {"weight_decay": 0.5, "weight_decay_mode": "L2"},
        {"weight_decay": 0.5, "weight_decay_mode": "DECOUPLE"},
        {"max_norm": 0.01},
    ],
    ids=lambda options: str(options.get("weight_decay_mode", "max_norm")),
)
def test_fbgemm_on_the_cpu_ignores_what_only_its_row_wise_kernel_has(name, told):
    exercise, traces = exercises(np.float32)["main"], []
    for more in ({}, told):
        with quiet():
            call = guests[f"fbgemm.{name}"].make(exercise.table.copy(), {"lr": 0.1, **more})
            traces.append([call(*batch, 0.1).copy() for batch in exercise.batches])
    heeded = name == "EXACT_ROWWISE_ADAGRAD" and "weight_decay" in told
    assert np.array_equal(*traces) == (not heeded)


@needs("keras.SGD")
def test_keras_computes_float64_tables_in_float32():
    wide = Guest(**{**vars(guests["keras.SGD"]), "dtypes": ("float64",)})
    case = Case("", rules["sgd"](**wide.own), exercises(np.float64)["main"])
    ulps = compare(case, trace(reference, case), trace(wide, case)).ulps
    assert 2.0**26 < ulps < 2.0**34
