"""One random state, spawned to every child, and never the global one."""

import numpy as np
import pytest

from yinguo.core.random import as_rng, spawn
from yinguo.errors import DataError


@pytest.mark.parametrize("state", [0, 7, np.int64(7), np.random.SeedSequence(3)])
def test_the_same_state_gives_the_same_numbers_and_the_same_children(state):
    assert as_rng(state).random() == as_rng(state).random()
    a, b = ([np.random.default_rng(s).random() for s in spawn(state, 5)] for _ in range(2))
    assert a == b
    assert len(set(a)) == 5


def test_the_first_children_do_not_depend_on_how_many_there_are():
    few, many = spawn(1, 3), spawn(1, 10)
    assert [s.generate_state(1)[0] for s in few] == [s.generate_state(1)[0] for s in many[:3]]


def test_a_generator_is_used_as_it_is_and_advances():
    rng = np.random.default_rng(0)
    assert as_rng(rng) is rng
    a, b = (spawn(rng, 2)[0].generate_state(1)[0] for _ in range(2))
    assert a != b


def test_none_is_fresh_every_time():
    assert as_rng(None).random() != as_rng(None).random()


def test_the_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    as_rng(0).random()
    spawn(0, 3)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("state", ["0", 1.5, np.random.RandomState(0), [1]])
def test_anything_else_is_refused(state):
    with pytest.raises(DataError, match=r"random_state is .*pass an int"):
        as_rng(state)
