"""TARNet: effects found where means and lines mislead, its weights, chances, determinism and refusals."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, line_error, naive_error, off

import yinguo as yg


def test_unit_effects_are_found_where_means_and_lines_mislead():
    study, truth = bent()
    learner = yg.TARNet(**SMALL).fit(study)
    assert naive_error(study, truth) > 0.8
    assert line_error(study, truth) > 0.5
    assert off(learner.effects_, truth) < 0.35
    assert abs(learner.result_.estimate - truth.mean()) < 0.25
    new, new_truth = bent(seed=1)
    assert off(learner.effect(new.X), new_truth) < 0.35


def test_the_interval_of_the_average_covers_the_truth():
    study, truth = bent()
    result = yg.TARNet(**SMALL | {"folds": 2, "propensity": _far_out()}).fit(study).result_
    assert 0.01 < result.se < 0.2
    assert abs(result.estimate - truth.mean()) < 3 * result.se


def _far_out():
    """Logistic regression on the squares, which drive the treatment."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    return make_pipeline(PolynomialFeatures(2), LogisticRegression())


def test_without_weights_the_rows_count_alike_which_is_another_fit():
    study, _ = bent(300)
    fits = {w: yg.TARNet(**SMALL | {"epochs": 30}, weighted=w).fit(study).effects_ for w in (True, False)}
    assert not np.allclose(fits[True], fits[False])


def test_an_outcome_of_two_values_is_predicted_as_a_chance():
    study, truth = bent(1500, binary=True)
    learner = yg.TARNet(**SMALL).fit(study)
    for t in (0, 1):
        m = learner.predict(study.X * 10, t)
        assert m.min() > 0
        assert m.max() < 1
    assert off(learner.effects_, truth) < 0.13
    assert off(np.zeros(study.n), truth) > 0.13
    assert naive_error(study, truth) > 0.2
    assert abs(learner.result_.estimate - truth.mean()) < 0.06


def test_the_unit_of_the_outcome_does_not_matter():
    study, _ = bent(300)
    options = SMALL | {"epochs": 40}
    plain = yg.TARNet(**options).fit(study).effects_
    scaled = yg.TARNet(**options).fit(study.replace(Y=1000 * study.Y - 7)).effects_
    assert scaled == pytest.approx(1000 * plain, rel=1e-2, abs=1)


def test_the_seed_decides_everything_and_another_seed_is_another_fit():
    study, _ = bent(300)
    fits = [yg.TARNet(**SMALL | {"epochs": 20}, random_state=s).fit(study).effects_ for s in (0, 0, 1)]
    assert np.array_equal(fits[0], fits[1])
    assert not np.allclose(fits[0], fits[2])


def test_the_weights_kept_are_those_of_the_best_look():
    study, _ = bent(300)
    history = yg.TARNet(**SMALL | {"epochs": 200, "look_every": 10}).fit(study).history_
    looks = {epoch.number: epoch.validation for epoch in history.epochs if epoch.validation is not None}
    assert list(looks) == list(range(10, 201, 10))
    assert history.best == min(looks, key=looks.get)


def test_training_stops_when_the_held_out_rows_have_not_improved_for_a_while():
    study, _ = bent(200)
    history = yg.TARNet(**SMALL | {"epochs": 2000, "look_every": 10}, patience=3).fit(study).history_
    assert history.stopped == "no progress"
    assert len(history.epochs) == history.best + 30


@pytest.mark.parametrize(
    "options",
    [{"validation": 0.0}, {"validation": 1.0}, {"epochs": 0}, {"batch_size": 0}, {"look_every": 0}, {"patience": 0},
     {"learning_rate": -1.0}, {"head_penalty": -1.0}],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_by_name(options):
    study, _ = bent(50)
    with pytest.raises(yg.DataError, match=next(iter(options))):
        yg.TARNet(**options).fit(study)


def test_folds_that_leave_one_row_of_an_arm_are_refused():
    study, _ = bent(50)
    T = np.zeros(50)
    T[3:5] = 1.0
    with pytest.raises(yg.DataError, match="1 treated rows"):
        yg.TARNet(epochs=1).fit(study.replace(T=T))
