"""Strength for several columns at once; the figures are held to ivreg2 next to the kernels."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.diagnose import instrument_strength, joint_strength


def two_columns(apart: float, n: int = 3_000) -> yg.Study:
    """Treatment and ``b`` are both moved by the instruments; ``apart`` is what one does beyond the other."""
    rng = np.random.default_rng(0)
    Z, U = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    T = Z.sum(axis=1) + U[:, 0]
    b = Z.sum(axis=1) + apart * Z[:, 0] + U[:, 1]
    return yg.Study.from_arrays(b[:, None], T, T + b + U.sum(axis=1), covariates=["b"], Z=Z)


def test_instruments_strong_for_each_column_can_fail_to_tell_them_apart():
    apart, alike = (joint_strength(two_columns(a), endogenous=["b"]) for a in (1.0, 0.02))
    assert min(apart.cragg_donald, apart.kleibergen_paap) > 100
    assert max(alike.cragg_donald, alike.kleibergen_paap) < 10
    study = two_columns(0.02)
    alone = yg.Study.from_arrays(np.empty((study.n, 0)), study.T, study.Y, Z=study.Z)
    assert instrument_strength(alone).f_effective > 1_000
    check = yg.TwoStageLeastSquares(endogenous=["b"]).fit(study).result_.diagnostics[0]
    assert check.verdict == "stop"
    assert "tell" in check.sentence


def test_with_one_column_they_are_the_first_stage_f():
    study = two_columns(1.0)
    joint, own = joint_strength(study), instrument_strength(study)
    assert joint.cragg_donald == pytest.approx(own.f, rel=1e-10)
    assert joint.kleibergen_paap == pytest.approx(own.f_robust, rel=1e-10)
    assert joint.df == own.df
