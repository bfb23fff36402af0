"""The decomposition design: who drives what, and that the naive comparison is wrong."""

import numpy as np
import pytest

from yinguo.datasets import d2vd_design
from yinguo.errors import DataError


@pytest.mark.parametrize("treatment", ["logistic", "threshold"])
@pytest.mark.parametrize("form", ["linear", "nonlinear"])
def test_only_confounders_drive_the_treatment_and_the_naive_comparison_is_biased(treatment, form):
    draw = d2vd_design(n=20_000, p=12, confounders=3, adjusters=4, treatment=treatment, form=form)
    study = draw.study
    assert draw.extras["confounders"] == ("x1", "x2", "x3")
    assert draw.extras["adjusters"] == ("x4", "x5", "x6", "x7")
    gap = study.X[study.T == 1].mean(axis=0) - study.X[study.T == 0].mean(axis=0)
    assert (gap[:3] > 0.3).all()
    assert (np.abs(gap[3:]) < 0.06).all()
    assert study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() > 1.5


@pytest.mark.parametrize("form", ["linear", "nonlinear"])
def test_the_effect_is_one_given_the_two_sums(form):
    study = d2vd_design(n=20_000, p=8, confounders=2, adjusters=2, form=form, random_state=1).study
    X = study.X
    H = X if form == "linear" else (X + X**2 - 1) / np.sqrt(3)
    design = np.column_stack([study.T, H[:, :2].sum(axis=1), H[:, 2:4].sum(axis=1), np.ones(study.n)])
    slopes = np.linalg.lstsq(design, study.Y, rcond=None)[0]
    assert np.allclose(slopes, [1.0, 2 / np.sqrt(2), 3 / np.sqrt(2), 0.0], atol=0.06)


def test_unknown_words_and_too_many_variables_are_refused():
    with pytest.raises(DataError, match="probit"):
        d2vd_design(treatment="probit")
    with pytest.raises(DataError, match="p=5"):
        d2vd_design(p=5)
