"""LIML and the k-class: limits that make it another method, less bias with many instruments. Stata: next to 2SLS."""

import numpy as np
import pytest

import yinguo as yg


def many(seed: int, n: int = 300, q: int = 30, effect: float = 1.0) -> yg.Study:
    """Many instruments, each of little strength."""
    rng = np.random.default_rng(seed)
    Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
    T = Z @ np.full(q, 0.15) + U + 0.5 * rng.normal(size=n)
    return yg.Study.from_arrays(np.empty((n, 0)), T, effect * T + U + 0.5 * rng.normal(size=n), Z=Z)


def with_covariates(seed: int, n: int = 300) -> yg.Study:
    study = many(seed, n, q=4)
    X = np.random.default_rng(seed + 1).normal(size=(n, 2))
    return yg.Study.from_arrays(X, study.T + X.sum(axis=1), study.Y + X.sum(axis=1), Z=study.Z)


def test_k_of_one_is_two_stage_least_squares_and_k_of_zero_least_squares():
    study = with_covariates(0)
    one, two = yg.LIML(k=1.0).fit(study), yg.TwoStageLeastSquares().fit(study)
    assert one.coefficients_ == pytest.approx(two.coefficients_, rel=1e-12)
    assert one.covariance_ == pytest.approx(two.covariance_, rel=1e-10)
    zero = yg.LIML(k=0).fit(study)
    D = np.column_stack([np.ones(study.n), study.T, study.X])
    b = np.linalg.lstsq(D, study.Y, rcond=None)[0]
    bread = np.linalg.inv(D.T @ D)
    robust = bread @ (D.T * (study.Y - D @ b) ** 2) @ D @ bread * study.n / (study.n - 4)
    assert zero.coefficients_ == pytest.approx(b, rel=1e-9)
    assert zero.covariance_ == pytest.approx(robust, rel=1e-8)


def test_with_one_instrument_it_is_two_stage_least_squares():
    study = many(1, q=1)
    one, two = yg.LIML().fit(study).result_, yg.TwoStageLeastSquares().fit(study).result_
    assert (one.estimate, one.se) == (pytest.approx(two.estimate, rel=1e-12), pytest.approx(two.se, rel=1e-10))
    assert one.extras["kappa"] == 1.0


def test_it_does_not_depend_on_which_side_is_called_the_outcome():
    """Of Y = theta T the maximum-likelihood estimate turns into 1/theta when the two change places; 2SLS does not."""
    study = with_covariates(2)
    turned = yg.Study.from_arrays(study.X, study.Y, study.T, Z=study.Z)
    product = {
        cls: cls().fit(study).result_.estimate * cls().fit(turned).result_.estimate
        for cls in (yg.LIML, yg.TwoStageLeastSquares)
    }
    assert product[yg.LIML] == pytest.approx(1.0, rel=1e-9)
    assert abs(product[yg.TwoStageLeastSquares] - 1) > 1e-4


def test_many_instruments_bias_two_stages_and_not_maximum_likelihood():
    def estimates(method):
        return np.array([method.fit(many(seed)).result_.estimate for seed in range(300)])

    two, likelihood, fuller = (
        estimates(method) for method in (yg.TwoStageLeastSquares(), yg.LIML(), yg.LIML(fuller=1))
    )
    error = likelihood.std() / np.sqrt(300)
    assert abs(np.median(likelihood) - 1) < 1.25 * 4 * error
    assert abs(fuller.mean() - 1) < 4 * error
    assert two.mean() - 1 > 20 * two.std() / np.sqrt(300)
    assert fuller.std() < likelihood.std()


def test_fuller_takes_its_constant_over_the_spare_rows_off_kappa():
    study = with_covariates(3)
    plain, fuller = (yg.LIML(fuller=a).fit(study).result_.extras["kappa"] for a in (0.0, 4.0))
    assert plain - fuller == pytest.approx(4 / (study.n - 3 - 4), rel=1e-9)


def test_impossible_options_are_refused():
    study = many(4)
    for options, word in (
        ({"k": 1.0, "fuller": 1.0}, "one of them"), ({"k": -1.0}, "at least 0"), ({"fuller": np.nan}, "at least 0"),
    ):  # fmt: skip
        with pytest.raises(yg.DataError, match=word):
            yg.LIML(**options).fit(study)
    with pytest.raises(yg.NotIdentifiedError, match="kappa = 5"):
        yg.LIML(k=5.0).fit(study)


def test_scores_average_to_the_estimate_and_its_error_is_near_theirs():
    result = yg.LIML().fit(with_covariates(5, n=3_000)).result_
    assert result.scores.mean() == pytest.approx(result.estimate, rel=1e-9)
    centred = result.scores - result.estimate
    assert np.sqrt(centred @ centred) / 3_000 == pytest.approx(result.se, rel=0.05)
