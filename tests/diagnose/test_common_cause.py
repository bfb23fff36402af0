"""Random common cause: noise must not matter, and its p-value is uniform for a sound method."""

import numpy as np
from refute_toys import LeastSquares, NoiseHungry, study
from scipy import stats

from yinguo import DifferenceInMeans
from yinguo.diagnose.common_cause import add_noise_covariate, random_common_cause


def test_a_method_that_ignores_covariates_does_not_move_at_all():
    found = random_common_cause(DifferenceInMeans(), study(effect=1.0), n=10)
    assert set(found.estimates) == {found.original}
    assert found.p_value == 1.0
    assert found.verdict == "ok"


def test_regression_on_enough_rows_moves_little():
    found = random_common_cause(LeastSquares(), study(n=200, effect=1.0), n=50)
    assert found.verdict == "ok"
    assert found.sentence.startswith("Passed, because adding a made-up cause moves the estimate by up to")


def test_a_method_that_hangs_on_a_covariate_is_stopped():
    found = random_common_cause(NoiseHungry(), study(n=60), n=30)
    assert found.verdict == "stop"
    assert "noise alone can change the answer" in found.sentence


def test_without_a_standard_error_the_yardstick_is_a_tenth_of_the_estimate():
    found = random_common_cause(LeastSquares(with_se=False), study(n=200, effect=2.0), n=20)
    assert "against a tenth of it" in found.sentence


def test_p_value_is_uniform_when_the_method_is_sound():
    p = [random_common_cause(LeastSquares(), study(n=30, seed=s), n=12, random_state=s).p_value for s in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) <= 0.10


def test_the_covariate_is_standard_normal_noise_under_a_name_of_its_own():
    data = study(n=4000).replace(covariates=("x1", "random_cause"))
    changed = add_noise_covariate(data, np.random.default_rng(0))
    assert changed.covariates == ("x1", "random_cause", "random_cause_")
    assert stats.kstest(changed.X[:, 2], "norm").pvalue > 0.01
    assert data.X.shape[1] == 2
