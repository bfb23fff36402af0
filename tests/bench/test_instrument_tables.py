"""The five tables on instruments: the authors' data behind each draw, printed figures and marks, plain rows."""

import json
import os

import numpy as np
import pytest

from yinguo import bench
from yinguo.bench import autoiv_lowdim, cbiv_ihdp, cbiv_published, cbiv_syn, cbiv_twins, demand
from yinguo.bench.runner import plan
from yinguo.bench.task import _draw, _seed
from yinguo.datasets import autoiv_lowdim as autoiv_set
from yinguo.datasets import cbiv_syn as syn_set
from yinguo.datasets import demand as demand_set
from yinguo.datasets import ihdp_iv

MODULES = (autoiv_lowdim, cbiv_ihdp, cbiv_syn, cbiv_twins, demand)
needs_data = pytest.mark.skipif(
    not os.environ.get("YINGUO_DATA"), reason="YINGUO_DATA is not set; the shared data sets ihdp and twins are needed"
)


def drawn(module, cell, replication):
    """The draw that the runner makes for a replication."""
    tasks = plan(module.TABLE, methods=[module.TABLE.methods[0].label], cells=[cell])
    (task,) = [task for task in tasks if task.replication == replication]
    return _draw(task.draw, json.dumps(dict(task.cell.settings)), _seed(task))


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


def test_the_five_tables_are_there():
    assert {module.TABLE.name for module in MODULES} <= set(bench.tables())
    assert {table.TABLE.name for table in MODULES} == {
        "demand", "cbiv-ihdp", "cbiv-twins", "cbiv-syn", "autoiv-lowdim",
    }  # fmt: skip


def test_replications_of_the_demand_table_are_the_seeds_of_the_dfiv_programme():
    for replication in (0, 3):
        table = drawn(demand, "rho = 0.5", replication)
        assert np.array_equal(table.study.Y, demand_set(n=5000, rho=0.5, random_state=replication).study.Y)
    assert [cell.settings["rho"] for cell in demand.TABLE.cells] == [0.1, 0.5, 0.9]


def test_replications_of_the_synthetic_and_the_autoiv_table_are_the_authors():
    table = drawn(cbiv_syn, "Syn-2-4-4", 2)
    expected = syn_set(replication=2)
    assert np.array_equal(table.study.Y, expected.study.Y)
    assert table.truth == {"ATE": 1.0}
    assert table.extras["sample_ate"] == expected.truth["ATE"]
    run = drawn(autoiv_lowdim, "abs", 4)
    assert np.array_equal(run.study.Y, autoiv_set(curve="abs", replication=4).study.Y)


@needs_data
def test_methods_are_given_the_training_and_validation_rows_and_the_published_truth():
    table, expected = drawn(cbiv_ihdp, "IHDP-2-4-2", 5), ihdp_iv(m_x=4, m_u=2, replication=5)
    assert table.study.n == 672
    assert np.array_equal(table.study.Y[:470], expected.study.Y)
    assert table.truth == {"ATE": 4.0}
    twins = drawn(cbiv_twins, "Twins-5-5-3", 1)
    assert twins.study.n == 5175 + 2218
    assert twins.truth["ATE"] == pytest.approx(-0.021546, abs=5e-7)


def test_exactly_the_rows_with_a_known_error_are_marked_as_artefacts_and_say_which():
    for module in (cbiv_ihdp, cbiv_twins):
        artefacts = {row.method for row in module.TABLE.published if row.mark == "artefact"}
        assert artefacts == {"DFIV", "DFL", "DeepIV-LOG"}
        assert artefacts == {method.artefact_of for method in module.TABLE.methods} - {None}
        for row in module.TABLE.published:
            assert ("recoded" in row.note) == (row.method in ("DFIV", "DFL"))
            assert ("softmax" in row.note) == (row.method == "DeepIV-LOG")


def test_printed_dfiv_bias_is_the_part_of_the_effect_that_the_recoding_hides():
    for bias, _ in cbiv_published.PRINTED["DFIV"][:2]:
        assert bias == pytest.approx(4 * (1 - 1 / (2 * np.log(999))), abs=0.2)


def test_rmse_corrects_the_spread_for_the_mean_row_that_was_averaged_in():
    values = np.array([0.1, -0.3, 0.5, 0.2])
    appended = np.append(values, values.mean()).std()
    assert appended * np.sqrt(5 / 4) == pytest.approx(values.std())
    row = cbiv_ihdp.TABLE.printed("IHDP-2-4-2", "CB-IV")
    assert row.values["rmse"] == pytest.approx(np.hypot(0.1601, 0.2499 * np.sqrt(1.01)), abs=1e-4)
    assert cbiv_ihdp.TABLE.printed("IHDP-2-6-0", "DirectRep").values["rmse"] < 0.1
    assert cbiv_ihdp.TABLE.printed("IHDP-2-6-0", "CB-IV").values["rmse"] > 0.38


def test_every_cell_on_twins_has_one_row_of_each_balanced_network_with_its_published_strength():
    for cell, strength in cbiv_twins.STRENGTHS.items():
        labels = [method.label for method in cbiv_twins.TABLE.methods if method.cells in (None, (cell,))]
        ours, published = [label for label in labels if label.startswith("CB-IV")]
        assert (ours, published) == tuple(f"CB-IV{how}, strength {strength:g}" for how in ("", ", published steps"))
        assert cbiv_twins.TABLE.printed(cell, f"CB-IV, strength {strength:g}").values["sd"] > 0.02


def test_two_stages_are_further_from_the_demand_curve_than_least_squares_on_policy_and_nearer_on_the_grid(tmp_path):
    cell, methods = "rho = 0.5", ["least squares", "2SLS"]
    found = lines(bench.run("demand", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    error = {name: [found[cell, method].measures[f"MSE {name}"].value for method in methods]
             for name in ("on-policy", "grid")}  # fmt: skip
    assert error["on-policy"][0] < error["on-policy"][1]
    assert error["grid"][0] > error["grid"][1]
    # The slope, which is what two stages are for, is nearer.
    assert found[cell, "2SLS"].figures["bias"].value < found[cell, "least squares"].figures["bias"].value


def test_products_make_the_instruments_of_the_synthetic_design_strong(tmp_path):
    cell, methods = "Syn-2-4-4", ["naive", "2SLS, instruments alone", "2SLS with products"]
    found = lines(bench.run("cbiv-syn", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    naive, alone, products = (found[cell, method].figures["rmse"].value for method in methods)
    assert products < naive
    assert products < alone
    assert "test rows less truth" in found[cell, methods[2]].measures
    assert "test rows less truth" not in found[cell, "naive"].measures


@needs_data
def test_evaluating_on_the_recoded_scale_puts_least_squares_where_the_printed_networks_are(tmp_path):
    cell, methods = "IHDP-2-6-0", ["least squares", "SieveIV"]
    found = lines(bench.run("cbiv-ihdp", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    for method in methods:
        assert found[cell, method].figures["bias"].value < 1
    printed = [row.values["bias"] for row in cbiv_ihdp.TABLE.published if row.mark == "artefact"]
    assert min(printed) > 2.5


def test_the_autoiv_table_compares_with_the_direct_network_run_by_run(tmp_path):
    cell, methods = "linear", ["direct network", "2SLS"]
    found = lines(bench.run("autoiv-lowdim", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    gain = found[cell, "2SLS"].measures["MSE test rows, less direct network"]
    assert gain.value < 0
    assert found[cell, "2SLS"].measures["MSE test rows"].value < 0.05
