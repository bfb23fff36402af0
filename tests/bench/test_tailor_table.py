"""The table on forgetting: its tasks are what they say, its ways start where they should, its choice sees no test."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from yinguo.bench import table  # noqa: E402
from yinguo.bench.tailor import TABLE, measure  # noqa: E402
from yinguo.bench.tailor_rows import Between, Tuning  # noqa: E402
from yinguo.bench.tailor_tasks import NEW, ORIGINAL, TASKS, accuracy, examples, new_model, train  # noqa: E402


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def study():
    """A model that hardly learned anything, which is enough to see what goes where."""
    rng = np.random.default_rng(0)
    model = new_model(0)
    train(model, torch.cat([examples(task, 64, rng) for task in ORIGINAL]), epochs=2, rate=3e-3, seed=0)
    pretrained = state(model)
    rows = {task: examples(task, 64, rng) for task in NEW}
    train(model, rows[NEW[0]], epochs=3, rate=3e-3, seed=1)
    checks = {task: examples(task, 20, rng) for task in TASKS}
    return Tuning(pretrained, (state(model),), NEW[:1], rows, checks, False, 5)


def test_a_task_is_its_name_its_symbols_and_its_answer():
    rng = np.random.default_rng(1)
    for name, task in TASKS.items():
        rows = examples(name, 50, rng).numpy()
        assert rows.shape == (50, 14)
        assert np.array_equal(rows[:, 8:], task(rows[:, 1:7]))
        assert len(set(rows[:, 0])) == 1
    assert examples("swap neighbours", 1, rng)[0, [8, 9]].tolist() != [-1, -1]
    assert TASKS["rotate left"](np.arange(6)[None])[0].tolist() == [1, 2, 3, 4, 5, 0]


def test_training_lowers_the_error_and_a_guess_is_right_one_time_in_ten():
    rng = np.random.default_rng(2)
    fresh = new_model(3)
    assert accuracy(fresh, examples("copy", 500, rng)) == pytest.approx(0.1, abs=0.08)
    before = accuracy(fresh, examples("copy", 200, rng))
    train(fresh, examples("copy", 2000, rng), epochs=4, rate=3e-3, seed=0)
    assert accuracy(fresh, examples("copy", 200, rng)) > before + 0.2


def test_ways_without_a_choice_end_where_they_should(study):
    assert Between(way="pretrained").fit(study).state_ is study.pretrained
    assert Between(way="tuned").fit(study).state_ is study.tuned[0]
    whole = Between(way="tailor", grid=(1.0,)).fit(study).state_
    assert all(torch.equal(value, whole[name]) for name, value in study.tuned[0].items())


def test_the_setting_with_the_best_h_score_on_validation_rows_is_chosen(study):
    from yinguo.language.tailor.scores import h_score

    grid = (0.0, 0.3, 0.6, 1.0)
    fitted = Between(way="wise-ft", grid=grid).fit(study)
    scores, model = [], new_model(0)
    for alpha in grid:
        model.load_state_dict(Between(way="wise-ft", grid=(alpha,)).fit(study).state_)
        old, new = ([accuracy(model, study.validation[t]) for t in tasks] for tasks in (ORIGINAL, study.new))
        scores.append(h_score(old, new))
    assert fitted.settings_ == [grid[int(np.argmax(scores))]]


def test_the_measures_are_taken_on_the_test_rows_and_a_sequence_tells_its_stages(study):
    from dataclasses import replace

    from yinguo.bench.spec import Material

    rng = np.random.default_rng(4)
    long = replace(study, new=NEW)
    drawn = Material(long, {"test": {task: examples(task, 30, rng) for task in TASKS}, "new": NEW})
    fitted = Between(way="wise-ft", grid=(0.5,)).fit(long)
    assert len(fitted.path_) == 3
    found = measure(fitted, drawn)
    assert set(found) == {*TABLE.measures, "P_orig after 1", "P_orig after 2"}
    model = new_model(0)
    model.load_state_dict(fitted.state_)
    assert found["P_new"] == pytest.approx(np.mean([accuracy(model, drawn.extras["test"][task]) for task in NEW]))
    assert found["H-score"] == pytest.approx(2 * found["P_orig"] * found["P_new"] / (found["P_orig"] + found["P_new"]))


def test_every_row_can_be_made_and_those_compared_with_stand_in_the_table():
    assert table("tailor") is TABLE
    for method in TABLE.methods:
        made = method.estimator.make(random_state=0)
        assert made.way
    assert {"WiSE-FT", "DARE"} <= set(TABLE.against)
