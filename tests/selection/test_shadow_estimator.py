"""ShadowEstimator: the mixture of seen and unseen is that of the truth, and reduces to plain regression."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import collider_design


def test_the_effects_are_nearer_than_those_of_learners_on_those_seen():
    draw = collider_design(beta=3, n=10_000, shadow=True)
    study, seen = draw.study, draw.study.S == 1
    ours = yg.ShadowEstimator().fit(study).effects_
    plain = yg.TLearner(folds=2).fit(
        yg.Study.from_arrays(np.column_stack([study.X, study.V])[seen], study.T[seen], study.Y[seen])
    )
    naive = plain.effect(np.column_stack([study.X, study.V]))
    error = lambda effects: np.sqrt(np.mean((effects - draw.extras["tau"]) ** 2))  # noqa: E731
    assert error(ours) < 0.15
    assert error(naive) > 0.25


def test_the_average_is_that_of_shadow_variable():
    study = collider_design(beta=1, n=3000, shadow=True).study
    one, other = (cls().fit(study).result_ for cls in (yg.ShadowEstimator, yg.ShadowVariable))
    assert one.estimate == pytest.approx(other.estimate, rel=1e-9)
    assert one.se == pytest.approx(other.se, rel=1e-9)


def test_a_learned_chance_of_being_seen_takes_the_place_of_the_logistic_one():
    from sklearn.linear_model import LogisticRegression

    study = collider_design(beta=1, n=3000, shadow=True).study
    own = yg.ShadowEstimator().fit(study).effects_
    same = yg.ShadowEstimator(selection_model=LogisticRegression(C=1e8, tol=1e-10)).fit(study).effects_
    assert same == pytest.approx(own, abs=1e-3)


def test_misused_options_are_refused():
    from sklearn.linear_model import LogisticRegression

    study = collider_design(n=500, shadow=True).study
    for options, word in (
        ({"variant": "gan"}, "variant is 'gan'"),
        ({"form": "discrete"}, "form is 'discrete'"),
        ({"outcome_model": LogisticRegression()}, "give a regressor"),
    ):
        with pytest.raises(yg.DataError, match=word):
            yg.ShadowEstimator(**options).fit(study)


def test_the_published_form_trains_gives_effects_and_no_interval():
    study = collider_design(beta=1, n=300, shadow=True).study
    one, two = (yg.ShadowEstimator(variant="paper", epochs=2).fit(study) for _ in range(2))
    assert np.isfinite(one.effects_).all()
    assert np.array_equal(one.effects_, two.effects_)
    assert one.result_.se is None
    weighted = study.replace(sample_weight=np.linspace(0.5, 1.5, 300))
    with pytest.raises(yg.DataError, match="does not support sample_weight"):
        yg.ShadowEstimator(variant="paper", epochs=2).fit(weighted)
