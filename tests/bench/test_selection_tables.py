"""Tables on selection: printed figures are complete, cheap rows give what the designs are known for."""

import numpy as np
import pytest

from yinguo import bench
from yinguo.bench import collider, two_biases


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


def test_every_printed_row_has_figures_in_every_column_and_none_counts_as_verified():
    for module, columns in ((collider, 3), (two_biases, 5)):
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


@pytest.mark.slow
def test_with_two_biases_features_decide_on_the_unselected_and_the_residual_on_the_selected(tmp_path):
    cell, methods = "alpha = 10, beta = 10", ["boosted trees", "features, no residual", "2SSI, no weights"]
    found = lines(bench.run("two-biases", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    selected, unselected = (
        np.array([found[cell, method].measures[name].value for method in methods]) for name in two_biases.MEASURES
    )
    assert selected[2] < 0.3 * selected[1]
    assert unselected[1] < 0.3 * unselected[0]
