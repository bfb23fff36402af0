"""What all refutation checks share: verdicts, seeds, failures, p-values."""

import json

import joblib
import numpy as np
import pytest
from refute_toys import Biased, LeastSquares, Moody, study
from scipy import stats

from yinguo import DifferenceInMeans
from yinguo.diagnose.placebo import placebo_treatment
from yinguo.diagnose.refutation import mean_p_value
from yinguo.diagnose.refute_all import refute
from yinguo.diagnose.subset import data_subset
from yinguo.errors import DataError


def test_p_value_of_a_mean_is_student_s_and_never_leaves_0_to_1():
    deviations = np.random.default_rng(0).normal(0.3, 1, 25)
    assert mean_p_value(deviations) == pytest.approx(stats.ttest_1samp(deviations, 0).pvalue)
    assert mean_p_value(np.zeros(5)) == 1.0
    assert mean_p_value(np.full(5, 2.0)) == 0.0
    assert mean_p_value(np.array([-1.0, 1.0])) == 1.0


def test_all_checks_pass_on_a_sound_analysis_of_a_randomised_experiment():
    checks = refute(LeastSquares(), study(n=200, effect=2.0), negative_control="x2", n=60)
    names = ["placebo-treatment", "random-common-cause", "data-subset", "negative-control-outcome"]
    assert [c.name for c in checks] == names
    assert [c.verdict for c in checks] == ["ok"] * 4
    assert all(c.sentence.startswith("Passed, because") for c in checks)
    assert all(0 <= c.p_value <= 1 for c in checks)


def test_same_seed_gives_the_same_numbers_whatever_the_number_of_workers():
    data = study(effect=1.0)
    with joblib.parallel_config(backend="threading"):
        one, two, other = (
            refute(LeastSquares(), data, n=6, random_state=seed, n_jobs=jobs) for seed, jobs in ((3, 1), (3, 2), (4, 1))
        )
    assert one == two
    assert one != other


@pytest.mark.slow
def test_refits_run_in_other_processes_too():
    data = study(effect=1.0)
    one, two = (data_subset(DifferenceInMeans(), data, n=6, n_jobs=jobs) for jobs in (1, 2))
    assert one == two


def test_global_random_state_and_the_caller_s_objects_are_left_alone():
    estimator, data = LeastSquares(), study()
    before, T = np.random.get_state()[1].copy(), data.T.copy()  # noqa: NPY002
    refute(estimator, data, n=4)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert not hasattr(estimator, "result_")
    assert (data.T == T).all()


def test_progress_counts_every_refit_once():
    seen = []
    refute(LeastSquares(), study(), negative_control="x1", n=5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 20) for i in range(1, 21)]


def test_refits_that_fail_are_counted_with_their_reason():
    data = study()
    data = data.replace(T=np.roll(data.T, -int(np.argmin(data.T))))
    found = placebo_treatment(Moody(), data, n=40)
    assert len(found.estimates) + len(found.failures) == 40
    assert 5 < len(found.failures) < 30
    assert "first unit" in found.failures[0]


def test_too_many_failures_or_too_few_refits_are_an_error():
    with pytest.raises(DataError, match="at least 2"):
        placebo_treatment(LeastSquares(), study(), n=1)
    mostly_treated = study().replace(T=np.r_[0.0, 0.0, 0.0, np.ones(57)])
    with pytest.raises(DataError, match="of 30 refits gave no estimate"):
        placebo_treatment(Moody(), mostly_treated, n=30)


def test_record_turns_into_plain_json_and_into_a_diagnostic():
    found = placebo_treatment(Biased(), study(), n=20)
    as_dict = json.loads(json.dumps(found.to_dict()))
    assert len(as_dict["estimates"]) == 20
    assert as_dict["null"].startswith("a treatment dealt out at random")
    diagnostic = found.diagnostic
    assert (diagnostic.name, diagnostic.verdict, diagnostic.sentence) == (found.name, found.verdict, found.sentence)
    assert found.null in diagnostic.reference
    assert found.mean == pytest.approx(np.mean(found.estimates))
    assert found.spread == pytest.approx(np.std(found.estimates, ddof=1))
