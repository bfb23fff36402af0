"""Several methods side by side: nothing is raised, nothing is hidden, the order is the one asked for."""

import json
import logging
import pickle

import numpy as np
import pytest

import yinguo as yg
from yinguo.core.compare import Failure, compare
from yinguo.core.estimator import Estimator


class Broken(Estimator):
    """Fails in the way it is told to."""

    capabilities = yg.Capabilities(needs=())

    def __init__(self, *, estimand="ATE", error=None):
        self.estimand = estimand
        self.error = error

    def fit(self, study):
        raise self.error


METHODS = (yg.DifferenceInMeans(), yg.IPW(), yg.RegressionAdjustment())


def test_rows_come_in_the_order_asked_and_equal_single_fits(study):
    compared = compare(study, METHODS)
    assert [row.method for row in compared] == ["difference", "ipw", "regression-adjustment"]
    for row, method in zip(compared, METHODS, strict=True):
        assert row.estimate == method.clone().fit(study).result_.estimate
        assert not hasattr(method, "result_")
    assert compared["ipw"] is compared.rows[1]
    assert all(estimator.result_ is row for estimator, row in zip(compared.estimators, compared.rows, strict=True))
    assert len(compared.seconds) == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (yg.OverlapError("no overlap."), True),
        (yg.DataError("bad data."), True),
        (ZeroDivisionError("division by zero"), False),
        (np.linalg.LinAlgError("singular"), False),
        (KeyError("x"), False),
        (AttributeError("'str' object has no attribute 'fit'"), False),
        (TypeError("a type"), False),
        (MemoryError(), False),
    ],
)
def test_a_failure_is_a_row_that_says_why_and_a_bug_is_logged(study, error, expected, caplog):
    with caplog.at_level(logging.ERROR, logger="yinguo.core"):
        compared = compare(study, [yg.DifferenceInMeans(), Broken(error=error), yg.IPW()])
    failure = compared.failures[0]
    assert isinstance(failure, Failure)
    assert (failure.method, failure.kind, failure.expected) == ("broken", type(error).__name__, expected)
    assert [row.method for row in compared.results] == ["difference", "ipw"]
    assert bool(caplog.records) == (not expected)
    assert "no estimate" in compared.summary()
    assert compared.to_dict()["results"][1]["error"].startswith(f"{type(error).__name__}: ")


def test_an_interrupt_is_not_swallowed(study):
    with pytest.raises(KeyboardInterrupt):
        compare(study, [Broken(error=KeyboardInterrupt())])


def test_progress_is_told_after_every_method(study):
    told = []
    compare(study, METHODS, progress=lambda *news: told.append(news))
    assert told == [(1, 3, "difference"), (2, 3, "ipw"), (3, 3, "regression-adjustment")]


def test_two_processes_give_the_numbers_of_one(study):
    one, two = compare(study, METHODS), compare(study, METHODS, n_jobs=2)
    assert [r.estimate for r in one] == [r.estimate for r in two]
    assert [d for _, d in one.diagnostics] == [d for _, d in two.diagnostics]
    assert two["ipw"].balance_weights is not None


def test_the_json_has_the_documented_keys_and_is_strict(study):
    document = json.loads(
        json.dumps(compare(study, [*METHODS, Broken(error=yg.DataError("no."))]).to_dict(), allow_nan=False)
    )
    assert set(document) == {"schema", "yinguo", "question", "study", "assumptions", "verdict", "results"}
    assert document["study"]["roles"]["covariates"] == ["x1", "x2", "x3"]
    assert [row["method"] for row in document["results"]] == ["difference", "ipw", "regression-adjustment", "broken"]
    keys = {"method", "estimand", "estimate", "se", "ci_low", "ci_high", "n", "diagnostics", "notes", "error"}
    assert all(keys <= set(row) for row in document["results"])
    assert document["results"][3]["estimate"] is None


def test_the_disagreement_is_said_and_not_averaged_away(study):
    said = compare(study, METHODS).disagreement()
    assert said.startswith("Estimates range from")
    assert "(difference)" in said
    assert compare(study, [yg.IPW()]).disagreement().startswith("Fewer than two methods")
    signs = compare(study.replace(Y=study.Y - study.T * 1.15), METHODS).disagreement()
    assert "disagree about the sign" in signs


def test_one_method_twice_with_other_options_counts_as_two(study):
    said = compare(study, [yg.IPW(), yg.IPW(penalty=1e6)]).disagreement()
    assert said.startswith("Estimates range from")


def test_the_verdict_is_the_gravest_of_those_that_adjust_and_no_estimate_at_all_is_grave(study):
    compared = compare(study, METHODS)
    verdicts = [d.verdict for name, d in compared.diagnostics if name != "difference"]
    assert compared.verdict == max(verdicts, key=("ok", "look", "stop").index)
    assert [d.verdict for _, d in compared.diagnostics] == sorted(
        (d.verdict for _, d in compared.diagnostics), key=("stop", "look", "ok").index
    )
    assert compare(study, [Broken(error=yg.DataError("no."))]).verdict == "stop"
    assert compare(study, [yg.DifferenceInMeans()]).verdict != "ok"


def test_assumptions_are_the_union_each_once(study):
    said = compare(study, METHODS).assumptions
    assert len(said) == len(set(said))
    assert any("at random" in sentence for sentence in said)
    assert any("'t' and 'y' share" in sentence for sentence in said)


def test_the_summary_reads_question_assumptions_failing_checks_estimates(study):
    text = compare(study, METHODS).summary()
    places = [
        text.index(part)
        for part in (
            "How much does",
            "For the answer to be causal",
            "Checks that did not pass",
            "method",
            "Estimates range",
        )
    ]
    assert places == sorted(places)
    assert "99.9% interval" in compare(study, METHODS).summary(0.999)


def test_html_is_escaped():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(60, 1)), np.arange(60) % 2
    study = yg.Study.from_arrays(X, T, X[:, 0], treatment="<b>t</b>")
    assert "<b>t" not in compare(study, METHODS)._repr_html_()


def test_an_unknown_row_and_an_empty_comparison_are_answered(study):
    with pytest.raises(KeyError, match="'psm' was not run; there are"):
        compare(study, METHODS)["psm"]
    nothing = compare(study, [])
    assert nothing.rows == ()
    assert "ATE" not in nothing.question
    assert nothing.summary()


def test_a_comparison_survives_a_pickle(study):
    compared = compare(study, METHODS)
    again = pickle.loads(pickle.dumps(compared))
    assert [r.estimate for r in again] == [r.estimate for r in compared]
