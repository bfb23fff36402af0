"""Pictures of learned effects: well-formed, labelled, safe for any name, and true to the records."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.text import Annotation, Text
from report_toys import NASTY

import yinguo as yg
from yinguo.diagnose import effect_calibration, effect_segments, group_effects, judge_effects, targeting_curve
from yinguo.diagnose.targeting import targeting_point
from yinguo.report.canvas import inline_svg
from yinguo.report.effect_plots import (
    calibration_plot,
    effects_figure,
    gain_plot,
    groups_plot,
    segments_plot,
    toc_plot,
)


class Line:
    """Two least-squares lines."""

    def fit(self, study):
        fits = [
            np.linalg.lstsq(np.c_[np.ones(len(r)), study.X[r]], study.Y[r], rcond=None)[0] for r in self.arms(study)
        ]
        self.beta_ = fits[1] - fits[0]
        return self

    def arms(self, study):
        return [np.flatnonzero(arm == study.T) for arm in (0, 1)]

    def effect(self, X):
        return self.beta_[0] + X @ self.beta_[1:]


def study(names=("age", "recency", "visits"), outcome="spend") -> yg.Study:
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(600, 3)), rng.integers(0, 2, 600).astype(float)
    Y = X[:, 0] + T * (0.5 + X[:, 1]) + rng.normal(size=600)
    return yg.Study.from_arrays(X, T, Y, covariates=list(names), outcome=outcome)


@pytest.fixture(scope="module")
def judged():
    return judge_effects(study(), Line(), cost=0.25)


def pictures(j):
    return {
        "toc": toc_plot(j.curve, outcome="spend"),
        "gain": gain_plot(j.curve, best=j.best, outcome="spend"),
        "groups": groups_plot(j.groups, average=j.calibration.average, outcome="spend"),
        "calibration": calibration_plot(j.groups, j.calibration),
        "segments": segments_plot(j.segments, outcome="spend"),
        "narrow": segments_plot(j.segments, outcome="spend", width=400),
        "all": effects_figure(j),
    }


def said(figure) -> str:
    return " | ".join(t.get_text() for t in figure.findobj(Text) if t.get_text())


def test_every_picture_is_well_formed_and_says_what_its_axes_are(judged):
    wanted = {
        "toc": ("effect on spend of those ranked first", "share of the population", "40%"),
        "gain": ("gain in spend", "cost 0.250 taken off", "as many at random", "best 20%"),
        "groups": ("effect on spend by group", "mean learned effect", "95% intervals for all"),
        "calibration": ("perfectly calibrated", "slope", "mean learned effect of the group"),
        "segments": (judged.segments.rules[0], "change in spend", "for all together"),
        "narrow": (judged.segments.rules[0], "change in spend"),
        "all": (judged.segments.rules[0], "effect on spend by group", "perfectly calibrated", "best 20%"),
    }
    for name, figure in pictures(judged).items():
        root = ElementTree.fromstring(inline_svg(figure, key=f"p{name}", title=name, description=name))
        assert root.tag.endswith("svg")
        assert all(text in said(figure) for text in wanted[name]), name


def test_the_points_are_those_of_the_records(judged):
    groups = groups_plot(judged.groups).axes[0]
    drawn = [line.get_ydata() for line in groups.lines if line.get_marker() == "o"]
    assert np.array_equal(drawn[0], judged.groups.effects.estimate)
    toc = toc_plot(judged.curve).axes[0]
    assert any(np.array_equal(line.get_ydata(), judged.curve.toc.estimate) for line in toc.lines)
    gain = gain_plot(judged.curve, best=judged.best).axes[0]
    assert any(np.array_equal(line.get_ydata()[1:], judged.curve.gain.estimate) for line in gain.lines)


def test_text_stays_inside_the_picture(judged):
    for name, figure in pictures(judged).items():
        figure.draw_without_rendering()
        width = figure.bbox.width
        for text in figure.findobj(Annotation):
            box = text.get_window_extent()
            assert box.x0 > -2, (name, text.get_text())
            assert box.x1 < width + 2, (name, text.get_text())


def test_any_name_is_plain_text():
    found = judge_effects(study(names=NASTY[:3], outcome=NASTY[4]), Line(), folds=3)
    text = inline_svg(effects_figure(found), key="nasty", title=NASTY[3], description=NASTY[5])
    root = ElementTree.fromstring(text)
    assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_nothing_to_show_is_still_a_picture():
    psi, rng = np.ones(50), np.random.default_rng(0)
    groups, calibration = group_effects(psi, psi), effect_calibration(psi, psi)
    for figure in (
        groups_plot(groups),
        calibration_plot(groups, calibration),
        toc_plot(targeting_curve(psi, psi)),
        gain_plot(targeting_curve(psi, psi), best=targeting_point(psi, psi, 1.0)),
        segments_plot(effect_segments(psi, rng.normal(size=(50, 2)), drawn=np.arange(50) < 25)),
    ):
        figure.draw_without_rendering()
        assert figure.axes
