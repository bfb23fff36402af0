"""Draws, measures and rows of the tables on instruments: each does what its name says, and nothing is a method."""

from types import SimpleNamespace

import numpy as np
import pytest

from yinguo.bench.direct_network import DirectNetwork
from yinguo.bench.instrument_draws import binary_errors, curve_errors, replication_of, with_validation_rows
from yinguo.bench.instrument_rows import LeastSquares, Narrowed, RecodedTreatment, WithProducts
from yinguo.bench.task import Task, _draw, _seed
from yinguo.core.study import Study
from yinguo.datasets import autoiv_lowdim, cbiv_syn, toy_iv
from yinguo.instruments import TwoStageLeastSquares


@pytest.fixture(scope="module")
def syn():
    return cbiv_syn(n=3000)


def test_the_number_of_the_replication_comes_back_from_the_runners_generator():
    task = SimpleNamespace(seed=5, cell=SimpleNamespace(name="any"), replication=17)

    def number(rng):
        return replication_of(rng)

    assert _draw(number, "{}", _seed(task)) == 17
    assert replication_of(np.random.default_rng(3)) == 0
    assert "replication" in Task.__slots__


def test_validation_rows_are_added_below_the_training_rows(syn):
    study = with_validation_rows(syn).study
    assert study.n == 6000
    for part, rows in ((syn.study, slice(0, 3000)), (syn.extras["validation"], slice(3000, None))):
        for name in ("X", "T", "Y", "Z"):
            assert np.array_equal(getattr(study, name)[rows], getattr(part, name))


def test_the_true_curve_has_no_error_and_its_logarithm_is_left_out():
    draw = toy_iv(n=50)
    assert curve_errors(SimpleNamespace(predict=draw.extras["structure"]), draw) == {"MSE grid": 0.0}
    off = curve_errors(SimpleNamespace(predict=lambda X, T: draw.extras["structure"](X, T) + 0.1), draw)
    assert off == pytest.approx({"MSE grid": 0.01, "log10 MSE grid": -2})


def test_errors_by_other_standards_are_differences_to_those(syn):
    fitted = SimpleNamespace(
        result_=SimpleNamespace(estimate=1.5),
        effect=lambda X, t0, t1: np.where(X[:, 0] > 0, 2.0, 0.0),
    )
    share = (syn.extras["test"]["treated"].X[:, 0] > 0).mean()
    assert binary_errors(fitted, syn) == pytest.approx(
        {
            "less published truth": 0.5,
            "less mean of all rows": 1.5 - syn.truth["ATE"],
            "test rows less truth": 2 * share - syn.truth["ATE"],
        }
    )


def test_least_squares_is_least_squares():
    study = toy_iv(n=500).study
    slope, level = np.polyfit(study.T, study.Y, 1)
    fitted = LeastSquares().fit(study)
    assert fitted.result_.estimate == pytest.approx(slope)
    assert fitted.predict(None, [2.0])[0] == pytest.approx(level + 2 * slope)


def test_products_of_instruments_and_covariates_make_two_stages_work_where_instruments_alone_do_not():
    study = cbiv_syn(m_u=0).study
    given = WithProducts(estimator=TwoStageLeastSquares()).fit(study)
    products = np.einsum("ij,ik->ijk", study.Z, study.X).reshape(study.n, -1)
    same = Study.from_arrays(study.X, study.T, study.Y, Z=np.column_stack([study.Z, products]))
    assert given.result_.estimate == pytest.approx(TwoStageLeastSquares().fit(same).result_.estimate, rel=1e-9)
    alone = TwoStageLeastSquares().fit(study).result_
    assert given.result_.se < alone.se / 5


def test_narrowing_leaves_the_named_candidates_alone():
    draw = autoiv_lowdim(n=1000)
    told = Narrowed(estimator=TwoStageLeastSquares(), keep=("z1",)).fit(draw.study)
    alone = TwoStageLeastSquares().fit(autoiv_lowdim(n=1000, candidates=("z1",)).study)
    assert told.result_.estimate == alone.result_.estimate
    assert np.array_equal(told.predict(None, [0.0, 1.0]), alone.predict(None, [0.0, 1.0]))


def test_evaluating_at_zero_and_one_on_the_recoded_scale_gives_a_fourteenth_of_a_linear_effect(syn):
    plain = TwoStageLeastSquares().fit(syn.study).result_.estimate
    recoded = RecodedTreatment(estimator=TwoStageLeastSquares()).fit(syn.study)
    assert recoded.result_.estimate == pytest.approx(plain / (2 * np.log(999)))
    assert recoded.inner_.result_.estimate == plain


def test_a_seed_reaches_the_estimator_within():
    inner = DirectNetwork(layers=(4,), epochs=2)
    made = WithProducts(estimator=inner, random_state=12).fit(cbiv_syn(n=100).study)
    assert made.inner_.random_state == 12


def test_the_direct_network_finds_the_confounded_regression():
    draw = toy_iv(n=2000, curve="abs")
    fitted = DirectNetwork(layers=(32,), learning_rate=1e-2, epochs=60, random_state=1).fit(draw.study)
    t = np.linspace(-2, 2, 9)
    assert np.abs(fitted.predict(None, t) - (np.abs(t) + t / 2)).max() < 0.25
    assert curve_errors(fitted, draw)["MSE grid"] > 0.3


def test_the_direct_network_with_instruments_predicts_at_the_instruments_of_the_test_rows():
    draw = toy_iv(n=2000)
    fitted = DirectNetwork(
        layers=(32,), learning_rate=1e-2, epochs=60, with_instruments=True, random_state=1
    ).fit(draw.study)  # fmt: skip
    # Given T and Z there is no noise left in Y = T + (T - Z).
    T, Z = np.array([0.5, -1.0]), np.array([[1.0], [0.0]])
    assert fitted.predict_with(np.empty((2, 0)), T, Z) == pytest.approx(2 * T - Z[:, 0], abs=0.15)
    # Averaged over the instruments, which have mean 0, it is twice the treatment.
    assert fitted.predict(None, [1.0])[0] == pytest.approx(2, abs=0.2)
