"""`yinguo datasets` lists and writes what the package ships, and overwrites nothing in silence."""

import shlex

import numpy as np
import pytest

import yinguo as yg
from yinguo.cli.datasets import loaders
from yinguo.datasets import job_training


def test_every_data_set_is_listed_with_the_first_line_of_its_docstring(yinguo):
    out = yinguo("datasets").out
    for name, load in loaders().items():
        (line,) = [line for line in out.splitlines() if line.split(" ")[0] == name]
        assert load.__doc__.strip().splitlines()[0] in line


def test_alone_a_data_set_says_what_it_is_and_which_options_it_has(yinguo):
    out = yinguo("datasets", "job-training").out
    assert "--set comparison='experiment'" in out
    assert "Returns" in out


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["job-training", "job_training"])
def test_what_is_written_is_what_the_loader_gives(yinguo, tmp_path, ending, name):
    ran = yinguo("datasets", name, "--out", f"jobs.{ending}", "--set", "variables=file")
    assert ran.code == 0, ran.err
    study = yg.Study(tmp_path / f"jobs.{ending}", treatment="treat", outcome="re78")
    expected = job_training(variables="file").study
    assert study.covariates == expected.covariates
    for part in ("X", "T", "Y"):
        assert np.array_equal(getattr(study, part), getattr(expected, part))


def test_the_command_it_prints_runs_and_its_truth_is_the_experimental_difference(yinguo):
    ran = yinguo("datasets", "job-training", "--out", "two words.csv")
    command = shlex.split(ran.out.splitlines()[-1])
    assert command[:2] == ["yinguo", "estimate"]
    assert "Known ATT: 1794.34" in ran.out
    told = yinguo(*command[1:], "--methods", "difference")
    assert told.code == 0
    assert "1794" in told.out


@pytest.mark.parametrize("name", loaders())
def test_every_data_set_can_be_written(yinguo, tmp_path, name):
    ran = yinguo("datasets", name, "--out", f"{name}.parquet")
    if ran.code == 2 and "does not come with yinguo" in ran.err:
        pytest.skip(ran.err)
    assert ran.code == 0, ran.err
    assert (tmp_path / f"{name}.parquet").stat().st_size > 0


def test_the_command_it_prints_names_the_instruments(yinguo):
    command = shlex.split(yinguo("datasets", "autoiv-lowdim", "--out", "candidates.csv").out.splitlines()[-1])
    assert command[command.index("--instruments") + 1] == "z1,z2,gamma1,gamma2"
    assert "--instruments" not in yinguo("datasets", "simpson", "--out", "simpson.csv").out


def test_a_file_that_is_there_is_overwritten_only_by_force(yinguo, tmp_path):
    kept = tmp_path / "kept.csv"
    kept.write_text("precious")
    ran = yinguo("datasets", "simpson", "--out", kept)
    assert ran.code == 2
    assert "--force" in ran.err
    assert kept.read_text() == "precious"
    assert yinguo("datasets", "simpson", "--out", kept, "--force").code == 0
    assert kept.read_text() != "precious"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["job-trainin"], ["no data set 'job-trainin'", "job-training"]),
        (["simpson", "--out", "x.xlsx"], ["x.xlsx", ".csv", ".parquet"]),
        (["simpson", "--out", "no/x.csv"], ["no directory no"]),
        (["job-training", "--out", "x.csv", "--set", "size=3"], ["no option 'size'", "comparison, variables"]),
        (["job-training", "--out", "x.csv", "--set", "comparison=cps9"], ["'cps9'", "'cps1'"]),
        (["--out", "x.csv"], ["need the name"]),
    ],
)
def test_bad_requests_are_named(yinguo, tmp_path, arguments, words):
    ran = yinguo("datasets", *arguments)
    assert ran.code == 2
    assert [word for word in words if word not in ran.err] == []
    assert list(tmp_path.iterdir()) == []
