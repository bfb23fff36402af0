"""Results: frozen, complete, honest about what they do not know, and plain JSON."""

import json
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import stats

import yinguo as yg
from yinguo.core.diagnostic import Diagnostic, worst
from yinguo.core.result import SCHEMA_VERSION, EffectResult


def result(**fields) -> EffectResult:
    base = {"method": "ipw", "treatment": "t", "outcome": "y", "estimand": "ATE", "estimate": 2.0, "se": 0.5, "n": 10}
    return EffectResult(**base | fields)


def fitted(study, method=yg.IPW) -> EffectResult:
    return method().fit(study).result_


def test_a_result_is_frozen():
    with pytest.raises(FrozenInstanceError):
        result().estimate = 3.0


@pytest.mark.parametrize("estimate", [float("nan"), float("inf")])
def test_an_estimate_that_is_no_number_is_an_error_not_a_result(estimate):
    with pytest.raises(yg.DataError, match=r"ipw gave (nan|inf) for the ATE; the data do not determine it"):
        result(estimate=estimate)


@pytest.mark.parametrize("se", [float("nan"), float("inf")])
def test_a_standard_error_that_is_no_number_is_an_error_not_a_result(se):
    with pytest.raises(yg.DataError, match=r"an estimate of 2 but a standard error of (nan|inf)"):
        result(se=se)


@pytest.mark.parametrize("fields", [{"se": None}, {"no_inference": "because"}])
def test_there_is_either_a_standard_error_or_a_reason_for_none(fields):
    with pytest.raises(ValueError, match="either a standard error or the reason"):
        result(**fields)


def test_the_interval_and_p_value_are_the_normal_ones():
    assert result().ci() == pytest.approx(stats.norm.interval(0.95, 2.0, 0.5))
    assert result().ci(0.8) == pytest.approx(stats.norm.interval(0.8, 2.0, 0.5))
    assert result().p_value == pytest.approx(2 * stats.norm.sf(4.0))
    with pytest.raises(yg.DataError, match="level is 95"):
        result().ci(95)


def test_without_inference_there_is_neither_interval_nor_p_value():
    none = result(se=None, no_inference="no theory.")
    assert (none.ci(), none.p_value) == (None, None)
    assert none.to_dict()["ci_low"] is None
    assert "no theory." in none.summary()
    assert "no interval" in repr(none)


def test_two_results_can_be_compared_for_identity_without_an_array_in_the_way(study):
    a, b = fitted(study), fitted(study)
    assert a == a
    assert a != b
    assert len({a, b}) == 2


def test_the_difference_of_two_estimates_has_the_error_of_the_difference_of_their_scores(study):
    a, b = fitted(study, yg.IPW), fitted(study, yg.RegressionAdjustment)
    gap = a - b
    assert gap.estimate == pytest.approx(a.estimate - b.estimate)
    assert gap.se == pytest.approx((a.scores - b.scores).std(ddof=1) / np.sqrt(study.n), rel=1e-10)
    assert gap.se < 0.5 * np.hypot(a.se, b.se)
    assert gap.method == "ipw - regression-adjustment"
    assert (a - a).estimate == 0.0
    assert gap.estimand == "ATE"
    assert (a - yg.IPW(estimand="ATT").fit(study).result_).estimand == "ATE - ATT"


def test_the_difference_is_clustered_if_the_study_is():
    from yinguo.core.inference import standard_error

    rng = np.random.default_rng(0)
    x, T = rng.normal(size=100), np.tile([0, 1], 50)
    study = yg.Study.from_arrays(x, T, x + T + rng.normal(size=100), groups=np.arange(100) // 5)
    gap = fitted(study, yg.IPW) - fitted(study, yg.DifferenceInMeans)
    assert gap.se == pytest.approx(standard_error(gap.scores - gap.estimate, study.groups), rel=1e-10)


def test_results_of_other_rows_or_without_scores_do_not_subtract(study):
    a = fitted(study)
    with pytest.raises(yg.DataError, match="different rows"):
        a - fitted(study.take(np.arange(300)))
    with pytest.raises(yg.DataError, match="different rows"):
        a - fitted(study.replace(Y=-study.Y))
    with pytest.raises(yg.DataError, match="match has no scores"):
        a - result(method="match")
    with pytest.raises(TypeError):
        a - 1.0


def test_results_that_went_through_a_pickle_still_subtract(study):
    a, b = (pickle.loads(pickle.dumps(fitted(study, m))) for m in (yg.IPW, yg.AIPW))
    assert (a - b).se == pytest.approx((fitted(study, yg.IPW) - fitted(study, yg.AIPW)).se)
    assert a.study is None


def test_checks_run_when_they_are_first_read_and_once():
    calls = []

    def check(res) -> Diagnostic:
        calls.append(res)
        return Diagnostic("x", 1.0, "below 2", "ok", "fine.")

    made = result(checks=(check,))
    assert calls == []
    assert made.diagnostics == made.diagnostics
    assert len(calls) == 1


def test_the_json_is_strict_and_has_the_documented_keys():
    odd = Diagnostic("odd", float("nan"), "-", "look", "no figure.")
    made = result(
        checks=(lambda res: odd,),
        settings={"options": {"folds": np.arange(2), "learner": object(), "clip": np.float64(0.1)}},
        extras={"inf": float("inf"), "set": {1}, "names": ("a", "b"), np.int64(3): np.bool_(True), "none": None},
    )
    document = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    assert set(document) == {
        "method", "estimand", "estimate", "se", "ci_low", "ci_high", "level", "p_value", "n", "no_inference",
        "diagnostics", "notes", "settings", "extras", "error",
    }  # fmt: skip
    assert document["diagnostics"][0] == {
        "name": "odd", "value": None, "reference": "-", "verdict": "look", "sentence": "no figure.",
    }  # fmt: skip
    assert document["extras"] == {"inf": None, "set": [1], "names": ["a", "b"], "3": True, "none": None}
    assert document["settings"]["options"]["folds"] == [0, 1]
    assert SCHEMA_VERSION == 1


def test_the_summary_puts_the_question_first_and_failing_checks_before_the_estimate(study):
    lines = fitted(study, yg.DifferenceInMeans).summary().splitlines()
    assert lines[0].startswith("Effect of 't' on 'y', averaged over everybody (ATE)")
    assert lines[1].strip().startswith(("look:", "stop:"))
    assert "changes 'y' by" in lines[2]


def test_html_is_escaped():
    made = result(treatment="<script>alert(1)</script>")
    assert "<script>" not in made._repr_html_()
    assert "&lt;script&gt;" in made._repr_html_()


def test_a_diagnostic_has_one_of_three_verdicts_and_the_gravest_is_found():
    with pytest.raises(ValueError, match="verdict is 'bad'"):
        Diagnostic("x", 1.0, "", "bad", "")
    made = [Diagnostic("x", 1.0, "", verdict, f"{verdict}.") for verdict in ("ok", "stop", "look")]
    assert worst(made) == "stop"
    assert worst([]) == "ok"
    assert str(made[1]) == "stop: stop."
