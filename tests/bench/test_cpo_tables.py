"""The tables on values and on tuning: what is drawn is what is said, and the claims hold on a few draws."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.bench import cpo, dr_values
from yinguo.bench.policy_rows import FirstModel, TunedPolicy, ValueEstimate
from yinguo.bench.runner import plan, run_rows
from yinguo.bench.text_policies import log_probabilities, with_start
from yinguo.bench.text_world import all_texts
from yinguo.language.cpo import CPO
from yinguo.language.sequence_scores import score_sequences
from yinguo.language.small_gpt import SmallGPT
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator


def test_the_law_of_a_small_model_sums_to_one_and_is_that_of_its_scores():
    gpt = SmallGPT(vocabulary=8, length=7, width=8, layers=1, heads=2, dropout=0.0, generator=make_generator(0)).eval()
    law = log_probabilities(gpt)
    assert np.exp(law).sum() == pytest.approx(1)
    some = [0, 1, 4711, 262143]
    with torch.no_grad():
        assert law[some] == pytest.approx(score_sequences(gpt, with_start(all_texts()[some])).total.numpy(), abs=1e-5)


def errors(kind, draws=25, **settings):
    found = []
    for seed in range(draws):
        drawn = dr_values.draw(np.random.default_rng(seed), **settings)
        fitted = ValueEstimate(kind=kind).fit(drawn.study)
        found.append(fitted.result_.estimate - drawn.truth["value"])
    return np.array(found)


@pytest.mark.parametrize("settings", [{"g": "wrong"}, {"logs": "wrong"}])
def test_the_doubly_robust_value_errs_less_than_weighted_outcomes_when_one_half_is_wrong(settings):
    weighted, robust = errors("ipw", **settings), errors("dr", **settings)
    assert (robust**2).mean() < (weighted**2).mean()
    assert abs(robust.mean()) < 4 * robust.std() / np.sqrt(len(robust))


def test_the_outcome_model_alone_errs_when_it_is_wrong_and_so_do_both_when_both_are():
    assert errors("outcome", g="wrong").mean() > 0.3
    assert (errors("dr", g="wrong", logs="wrong") ** 2).mean() > (errors("dr", logs="wrong") ** 2).mean()


@pytest.fixture(scope="module")
def small_draw():
    return cpo.draw(np.random.default_rng(0), n=100, further=200, gamma=0.5, beta=1.5, log_of=100, at_random=True)


def test_a_method_is_handed_texts_and_a_model_but_no_truth(small_draw):
    assert not hasattr(small_draw.study, "world")
    assert small_draw.study.outcome_model is not None
    assert small_draw.study.texts.tokens.shape == (100, 7)


def test_tuning_leaves_the_first_model_as_it_is_and_figures_follow_from_exact_laws(small_draw):
    before = log_probabilities(small_draw.study.policy)
    method = CPO(steps=20, batch_size=20, draws=1, divergence=0.2)
    tuned = TunedPolicy(method=method, random_state=1).fit(small_draw.study)
    assert np.array_equal(log_probabilities(small_draw.study.policy), before)
    assert method.folds == 5
    first = cpo.measure(FirstModel().fit(small_draw.study), small_draw)
    assert first["share of gain"] == pytest.approx(0)
    assert first["divergence"] == pytest.approx(0)
    found = cpo.measure(tuned, small_draw)
    assert found["share of gain"] < 1.5
    assert found["value"] <= small_draw.extras["world"].mean_outcome(all_texts()).max()


def test_both_tables_run_from_plan_to_row(tmp_path):
    small = [dataclasses.replace(cell, settings={**cell.settings, "n": 60, "further": 100}) for cell in cpo.TABLE.cells]
    smaller = dataclasses.replace(cpo.TABLE, cells=tuple(small))
    rows_of = {"cpo": ["first model", "CPO", "DR-CPO", "DPO"], "dr-values": [m.label for m in dr_values.TABLE.methods]}
    for table, cell in ((dr_values.TABLE, "both wrong"), (smaller, "at random")):
        planned = plan(table, quick=True, cells=[cell], methods=rows_of[table.name])
        tasks = [task for task in planned if task.replication == 0]
        rows = run_rows(table, tasks, folder=tmp_path, n_jobs=1, progress=False)
        assert len(rows) == len(rows_of[table.name])
        assert all(row.error is None for row in rows.values())
