"""The table `stg`: what its draws hold, what its measure says, and that a method sees no test row."""

import zlib

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo import bench
from yinguo.bench import stg, stg_rows
from yinguo.bench.runner import plan
from yinguo.bench.stg_draw import draw
from yinguo.bench.task import run_task
from yinguo.language.stg_reader import pretrained_stg_decoder

READER = stg_rows.STGReader
LINES = ["majority", "logistic, all 8", "logistic, 3 companions", "logistic, 3 causes", "nearest row"]


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


@pytest.mark.parametrize(("size", "rows"), [("S", 400), ("M", 800), ("L", 1600)])
def test_a_draw_has_the_released_rows_to_train_on_and_fresh_rows_to_choose_by_and_to_test(size, rows):
    first, second = (draw(np.random.default_rng(seed), size=size) for seed in (1, 2))
    assert len(first.study.train) == rows
    assert first.study.train == second.study.train
    assert first.study.validation != second.study.validation
    assert {name: len(test) for name, test in first.extras.items()} == {
        "IID": 2000, "OOD": 2000, "IID released": 400, "OOD released": 400,
    }  # fmt: skip
    assert first.extras["OOD"] != second.extras["OOD"]
    assert first.extras["OOD released"] == second.extras["OOD released"]


def test_a_replication_has_one_decoder_for_all_sizes_and_another_one_than_the_next():
    tasks = plan(stg.TABLE, methods=["majority"])
    seeds: dict[int, set] = {}
    for task in tasks:
        sequence = np.random.SeedSequence(task.seed, spawn_key=(zlib.crc32(task.cell.name.encode()), task.replication))
        study = draw(np.random.default_rng(sequence), **task.cell.settings).study
        seeds.setdefault(task.replication, set()).add(study.decoder_seed)
    assert [len(found) for found in seeds.values()] == [1] * stg.TABLE.replications
    assert len(set.union(*seeds.values())) == stg.TABLE.replications


def test_lines_stand_where_they_are_known_to_stand(tmp_path):
    found = lines(bench.run("stg", quick=True, methods=LINES, folder=tmp_path, n_jobs=1))
    for size in stg.SIZES:
        of = {name: found[size, name].measures for name in LINES}
        assert of["majority"]["OOD released"].value == pytest.approx(66.5)
        assert of["majority"]["OOD balanced"].value == 50
        for name in LINES[1:3]:
            assert of[name]["OOD"].value < 78 < 95 < of[name]["IID"].value
        assert of["logistic, 3 causes"]["OOD"].value > 98


def test_printed_figures_are_there_for_every_size_and_none_counts_as_verified():
    assert {row.mark for row in stg.TABLE.published} == {"unverified"}
    assert {(row.cell, row.method) for row in stg.TABLE.published} == {
        (size, method) for size in stg.SIZES for method in ("vanilla", "CAT")
    }
    below = [figures[1] for figures in stg.PRINTED["vanilla"] if figures[1] < 66.5]
    assert len(below) == 3


def test_rows_of_both_kinds_are_tuned_and_judged_and_the_setting_is_told(monkeypatch):
    small = pretrained_stg_decoder(width=16, steps=50)
    monkeypatch.setattr(stg_rows, "decoder", lambda seed, attention: small)
    monkeypatch.setattr(stg_rows, "STGReader", lambda **options: READER(steps=6, **options))
    wanted = ["vanilla", "CAT", "causes only (oracle)"]
    rows = {t.method.label: run_task(t) for t in plan(stg.TABLE, cells=["S"], methods=wanted) if t.replication == 0}
    assert [row.error for row in rows.values()] == [None] * 3
    assert set(stg.MEASURES) <= set(rows["vanilla"].measures)
    assert rows["CAT"].measures["alpha"] in (2.0, 10.0)
    assert 0 < rows["vanilla"].measures["attention on causes, %"] < 100


def test_of_several_settings_the_one_with_the_least_validation_loss_is_kept(monkeypatch):
    losses = {2.0: 0.4, 10.0: 0.3}

    class Known:
        def __init__(self, *, alpha, **options):
            self.alpha = alpha

        def fit(self, train, validation):
            self.validation_loss_ = losses[self.alpha]
            return self

    monkeypatch.setattr(stg_rows, "decoder", lambda seed, attention: None)
    monkeypatch.setattr(stg_rows, "STGReader", Known)
    study = draw(np.random.default_rng(0), size="S").study
    chosen = stg_rows.Tuned(alphas=[2.0, 10.0], gammas=[0.1]).fit(study)
    assert chosen.reader_.alpha == 10.0
    losses[2.0] = 0.2
    assert stg_rows.Tuned(alphas=[2.0, 10.0], gammas=[0.1]).fit(study).reader_.alpha == 2.0


@pytest.mark.parametrize("name", ["TunedGCN", "TunedOneHop"])
def test_a_decoder_with_another_attention_is_pretrained_with_it(monkeypatch, name):
    import yinguo.bench.stg_gcn_rows as other

    asked = []
    monkeypatch.setattr(stg_rows, "decoder", lambda seed, attention: asked.append(attention) or small(attention))
    monkeypatch.setattr(stg_rows, "STGReader", lambda **options: READER(steps=6, **options))
    study = draw(np.random.default_rng(0), size="S").study
    assert len(getattr(other, name)().fit(study).predict(study.validation)) == 400
    assert asked == [getattr(other, {"TunedGCN": "GCNCausalAttention"}.get(name, "parameter_matched_attention"))]


def small(attention):
    return pretrained_stg_decoder(attention=attention, width=16, steps=50)
