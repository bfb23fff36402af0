"""The softmax-of-one row does what the published programme did."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.bench.iv_artefacts import SoftmaxOfOneDeepIV
from yinguo.core.registry import estimators

SHORT = {"epochs": 20, "hidden": (16,), "random_state": 0}


def drawn(n: int = 1500) -> yg.Study:
    rng = np.random.default_rng(0)
    Z, X, U = rng.normal(size=(3, n))
    T = (1.5 * Z + U > 0).astype(float)
    return yg.Study.from_arrays(X[:, None], T, 3 * T + X + U, Z=Z)


def test_everybody_counts_as_treated_so_the_curve_at_one_is_the_mean_outcome():
    study = drawn()
    wrong = SoftmaxOfOneDeepIV(**SHORT).fit(study)
    # The mean outcome is 1.5, half of the effect; a right curve is 3 for the treated.
    assert wrong.predict(study.X, 1.0).mean() == pytest.approx(study.Y.mean(), abs=0.15)
    right = yg.DeepIV(**SHORT).fit(study)
    assert right.predict(study.X, 1.0).mean() == pytest.approx(3.0, abs=0.5)
    assert abs(wrong.result_.estimate - 3) > 4 * abs(right.result_.estimate - 3)
    assert wrong.result_.method == "deep-iv-softmax-of-one"


def test_it_is_no_method_and_no_mistake_of_continuous_treatments():
    assert "deep-iv-softmax-of-one" not in estimators()
    study = drawn(200)
    with pytest.raises(yg.DataError, match="two values"):
        SoftmaxOfOneDeepIV(**SHORT).fit(study.replace(T=study.Z[:, 0]))
