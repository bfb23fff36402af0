"""A small decoder at the game: its tokens, what the loss does to it, and what it must not depend on."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.stg import CAUSAL, STGRow, stg_rows  # noqa: E402
from yinguo.language.stg_reader import STGReader, pretrained_stg_decoder, stg_tokens  # noqa: E402

ROWS, HELD_OUT = stg_rows(128, random_state=1), stg_rows(64, random_state=2)


@pytest.fixture(scope="module")
def start():
    return pretrained_stg_decoder(width=32, steps=50, random_state=0)


def reader(start, **options):
    return STGReader(start=start, **{"steps": 20, "random_state": 5} | options).fit(ROWS, HELD_OUT)


def test_tokens_stand_for_first_name_value_pairs_and_answer():
    tokens, causes = stg_tokens(ROWS)
    assert tokens.shape == causes.shape == (128, 18)
    for row, marked in zip(ROWS, causes.tolist(), strict=True):
        assert marked == [False, *(name in CAUSAL for name, _ in row.items for _ in range(2)), False]
    assert len(set(tokens[:, 0].tolist()) | set(tokens[:, 17].tolist())) == 2


def test_a_token_tells_its_number_and_its_name_and_nothing_else():
    tokens, _ = stg_tokens(ROWS)
    names, values = {}, {}
    for row, codes in zip(ROWS, tokens.tolist(), strict=True):
        for at, (name, value) in enumerate(row.items):
            assert names.setdefault(name, codes[1 + 2 * at]) == codes[1 + 2 * at]
            assert values.setdefault(value, codes[2 + 2 * at]) == codes[2 + 2 * at]
    assert len(set(names.values()) | set(values.values())) == len(names) + len(values)


def test_with_causes_only_the_causes_stand_alone_in_the_order_of_the_row():
    rows = stg_rows(400, random_state=4)
    tokens, causes = stg_tokens(rows, causes_only=True)
    whole, marked = stg_tokens(rows)
    assert tokens.shape == causes.shape == (400, 8)
    assert causes[:, 1:7].all()
    assert not causes[:, [0, 7]].any()
    assert torch.equal(tokens[:, 1:7].flatten(), whole[marked])
    assert torch.equal(tokens[:, [0, 7]], whole[:, [0, 17]])


def test_gamma_zero_is_ordinary_tuning_whatever_alpha(start):
    first, second = (reader(start, gamma=0.0, alpha=alpha) for alpha in (2.0, 10.0))
    assert first.validation_loss_ == second.validation_loss_
    assert reader(start, gamma=0.5).validation_loss_ != first.validation_loss_


def test_the_loss_moves_attention_to_the_causes(start):
    plain, moved = (reader(start, gamma=gamma, alpha=10.0, steps=60).causal_mass(HELD_OUT) for gamma in (0.0, 1.0))
    assert 0 < plain < moved - 0.1


def test_gamma_that_falls_is_smaller_than_gamma_that_stays(start):
    kept, falling = (reader(start, gamma=1.0, alpha=10.0, decay=decay).history_.epochs for decay in (1.0, 0.2))
    key = "tune: attention"
    assert kept[0].losses[key] == falling[0].losses[key]
    assert falling[-1].losses[key] < 0.01 * kept[-1].losses[key]


def test_it_takes_as_many_steps_for_few_rows_as_for_many(start):
    few = STGReader(start=start, steps=24).fit(ROWS[:64], HELD_OUT)
    many = STGReader(start=start, steps=24).fit(ROWS, HELD_OUT)
    assert (len(few.history_.epochs), len(many.history_.epochs)) == (24, 12)


def test_answers_are_labels_and_the_start_is_left_alone(start):
    before = {name: value.clone() for name, value in start.weights.items()}
    told = reader(start).predict(HELD_OUT)
    assert len(told) == 64
    assert set(told) <= {"Low Risk", "Middle Risk", "High Risk"}
    assert all(torch.equal(value, start.weights[name]) for name, value in before.items())


def test_the_same_seed_gives_the_same_reader_whatever_the_global_state(start):
    first = reader(start, gamma=0.1)
    torch.manual_seed(99)
    assert reader(start, gamma=0.1).validation_loss_ == first.validation_loss_
    assert reader(start, gamma=0.1, random_state=6).validation_loss_ != first.validation_loss_


def test_no_rows_are_refused(start):
    with pytest.raises(DataError, match="0 training and 64 validation rows"):
        STGReader(start=start).fit((), HELD_OUT)


@pytest.mark.slow
def test_shown_the_causes_alone_it_is_as_good_on_shifted_rows_as_on_its_own():
    from yinguo.language.stg import stg_split

    start = pretrained_stg_decoder(steps=200, random_state=1)
    oracle = STGReader(start=start, causes_only=True, steps=400).fit(stg_split("train-l"), stg_rows(400))
    own, shifted = (
        sum(told == row.label for told, row in zip(oracle.predict(rows), rows, strict=True)) / len(rows)
        for rows in (stg_split("test-iid"), stg_split("test-ood"))
    )
    assert min(own, shifted) > 0.93
    assert abs(own - shifted) < 0.05


@pytest.mark.parametrize(
    ("option", "value"),
    [("start", None), ("steps", 0), ("steps", -1), ("batch_size", 0), ("learning_rate", -1), ("random_state", "a")],
)
def test_options_out_of_range_are_refused_by_name(start, option, value):
    with pytest.raises(DataError, match=f"{option} is"):
        STGReader(**{"start": start, option: value}).fit(stg_rows(4), stg_rows(2))


@pytest.mark.parametrize(
    ("option", "value"),
    [("steps", 0), ("width", 0), ("heads", 3), ("layers", 0), ("dropout", 1), ("learning_rate", -1), ("batch_size", -1),
     ("enough", 2), ("random_state", None), ("attention", None)],
)  # fmt: skip
def test_a_decoder_that_cannot_be_built_or_trained_is_refused(option, value):
    with pytest.raises(DataError, match=f"{option} is"):
        pretrained_stg_decoder(**{option: value})


def test_values_beyond_the_tokens_are_refused():
    with pytest.raises(DataError, match="is 40; the decoder has tokens for 0 to 15"):
        stg_tokens([STGRow(tuple((name, 40) for name, _ in stg_rows(1)[0].items), "Low Risk")])
