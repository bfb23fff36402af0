"""The Card data as shipped: the published figures come out of them."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import card_1995


def test_least_squares_and_the_instrument_give_the_textbook_figures():
    """Wooldridge, table 15.1: 0.075 (0.003) and 0.132 (0.055)."""
    study = card_1995().study
    ols = yg.LIML(k=0, covariance="unadjusted").fit(study).result_
    assert (round(ols.estimate, 4), round(ols.se, 4)) == (0.0747, 0.0035)
    iv = yg.TwoStageLeastSquares(covariance="unadjusted").fit(study).result_
    assert (round(iv.estimate, 4), round(iv.se, 4)) == (0.1315, 0.0550)


def test_the_table_has_the_rows_columns_and_gaps_it_should():
    draw = card_1995(instruments="both", weighted=True)
    assert draw.study.n == 3010
    assert draw.study.instruments == ("nearc4", "nearc2")
    assert len(draw.study.covariates) == 14
    assert len(draw.extras["columns"]) == 34
    gaps = {name: int(np.isnan(column).sum()) for name, column in draw.extras["columns"].items()}
    assert {name: count for name, count in gaps.items() if count} == {
        "fatheduc": 690, "motheduc": 353, "KWW": 47, "IQ": 949, "married": 7, "libcrd14": 13,
    }  # fmt: skip
    assert draw.study.sample_weight.mean() == pytest.approx(1.0)
    assert {"nearc4", "nearc2"} <= set(draw.table())


def test_an_unknown_choice_of_instruments_is_refused():
    with pytest.raises(yg.DataError, match="nearc4"):
        card_1995(instruments="near")
