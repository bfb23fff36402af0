"""The job-training data as shipped: sizes, means and columns as published."""

import numpy as np
import pytest

from yinguo.datasets import job_training
from yinguo.errors import DataError

RAW = ("age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75", "u74", "u75")

#: Card 0.1 and the published difference with PSID-1.
DIFFERENCES = {"experiment": (260, 1794.343), "cps1": (15_992, -8497.516), "psid1": (2_490, -15204.78)}


@pytest.mark.parametrize(("comparison", "facts"), DIFFERENCES.items())
def test_sizes_and_differences_are_the_published_ones(comparison, facts):
    study = job_training(comparison=comparison).study
    assert (study.n_treated, study.n - study.n_treated) == (185, facts[0])
    assert study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() == pytest.approx(facts[1], abs=6e-3)
    assert study.Y[study.T == 1].mean() == pytest.approx(6349.144, abs=6e-4)


def test_the_truth_is_the_experimental_difference():
    draw = job_training()
    assert draw.truth["ATT"] == pytest.approx(
        draw.study.Y[draw.study.T == 1].mean() - draw.study.Y[draw.study.T == 0].mean()
    )
    assert job_training(comparison="psid1").truth == draw.truth


def test_the_column_sets_are_those_of_the_card():
    assert job_training(variables="file").study.covariates == RAW[:8]
    study = job_training(comparison="cps1").study
    assert study.covariates == RAW
    columns = dict(zip(RAW, study.X.T, strict=True))
    assert np.array_equal(columns["u74"], columns["re74"] == 0)
    assert np.array_equal(columns["u75"], columns["re75"] == 0)
    wide = job_training(comparison="cps1", variables="interaction").study
    assert len(wide.covariates) == 56
    assert wide.covariates[:10] == RAW
    product = wide.X[:, wide.covariates.index("age*married")]
    assert np.array_equal(product, columns["age"] * columns["married"])


def test_the_interaction_columns_have_full_rank_among_the_controls():
    study = job_training(comparison="cps1", variables="interaction").study
    Z = study.X[study.T == 0]
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    assert np.linalg.matrix_rank(Z) == 56


def test_the_table_puts_treatment_and_outcome_first():
    table = job_training(variables="file").table()
    assert list(table) == ["treat", "re78", *RAW[:8]]
    assert {len(column) for column in table.values()} == {445}


@pytest.mark.parametrize("options", [{"comparison": "cps2"}, {"variables": "all"}])
def test_an_unknown_choice_is_named_with_what_there_is(options):
    ((name, value),) = options.items()
    with pytest.raises(DataError, match=f"{name} is '{value}'; it must be"):
        job_training(**options)
