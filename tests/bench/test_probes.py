"""The table of probes: full marks for who knows, none for the shortcut, chance for a coin."""

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.bench.probes import MEASURES, TABLE, draw, measure
from yinguo.bench.probes_rows import Asked, Coin, Rule
from yinguo.bench.runner import plan, run_rows


@pytest.mark.parametrize("cell", TABLE.cells, ids=lambda cell: cell.name)
def test_who_knows_has_full_marks_and_the_shortcut_has_those_where_it_helps(cell):
    drawn = draw(np.random.default_rng(0), **cell.settings)
    knows = measure(Rule(knows=True).fit(drawn.study), drawn)
    shortcut = measure(Rule(knows=False).fit(drawn.study), drawn)
    assert [knows[name] for name in MEASURES] == [1, 1, 1, 1]
    assert [shortcut[name] for name in MEASURES] == [0, 1, 0, 0]


def test_a_coin_is_right_half_of_the_time():
    drawn = draw(np.random.default_rng(0), probe="events", n=2000, kinds=["event"])
    figures = measure(Coin(random_state=1).fit(drawn.study), drawn)
    assert np.allclose([figures[name] for name in MEASURES], [0.5, 0.5, 0.25, 0.5], atol=0.04)


def test_an_answerer_sees_questions_and_not_what_is_right():
    study = draw(np.random.default_rng(0), **TABLE.cells[0].settings).study
    assert isinstance(study, Asked)
    assert not hasattr(study.questions[0], "right")


def test_a_quick_run_of_the_rows_without_a_model_ends_without_failures(tmp_path):
    tasks = plan(TABLE, quick=True, methods=["coin", "shortcut", "knows"])
    rows = run_rows(TABLE, tasks, folder=tmp_path, n_jobs=1, progress=False)
    assert len(rows) == 3 * len(TABLE.cells) * 2
    assert all(row.error is None and set(MEASURES) <= set(row.measures) for row in rows.values())
