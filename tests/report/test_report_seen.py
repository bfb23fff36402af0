"""Who was seen: counts, differences and bounds on the page, also where an arm was never seen."""

import re

import numpy as np
import pytest

import yinguo as yg
from yinguo.report.html import render_report
from yinguo.report.seen import seen_of
from yinguo.report.summarize import summarize


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(400, 2)), rng.integers(0, 2, 400) * 1.0
    S = (rng.random(400) < 1 / (1 + np.exp(-1 - 2 * X[:, 1]))) * 1.0
    return yg.Study.from_arrays(X, T, np.where(S == 1, X[:, 0] + T, np.nan), S=S)


def test_counts_are_those_of_the_study_and_the_covariate_that_decides_comes_first(study):
    found = seen_of(study)
    assert (found.n, found.count) == (400, int(study.S.sum()))
    assert sum(count for _, count, _ in found.arms) == found.count
    assert found.gaps[0].name == "x2"
    assert found.gaps[0].smd > 0.5
    assert found.gaps[0].seen == pytest.approx(study.X[study.S == 1, 1].mean())
    assert [text.split(" (")[0] for text in found.bounds] == ["Bounds of Manski", "Bounds of Lee"]
    assert seen_of(yg.Study.from_arrays(study.X, study.T, np.zeros(400))) is None


def test_the_page_has_means_of_those_seen_and_no_number_that_is_none(study):
    comparison = yg.compare(study, [yg.IPSW(), yg.HeckmanTwoStep(outcome_covariates=["x1"])])
    content = summarize(comparison)
    treated = (study.T == 1) & (study.S == 1)
    assert content.arms[0].mean == pytest.approx(study.Y[treated].mean())
    assert content.robustness is None
    page = re.sub(r"<(style|svg).*?</\1>", "", render_report(comparison), flags=re.S)
    text = re.sub(r"<[^>]+>", " ", page)
    assert "mean of y where seen" in text
    assert not re.search(r"\bnan\b", text)
    assert "what selection alone could do" in text


def test_a_continuous_treatment_is_among_what_may_differ_and_has_no_bounds(study):
    found = seen_of(study.replace(T=study.X[:, 1] + 0.0))
    assert found.gaps[0].name in ("t", "x2")
    assert found.arms == ()
    assert found.bounds == ()


def test_an_arm_that_was_never_seen_leaves_a_page_that_says_why_there_is_no_estimate(study):
    S = np.where(study.T == 1, study.S, 0.0)
    nobody = study.replace(S=S, Y=np.where(S == 1, study.Y, np.nan))
    page = render_report(yg.compare(nobody, [yg.IPSW()]))
    assert "the control arm" in page
    assert "Who was seen" in page
