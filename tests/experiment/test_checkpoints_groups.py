"""When runs are looked at, and how tokens are grouped."""

import numpy as np
import pytest

from freqopt.errors import StudyError
from freqopt.experiment.checkpoints import Every, checkpoint_steps
from freqopt.experiment.groups import Groups


@pytest.mark.parametrize("steps", [0, 1, 2, 7, 1000, 20_000])
@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_first_and_last_step_are_recorded(steps, count):
    found = checkpoint_steps(steps, count)
    assert found[0] == 0
    assert found[-1] == steps
    assert list(found) == sorted(set(found))
    assert len(found) <= count


def test_checkpoints_are_evenly_spaced_on_a_logarithmic_scale():
    assert checkpoint_steps(1000, 5) == (0, 1, 10, 100, 1000)
    assert checkpoint_steps(1000, 4) == (0, 1, 32, 1000)


def test_checkpoints_by_hand_and_by_period():
    assert checkpoint_steps(10, [7, 3, 3]) == (0, 3, 7, 10)
    assert checkpoint_steps(10, Every(every=4)) == (0, 4, 8, 10)
    with pytest.raises(StudyError, match=r"every = 1} of 1000000000000 steps: more than"):
        checkpoint_steps(10**12, Every(every=1))
    with pytest.raises(StudyError, match="checkpoint 11 is outside the run of 10 steps"):
        checkpoint_steps(10, [11])
    with pytest.raises(StudyError, match="give 2 or more"):
        checkpoint_steps(10, 1)


def test_groups_by_mass_cut_where_the_share_begins():
    frequency = np.array([0.1, 0.5, 0.05, 0.3, 0.05])
    assert {k: v.tolist() for k, v in Groups().members(frequency).items()} == {
        "head": [1],  # holds the mass from 0 on; the next token begins at 0.5
        "middle": [0, 3],  # begin at 0.8 and 0.5
        "tail": [2, 4],  # begin at 0.9 and 0.95
    }


def test_groups_by_rank_and_with_tokens_that_never_occur():
    frequency = np.array([0.0, 0.7, 0.2, 0.1])
    groups = Groups(by="rank", shares={"first": 0.25, "rest": 0.75})
    assert {k: v.tolist() for k, v in groups.members(frequency).items()} == {
        "first": [1],
        "rest": [0, 2, 3],
    }
    assert Groups().members(frequency)["tail"].tolist() == [0, 3]


def test_one_token_is_the_head_and_other_groups_are_left_out():
    assert list(Groups().members(np.ones(1))) == ["head"]
