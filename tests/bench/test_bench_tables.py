"""Declared tables: printed figures are consistent, rows can be built, cells give known numbers."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from yinguo import bench
from yinguo.bench import arb_simulation, d2vd_simulation, dcb_simulation, lalonde
from yinguo.datasets.d2vd_design import d2vd_design

TABLES = bench.tables()
ROWS = [(name, method) for name, table in TABLES.items() for method in table.methods]


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


@pytest.mark.parametrize(("name", "method"), ROWS, ids=lambda value: getattr(value, "label", value))
def test_every_row_can_be_built_with_its_options(name, method):
    estimator = method.estimator.make()
    for option in method.estimator.options:
        assert hasattr(estimator, option)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_says_where_it_is_from_how_it_is_made_and_what_is_wrong_with_it(table):
    for text in (table.title, table.source, table.protocol, table.gaps):
        assert len(text.strip()) > 20
    assert all(method.chosen for method in table.methods)
    json.dumps([dict(cell.settings) for cell in table.cells])


def test_the_four_tables_of_effects_under_confounding_are_there():
    assert set(TABLES) >= {"lalonde", "dcb-simulation", "arb-simulation", "d2vd-simulation"}


def test_printed_job_training_bias_is_the_distance_of_its_estimate_from_the_experiment():
    for (estimate, bias, _), _ in lalonde.PRINTED.values():
        assert abs(abs(estimate - 1794.343) - bias) <= 1.4


def test_printed_dcb_figures_obey_the_identity_of_bias_sd_and_rmse():
    for rows in dcb_simulation.PRINTED.values():
        for bias, sd, mae, rmse in rows:
            assert rmse == pytest.approx(np.hypot(bias, sd), abs=2e-4)
            assert abs(bias) - 1e-4 <= mae <= rmse


def test_printed_arb_tables_have_a_figure_for_every_cell_and_arb_beats_its_parts():
    assert {len(figures) for figures in arb_simulation.PRINTED.values()} == {len(TABLES["arb-simulation"].cells)}
    arb = np.array(arb_simulation.PRINTED["ARB"])
    for part in ("naive", "elastic net", "balance only", "IPW"):
        assert (arb < arb_simulation.PRINTED[part]).all()


@pytest.mark.parametrize("variables", ["raw", "interaction"])
def test_subsamples_hold_seventy_percent_of_each_arm_once(variables):
    drawn = lalonde.draw(np.random.default_rng(0), variables=variables, fraction=0.7)
    assert (drawn.study.n_treated, drawn.study.n) == (130, 130 + 11194)
    assert len(np.unique(drawn.study.rows)) == drawn.study.n
    assert drawn.truth["ATT"] == pytest.approx(1794.343, abs=1e-3)


def test_all_rows_of_the_job_training_table_give_the_reference_values(tmp_path):
    cells = [f"{name}, all rows" for name in (lalonde.RAW, lalonde.INTERACTION)]
    methods = ["direct", "ENT", "IPW", "IPW, propensity over-shrunk"]
    found = lines(bench.run("lalonde", cells=cells, methods=methods, folder=tmp_path, n_jobs=1))
    estimate = {place: line.figures["estimate"].value for place, line in found.items()}
    for cell in cells:
        assert estimate[cell, "direct"] == pytest.approx(-8497.516, abs=1e-3)
    # Recomputed for the method cards with independent code.
    assert estimate[cells[0], "ENT"] == pytest.approx(1406.30, abs=0.01)
    assert estimate[cells[1], "ENT"] == pytest.approx(1520.71, abs=0.01)
    assert estimate[cells[0], "IPW"] == pytest.approx(1377.9, abs=2)
    # The third column is near the printed weighting rows in both sets; a converged propensity is nowhere near.
    for cell, figures in zip(cells, lalonde.PRINTED["IPW"], strict=True):
        assert abs(estimate[cell, methods[3]] - figures[0]) < 0.3 * figures[2]
        assert abs(estimate[cell, "IPW"] - figures[0]) > 5 * figures[2]


def test_dcb_is_near_the_truth_where_the_raw_difference_is_far(tmp_path):
    cell = "n = 2000, p = 50, r = 0.8"
    methods = ["naive", "DCB", "RA-DCB"]
    found = lines(bench.run("dcb-simulation", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    assert found[cell, "naive"].figures["signed_bias"].value == pytest.approx(52, abs=5)
    for method in methods[1:]:
        assert found[cell, method].figures["rmse"].value < 0.3
    ours, adjusted = (found[cell, method].figures["signed_bias"].value for method in methods[1:])
    assert adjusted == pytest.approx(ours, abs=0.005)


def test_misspecified_cell_ranks_the_methods_as_printed_where_they_are_far_apart(tmp_path):
    cell = "misspec: n = 400, p = 100"
    methods = ["naive", "ARB", "balance only"]
    found = lines(bench.run("arb-simulation", quick=True, cells=[cell], methods=methods, folder=tmp_path, n_jobs=1))
    rmse = {method: found[cell, method].figures["rmse"].value for method in methods}
    assert rmse["ARB"] < rmse["balance only"] < rmse["naive"]
    assert rmse["naive"] == pytest.approx(1.734, abs=0.6)


def test_separation_counts_what_was_found_and_what_was_rightly_left_out():
    drawn = d2vd_design(n=100, p=10, confounders=2, adjusters=4)
    extras = {"confounders": ("x1", "x9"), "adjusters": ("x3", "x4", "x5", "x6")}
    shares = d2vd_simulation.separation(SimpleNamespace(result_=SimpleNamespace(extras=extras)), drawn)
    assert shares == {
        "confounders TPR": 0.5,
        "confounders TNR": 7 / 8,
        "adjusters TPR": 1.0,
        "adjusters TNR": 1.0,
    }


def test_a_method_that_does_not_separate_has_no_separation():
    drawn = d2vd_design(n=100, p=10, confounders=2, adjusters=4)
    assert d2vd_simulation.separation(SimpleNamespace(result_=SimpleNamespace(extras={})), drawn) == {}


def test_decomposition_table_finds_the_variables(tmp_path):
    cell = "linear outcome, logistic treatment, n = 1000, p = 50"
    run = bench.run("d2vd-simulation", quick=True, cells=[cell], methods=["naive", "D2VD"], folder=tmp_path, n_jobs=1)
    found = lines(run)
    assert found[cell, "D2VD"].figures["rmse"].value < found[cell, "naive"].figures["rmse"].value / 4
    assert min(figure.value for figure in found[cell, "D2VD"].measures.values()) > 0.8
    assert not found[cell, "naive"].measures


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TABLES))
def test_quick_run_of_a_table_writes_its_files(name, tmp_path):
    summary = bench.run(name, quick=True, folder=tmp_path)
    assert summary.complete
    # Exact balance is out of reach in the design of differentiated balancing, and says so; nothing else may fail.
    assert {line.method.label for line in summary.lines if line.failed} <= {"entropy balancing"}
    assert {path.name for path in tmp_path.glob("*.quick.*")} == {f"{name}.quick.{e}" for e in ("json", "csv", "md")}
