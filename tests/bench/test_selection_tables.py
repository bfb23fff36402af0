"""Tables on selection: printed figures are complete, cheap rows give what the designs are known for."""

import os

import numpy as np
import pytest

from yinguo import bench
from yinguo.bench import collider, collider_real, two_biases
from yinguo.core.study import Study
from yinguo.datasets import ihdp_collider
from yinguo.datasets.draw import Draw, EffectPoints

needs_data = pytest.mark.skipif(not os.environ.get("YINGUO_DATA"), reason="YINGUO_DATA is not set")


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


def test_every_printed_row_has_figures_in_every_column_and_none_counts_as_verified():
    for module, columns in ((collider, 3), (collider_real, 3), (two_biases, 5)):
        assert all(len(figures) == columns for figures in module.PRINTED.values())
        assert {row.mark for row in module.TABLE.published} == {"unverified"}
    alpha, beta = (two_biases.PRINTED["2SSI"][k] for k in (1, 3))
    assert alpha == (0.154, 1.278)
    assert beta == (0.038, 1.995)


def test_on_the_collider_a_named_shadow_variable_is_nearer_than_lines_without_it(tmp_path):
    cell, methods = "beta = 3", ["lines, no weights", "IPSW", "ShadowVariable, x5 named", "ShadowCatcher"]
    found = lines(bench.run("collider", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    for measure in collider.MEASURES:
        plain, ipsw, named, caught = (found[cell, method].measures[measure].value for method in methods)
        assert max(named, caught) < 0.5 * min(plain, ipsw)


def test_oracle_weights_run_only_where_their_strength_is_the_cell_s():
    for beta in collider.BETAS:
        rows = [m for m in collider.TABLE.methods if m.label.endswith(f"(oracle), beta {beta}")]
        assert [m.cells for m in rows] == [(f"beta = {beta}",)]
        assert rows[0].estimator.options["beta"] == beta


@needs_data
def test_every_comparator_printed_on_ihdp_is_worse_than_a_constant():
    off = ihdp_collider().extras["constant"]
    assert [round(off[name], 2) for name in ("all", "seen", "unseen")] == [0.86, 0.95, 0.49]
    for label, (figures, _, _) in collider_real.PRINTED.items():
        assert figures[1] > off["unseen"]
        assert (figures[0] > off["seen"]) != label.startswith("Shadow")


@needs_data
def test_the_constant_is_near_its_value_on_held_out_rows_and_treats_everybody_on_jobs(tmp_path):
    row = "true mean effect (oracle)"
    found = lines(
        bench.run("collider-real", quick=True, cells=["IHDP", "Jobs"], methods=[row], folder=tmp_path, n_jobs=1)
    )
    ihdp = found["IHDP", row].measures
    # Two splits with about 111 and 38 test rows.
    assert ihdp["root PEHE selected"].value == pytest.approx(0.95, abs=0.25)
    assert ihdp["root PEHE unselected"].value == pytest.approx(0.49, abs=0.2)
    assert found["Jobs", row].measures["policy risk all"].value == pytest.approx(0.226, abs=0.15)


@needs_data
@pytest.mark.parametrize("data", collider_real.CELLS)
def test_both_kinds_of_rows_are_split_alike_and_no_outcome_that_is_hidden_is_in_the_study(data):
    draw = collider_real.draw(np.random.default_rng(3), data=data)
    study, test = draw.study, draw.extras["test"]
    for value, points in ((1, test["selected"]), (0, test["unselected"])):
        kept = int(np.sum(value == study.S))
        assert len(points.Y) == round(0.2 * (kept + len(points.Y)))
        assert np.isfinite(points.Y).all()
    assert np.array_equal(np.isnan(study.Y), study.S == 0)
    assert sum(name.startswith("shadow ") for name in study.covariates) == len(draw.extras["shadow"])


def test_policy_risk_of_all_rows_is_not_the_mean_of_that_of_its_parts_and_averages_have_no_measure():
    draw = jobs_like(np.random.default_rng(0))

    class Rule:
        def effect(self, X):
            return X[:, 0]

    found = collider_real.measure(Rule(), draw)
    assert set(found) == {*collider_real.RISK, collider_real.WHOLE_RISK}
    # The lot decides the treatment, x1 the effect, and following it is worth 0.8.
    assert found[collider_real.WHOLE_RISK] == pytest.approx(0.2, abs=0.03)
    assert abs(found["policy risk selected"] - 0.2) > 0.05
    assert collider_real.measure(object(), draw) == {}


def jobs_like(rng) -> Draw:
    n = 8000
    X, T = rng.normal(size=(n, 1)), rng.integers(0, 2, n).astype(float)
    Y = (rng.random(n) < np.where((X[:, 0] > 0) == (T == 1), 0.8, 0.2)).astype(float)
    seen = rng.random(n) < 1 / (1 + np.exp(-2 * (2 * Y - 1 + T)))
    points = {
        name: EffectPoints(X=X[rows], T=T[rows], Y=Y[rows])
        for name, rows in (("selected", seen), ("unselected", ~seen))
    }
    randomised = {name: np.ones(len(part.Y), dtype=bool) for name, part in points.items()}
    study = Study.from_arrays(X, T, Y)
    return Draw(study=study, extras={"test": points, "randomised": None, "test_randomised": randomised})


@pytest.mark.slow
def test_with_two_biases_features_decide_on_the_unselected_and_the_residual_on_the_selected(tmp_path):
    cell, methods = "alpha = 10, beta = 10", ["boosted trees", "features, no residual", "2SSI, no weights"]
    found = lines(bench.run("two-biases", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    selected, unselected = (
        np.array([found[cell, method].measures[name].value for method in methods]) for name in two_biases.MEASURES
    )
    assert selected[2] < 0.3 * selected[1]
    assert unselected[1] < 0.3 * unselected[0]
