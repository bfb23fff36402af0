"""The page of an instrumental variable study: strength first, pictures of both stages, no balance of arms."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.report.html import render_report
from yinguo.report.instrument_evidence import instrument_evidence


def study(kind: str = "binary") -> yg.Study:
    rng = np.random.default_rng(0)
    X, U = rng.normal(size=(600, 2)), rng.normal(size=600)
    Z = rng.integers(0, 2, 600).astype(float) if kind == "binary" else rng.normal(size=600)
    T = 0.8 * Z + 0.5 * X[:, 0] + U
    return yg.Study.from_arrays(X, T, 2 * T + U + X[:, 1], Z=Z)


@pytest.mark.parametrize("kind", ["binary", "normal"])
def test_slopes_are_those_of_the_regressions_and_their_ratio_is_two_stage_least_squares(kind):
    s = study(kind)
    panel = instrument_evidence(s).panels[0]
    D = np.column_stack([np.ones(s.n), s.X, s.Z])
    for slope, target in ((panel.first_stage, s.T), (panel.reduced_form, s.Y)):
        assert slope[0] == pytest.approx(np.linalg.lstsq(D, target, rcond=None)[0][-1], rel=1e-9)
    ratio = panel.reduced_form[0] / panel.first_stage[0]
    assert ratio == pytest.approx(yg.TwoStageLeastSquares().fit(s).result_.estimate, rel=1e-8)


def test_dots_of_a_two_valued_instrument_lie_on_its_line():
    panel = instrument_evidence(study()).panels[0]
    assert panel.discrete
    assert panel.values.tolist() == [0.0, 1.0]
    assert panel.treatment[1] - panel.treatment[0] == pytest.approx(panel.first_stage[0], rel=1e-6)


def test_dots_of_a_continuous_instrument_share_the_rows_evenly():
    panel = instrument_evidence(study("normal")).panels[0]
    assert not panel.discrete
    assert len(panel.values) == 15
    assert panel.counts.sum() == 600
    assert panel.counts.max() - panel.counts.min() <= 1


def test_the_page_shows_strength_and_pictures_before_the_estimates_and_no_balance_of_arms():
    s = study()
    page = render_report(yg.compare(s, [yg.TwoStageLeastSquares(), yg.LIML()]))
    assert page.index('id="instruments"') < page.index('id="checks"') < page.index('id="estimates"')
    assert "first stage" in page
    assert "reduced form" in page
    assert 'id="balance"' not in page
    assert "--instruments z1" in page
    assert "instruments=[&#39;z1&#39;]" in page


def test_a_comparison_with_a_method_for_measured_confounders_keeps_balance():
    rng = np.random.default_rng(1)
    Z, U = rng.integers(0, 2, 400), rng.normal(size=400)
    T = (Z + U > 0.5).astype(float)
    s = yg.Study.from_arrays(rng.normal(size=(400, 1)), T, T + U, Z=Z)
    page = render_report(yg.compare(s, [yg.TwoStageLeastSquares(), yg.RegressionAdjustment()]))
    assert 'id="instruments"' in page
    assert 'id="balance"' in page


def test_a_study_without_instruments_has_no_such_section():
    rng = np.random.default_rng(2)
    s = yg.Study.from_arrays(rng.normal(size=(60, 1)), np.arange(60) % 2, rng.normal(size=60))
    assert instrument_evidence(s) is None
    assert 'id="instruments"' not in render_report(yg.compare(s, [yg.RegressionAdjustment()]))
