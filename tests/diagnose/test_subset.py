"""Data subset: scatter as theory says, what it must catch, and a uniform p-value for a sound method."""

import numpy as np
import pytest
from refute_toys import LeastSquares, OverSure, SizeHungry, study
from scipy import stats

from yinguo import DifferenceInMeans
from yinguo.diagnose.subset import data_subset, random_subset
from yinguo.errors import DataError


def test_subsets_scatter_as_sampling_without_replacement_says():
    data = study(n=400, effect=1.0)
    found = data_subset(DifferenceInMeans(), data, fraction=0.5, n=300)
    # share 1/2: se * sqrt((1 - f) / f) = se
    se = DifferenceInMeans().fit(data).result_.se
    assert found.spread == pytest.approx(se, rel=0.12)
    assert found.mean == pytest.approx(found.original, abs=4 * se / np.sqrt(300))
    assert found.verdict == "ok"


def test_a_method_that_depends_on_the_number_of_rows_is_stopped():
    found = data_subset(SizeHungry(), study(n=100), n=30)
    assert found.verdict == "stop"
    assert "which rows are there, or how many" in found.sentence


def test_a_standard_error_far_too_small_is_worth_a_look():
    # a tenth of the true one: the same scatter is ten times as much as expected
    found = data_subset(OverSure(), study(n=200, effect=1.0), n=300)
    assert found.verdict == "look"
    assert "times as much as the standard error lets expect" in found.sentence


def test_p_value_is_uniform_when_the_method_is_sound():
    p = [data_subset(DifferenceInMeans(), study(n=24, seed=s), n=12, random_state=s).p_value for s in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.10


def test_each_arm_keeps_its_share():
    data = study(n=100).replace(T=np.r_[np.ones(30), np.zeros(70)])
    part = random_subset(data, np.random.default_rng(0), fraction=0.8)
    assert part.n == 80
    assert part.T.sum() == 24
    assert len(np.unique(part.rows)) == 80


def test_groups_are_kept_whole_and_numbered_without_gaps():
    data = study(n=60, groups=np.repeat(np.arange(12), 5))
    part = random_subset(data, np.random.default_rng(0), fraction=0.5)
    assert part.n == 30
    assert (np.bincount(part.groups) == 5).all()
    assert len(np.bincount(part.groups)) == 6
    assert data_subset(LeastSquares(), data, n=5).original == LeastSquares().fit(data).result_.estimate


def test_a_fraction_outside_0_to_1_is_refused():
    with pytest.raises(DataError, match="inside"):
        data_subset(LeastSquares(), study(), fraction=1.0)
