"""CB-IV: truth under a hidden confounder, its ablations, what the penalty and the first stage do."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.instruments.networks.treatment_regression import predicted_treatment
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, tensor
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn

SMALL = {
    "representation": (32, 32), "heads": (32,), "learning_rate": 2e-3, "networks": 1, "epochs": 150,
    "treatment_folds": 5, "treatment_repeats": 1, "treatment_epochs": 20,
}  # fmt: skip


def confounded(n: int, seed: int, *, continuous: bool = False, binary_outcome: bool = False) -> yg.Study:
    """Effect 2; the hidden cause pushes a plain comparison far up."""
    rng = np.random.default_rng(seed)
    X, Z, U = rng.normal(size=(n, 2)), rng.normal(size=n), rng.normal(size=n)
    score = 1.5 * Z + 0.3 * X[:, 0] + U
    T = score if continuous else (score > 0).astype(float)
    Y = 2 * T + X[:, 0] + 1.5 * U + 0.3 * rng.normal(size=n)
    if binary_outcome:
        Y = (Y > 1).astype(float)
    return yg.Study.from_arrays(X, T, Y, Z=Z)


def test_the_effect_is_found_where_outcome_heads_alone_are_misled():
    errors = {"cb-iv": [], "direct": []}
    for seed in (0, 1):
        study = confounded(1500, seed)
        errors["cb-iv"].append(yg.CBIV(**SMALL, random_state=seed).fit(study).result_.estimate - 2)
        direct = yg.CBIV(**SMALL, two_stage=False, balance_strength=0.0, random_state=seed).fit(study)
        errors["direct"].append(direct.result_.estimate - 2)
    assert np.abs(np.mean(errors["cb-iv"])) < 0.3
    assert np.min(errors["direct"]) > 0.8


def test_the_effect_of_a_continuous_treatment_is_found_by_its_slope():
    study = confounded(1000, 0, continuous=True)
    found = yg.CBIV(**SMALL | {"epochs": 200}, balance_strength=0.1).fit(study).result_.estimate
    naive = np.polyfit(study.T, study.Y, 1)[0]
    assert found == pytest.approx(2.0, abs=0.25)
    assert naive > 2.35


def test_one_stage_makes_no_use_of_instruments_and_two_stages_do():
    study = confounded(300, 0)
    other = study.replace(Z=study.Z[::-1])
    fit = lambda s, **o: yg.CBIV(**SMALL | {"epochs": 20}, **o).fit(s).result_.estimate  # noqa: E731
    assert fit(study, two_stage=False) == fit(other, two_stage=False)
    assert fit(study) != fit(other)


def test_more_balance_leaves_less_between_the_arms():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    T = (X[:, 0] + rng.normal(size=600) > 0).astype(float)
    study = yg.Study.from_arrays(X, T, 2 * T + X[:, 0] + X[:, 1], Z=rng.normal(size=600))
    apart = []
    for strength in (0.0, 1.0):
        found = yg.CBIV(**SMALL, two_stage=False, balance_strength=strength).fit(study)
        with torch.no_grad():
            r = found.curve_.network.network.networks[0].curve.represent(tensor(found.curve_.scale_X(X)))
            apart.append(float(sinkhorn(r[T == 1], r[T == 0], **VARIANTS["autodiff"] | {"debias": True})))
    assert apart[0] > 2 * apart[1]


def test_a_study_may_be_given_for_validation_and_must_have_the_same_columns():
    study, more = confounded(300, 0), confounded(200, 1)
    found = yg.CBIV(**SMALL | {"epochs": 40}, look_from=0.0, validation=more).fit(study)
    assert found.history_[0].best in (20, 40)
    assert found.result_.n == 300
    assert found.result_.extras["predicted_treatment"].shape == (300,)
    narrow = yg.Study.from_arrays(more.X[:, :1], more.T, more.Y, Z=more.Z)
    with pytest.raises(yg.DataError, match="same columns"):
        yg.CBIV(**SMALL, validation=narrow).fit(study)


def test_an_outcome_of_two_values_is_predicted_as_a_chance():
    study = confounded(800, 0, binary_outcome=True)
    found = yg.CBIV(**SMALL).fit(study)
    for t in (0.0, 1.0):
        m = found.predict(study.X * 10, t)
        assert m.min() > 0
        assert m.max() < 1
    assert found.result_.estimate > 0.2
    assert set(found.history_[0].epochs[-1].losses) == {
        "outcome: cross-entropy",
        "outcome: balance",
        "outcome: weights",
    }


def test_the_curve_is_the_mean_of_networks_that_are_each_judged_on_rows_of_their_own():
    study = confounded(300, 0)
    found = yg.CBIV(**SMALL | {"networks": 3, "epochs": 40}).fit(study)
    joined = tensor(np.column_stack([np.ones(study.n), found.curve_.scale_X(study.X)]))
    with torch.no_grad():
        each = [network(joined)[:, 0].numpy() for network in found.curve_.network.network.networks]
    np.testing.assert_allclose(found.predict(study.X, 1.0), found.curve_.scale_Y.back(np.mean(each, axis=0)), rtol=1e-5)
    assert np.ptp(each, axis=0).min() > 0
    assert len({history.epochs[-1].validation for history in found.history_}) == 3


def test_early_weights_are_not_kept_however_they_look():
    """The effect is learned last and the objective hardly shows it."""
    study = confounded(300, 0)
    for look_from, looks in ((0.0, [10, 20, 30, 40]), (0.5, [30, 40])):
        (history,) = yg.CBIV(**SMALL | {"epochs": 40}, look_every=10, look_from=look_from).fit(study).history_
        assert [epoch.number for epoch in history.epochs if epoch.validation is not None] == looks
        assert history.best in looks


@pytest.mark.slow
def test_the_answer_depends_less_on_the_seed_than_with_the_published_steps():
    study = confounded(500, 0)
    published = {"networks": 1, "epochs": 100, "schedule": "stairs", "look_from": 0.0, "learning_rate": 5e-4}
    ours = {"networks": 3, "epochs": 300, "learning_rate": 5e-4}

    def spread(options) -> float:
        fits = [yg.CBIV(**SMALL | options, random_state=seed).fit(study) for seed in range(4)]
        return float(np.std([fit.result_.estimate for fit in fits]))

    assert spread(ours) < spread(published) / 2


@pytest.mark.parametrize("options", [{"schedule": "linear"}, {"networks": 0}, {"look_from": 1.0}])
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(yg.DataError, match=next(iter(options))):
        yg.CBIV(**SMALL | options).fit(confounded(60, 0))


@pytest.mark.parametrize("binary", [True, False])
def test_errors_of_predicted_treatments_are_unrelated_to_prediction_and_covariates(binary):
    """Without recalibration they are not; the second stage would be off by the slope."""
    study = confounded(600, 0, continuous=not binary)
    options = {"layers": (64,), "folds": 4, "epochs": 15, "batch_size": 100, "learning_rate": 1e-3}
    s = predicted_treatment(
        T=study.T.copy(), Z=study.Z, X=study.X, binary=binary, generator=make_generator(0), **options
    )
    assert np.corrcoef(s, study.T)[0, 1] > 0.6
    design = np.column_stack([np.ones(600), s, study.X])
    slope = np.linalg.lstsq(design, study.T, rcond=None)[0]
    assert slope[1] == pytest.approx(1.0, abs=0.1 if binary else 1e-6)
    assert np.abs((study.T - s) @ study.X).max() / 600 < (1e-3 if binary else 1e-6)


def test_each_treatment_is_predicted_from_other_rows():
    """A treatment that nothing predicts is not predicted, however many passes are taken."""
    rng = np.random.default_rng(0)
    T, Z, X = (rng.random(120) < 0.5).astype(float), rng.normal(size=(120, 6)), rng.normal(size=(120, 1))
    options = {"layers": (128, 64), "folds": 5, "epochs": 60, "batch_size": 20, "learning_rate": 3e-3}
    s = predicted_treatment(T=T, Z=Z, X=X, binary=True, generator=make_generator(0), **options)
    assert abs(np.corrcoef(s, T)[0, 1]) < 0.3


def test_predictions_averaged_over_deals_of_the_rows_err_less_than_one_deal_does():
    study = confounded(300, 0)
    options = {"layers": (64,), "folds": 3, "epochs": 20, "batch_size": 50, "learning_rate": 3e-3, "binary": True}

    def error(seed: int, repeats: int) -> float:
        s = predicted_treatment(
            T=study.T.copy(), Z=study.Z, X=study.X, generator=make_generator(seed), repeats=repeats, **options
        )
        return float(np.mean((study.T - s) ** 2))

    assert error(0, 4) < np.mean([error(seed, 1) for seed in range(4)])
