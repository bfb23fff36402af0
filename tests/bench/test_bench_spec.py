import importlib
import subprocess
import sys

import pytest
from bench_toys import CELLS, METHODS, method, toy

from yinguo import bench
from yinguo.bench.spec import Build, Cell, Published
from yinguo.errors import DataError


def test_two_methods_of_one_label_are_refused():
    with pytest.raises(ValueError, match=r"method names must differ, \['mean'\]"):
        toy(methods=(*METHODS, method("mean", "First")))


def test_two_cells_of_one_name_are_refused():
    with pytest.raises(ValueError, match="cell names must differ"):
        toy(cells=(*CELLS, Cell("small", {})))


@pytest.mark.parametrize(
    "changes",
    [
        {"published": (Published("nowhere", "mean", {"bias": 1.0}, "unverified"),)},
        {"published": (Published("small", "median", {"bias": 1.0}, "unverified"),)},
        {"published": (Published("small", "mean", {"biass": 1.0}, "unverified"),)},
        {"published": (Published("small", "mean", {"bias": 1.0}, "certain"),)},
        {"methods": (method("mean", "Mean", cells=("smal",)),)},
        {"methods": (*METHODS, method("wrong", "Mean", artefact_of="mode"))},
        {"metrics": ("estimate", "mse")},
        {"against": ("median",)},
    ],
)
def test_a_name_that_the_table_does_not_know_is_refused(changes):
    with pytest.raises(ValueError, match="there is no"):
        toy(**changes)


def test_a_measure_that_the_table_names_may_have_a_printed_figure():
    row = Published("small", "mean", {"error": 1.0}, "unverified")
    assert toy(measures=("error",), published=(row,)).printed("small", "mean") is row
    with pytest.raises(ValueError, match="there is no metric 'error'"):
        toy(published=(row,))


def test_quick_run_plans_the_stated_fraction_but_at_least_two():
    table = toy(replications=100, quick_fraction=0.05)
    assert table.planned(CELLS[0], quick=True) == 5
    assert table.planned(CELLS[1], quick=True) == 2
    assert table.planned(CELLS[0]) == 100
    assert table.planned(CELLS[1]) == 7


def test_quick_run_never_plans_more_than_a_full_one():
    assert toy().planned(Cell("whole sample", {}, replications=1), quick=True) == 1


def test_build_makes_nested_builds_first():
    build = Build("bench_toys:method", {"label": "x", "name": "Mean", "options": Build("builtins:dict", {"shift": 2})})
    assert build.make().estimator.make().shift == 2
    assert build.to_dict()["options"]["options"] == {"path": "builtins:dict", "options": {"shift": 2}}


@pytest.mark.parametrize("path", ["yinguo.confounding.IPW", "yinguo.confounding:", "a b:C"])
def test_a_path_without_module_and_name_is_refused(path):
    with pytest.raises(ValueError, match=r"write it as 'package\.module:Name'"):
        Build(path)


def test_every_module_that_defines_a_table_is_found_under_its_own_name():
    for name, table in bench.tables().items():
        assert name == table.name
        assert bench.table(name) is table
        assert importlib.import_module(f"yinguo.bench.{name.replace('-', '_')}").TABLE is table


def test_asking_for_a_table_that_is_not_there_names_those_that_are():
    with pytest.raises(DataError, match="there is no table 'lalond'"):
        bench.table("lalond")


def test_listing_the_tables_loads_neither_learners_nor_plots_nor_networks():
    heavy = "{'sklearn', 'matplotlib', 'torch', 'transformers', 'pandas'}"
    code = f"import sys, yinguo.bench as b; b.tables(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
