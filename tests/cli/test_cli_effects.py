"""`yinguo effects`: an effect for every row, a verdict on the differences, segments, a report; errors in a sentence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_tables import write

import yinguo as yg


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A randomised e-mail that gains 3 where ``recent`` is 1 and nothing elsewhere; ``age`` moves the outcome alone."""
    rng = np.random.default_rng(0)
    n = 900
    recent, age = rng.integers(0, 2, n), rng.normal(size=n).round(4)
    t = rng.integers(0, 2, n)
    y = (age + 3.0 * t * recent + rng.normal(size=n)).round(5)
    table = {"mail": t, "spend": y, "recent": recent, "age": age}
    return write(tmp_path_factory.mktemp("shop") / "shop.csv", table)


ROLES = ("--treatment", "mail", "--outcome", "spend")
LINEAR = ("--set", "dr-learner.effect_model='linear'")


def test_every_row_gets_its_effect_and_the_segments_are_ranked(yinguo, shop):
    ran = yinguo("effects", shop, *ROLES, *LINEAR, "--rows", "rows.csv", "--format", "json")
    assert ran.code == 0, ran.err
    judged = json.loads(ran.out)["judged"]["dr-learner"]
    assert judged["supported"] is True
    effects = judged["segments"]["effects"]["estimate"]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] == pytest.approx(3.0, abs=0.5)
    assert abs(effects[-1]) < 0.5
    with open("rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(1, 901))
    told = np.array([float(row["effect dr-learner"]) for row in rows])
    study = yg.Study(shop, treatment="mail", outcome="spend")
    assert told == pytest.approx(yg.DRLearner(effect_model="linear").fit(study).effects_, rel=1e-9)
    low, high = (np.array([float(row[f"{side} dr-learner"]) for row in rows]) for side in ("low", "high"))
    assert (low < told).all()
    assert (told < high).all()


def test_the_table_says_first_whether_the_differences_are_real(yinguo, shop):
    ran = yinguo("effects", shop, *ROLES, *LINEAR, "--cost", "1")
    assert ran.code == 0, ran.err
    assert "The effect differs between units" in ran.out
    assert "treat if recent = 1" in ran.out
    assert ran.out.index("whom does it help") < ran.out.index("Segments, the largest effect first")


def test_noise_is_called_noise(yinguo, tmp_path):
    rng = np.random.default_rng(1)
    n = 600
    table = {"mail": rng.integers(0, 2, n), "spend": rng.normal(size=n).round(5), "age": rng.normal(size=n).round(4)}
    ran = yinguo("effects", write(tmp_path / "noise.csv", table), *ROLES, *LINEAR)
    assert ran.code == 0, ran.err
    assert "cannot support treating some and not others" in ran.out


def test_the_report_has_the_section_and_the_command_that_repeats_it(yinguo, shop):
    ran = yinguo("effects", shop, *ROLES, *LINEAR, "--cost", "1", "--report", "page.html")
    assert ran.code == 0, ran.err
    page = Path("page.html").read_text(encoding="utf-8")
    assert "Whom does it help?" in page
    assert "yinguo effects" in page
    assert "--cost 1.0" in page
    assert "yg.judge_learners(comparison, cost=1.0)" in page
    assert page.count("<svg") >= 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--methods", "aipw"), "aipw estimates averages only"),
        (("--share", "0"), "--share 0 is not a share"),
        (("--rows", "rows.txt"), "ends neither in .csv nor in .parquet"),
        (("--methods", "dr-lerner"), "did you mean dr-learner"),
        (("--outcome", "spent"), "'spent' is not in the table"),
        (("--set", "dr-learner.fold=3"), "no option 'fold'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(yinguo, shop, options, said):
    roles = ROLES if "--outcome" not in options else ROLES[:2]
    ran = yinguo("effects", shop, *roles, *options)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_too_few_rows_to_judge_are_refused_with_the_remedy(yinguo, tmp_path):
    table = {"mail": [0, 1] * 4, "spend": range(8), "age": [1, 2, 3, 4, 4, 3, 2, 1]}
    ran = yinguo("effects", write(tmp_path / "tiny.csv", table), *ROLES)
    assert ran.code == 2
    assert "folds" in ran.err
