"""Pre-training by look-up: what the sequences hold, that the task is learned, and where the randomness comes from."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.look_up import look_up_sequences, pretrain_look_up  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

TASK = {"first": 0, "names": (1, 2, 3), "values": (4, 5, 6, 7, 8)}
SMALL = {"vocabulary": 9, **TASK, "width": 32, "layers": 2, "heads": 2, "dropout": 0.0}


def test_both_lists_hold_every_name_once_and_the_same_value_for_it():
    drawn = look_up_sequences(300, **TASK, generator=make_generator(0))
    assert drawn.shape == (300, 13)
    assert (drawn[:, 0] == 0).all()
    for row in drawn.tolist():
        first, second = (dict(zip(row[at : at + 6 : 2], row[at + 1 : at + 6 : 2], strict=True)) for at in (1, 7))
        assert first == second
        assert set(first) == {1, 2, 3}
        assert set(first.values()) <= set(TASK["values"])


def test_order_and_values_are_uniform():
    drawn = look_up_sequences(6000, **TASK, generator=make_generator(1))
    for place in (1, 7, 11):
        assert torch.bincount(drawn[:, place])[1:4].float().div(6000).sub(1 / 3).abs().max() < 0.03
    assert torch.bincount(drawn[:, 2])[4:].float().div(6000).sub(1 / 5).abs().max() < 0.03
    assert (drawn[:, 1] == drawn[:, 7]).float().mean().item() == pytest.approx(1 / 3, abs=0.03)


def test_a_small_decoder_learns_to_look_up_and_stops_when_it_can():
    decoder = pretrain_look_up(**SMALL, enough=0.99, random_state=3)
    assert decoder.accuracy >= 0.99
    assert decoder.steps < 1000
    fresh = look_up_sequences(100, **TASK, generator=make_generator(99))
    told = decoder.build(make_generator(0)).eval()(fresh).logits.argmax(-1)
    assert (told[:, 7:12:2] == fresh[:, 8:13:2]).float().mean() > 0.95
    # At the end of the first list nothing tells a value.
    assert (told[:, 1:6:2] == fresh[:, 2:7:2]).float().mean() < 0.5


def test_the_same_seed_gives_the_same_weights_whatever_the_global_state():
    first = pretrain_look_up(**SMALL, steps=50, random_state=3)
    torch.manual_seed(99)
    again, other = (pretrain_look_up(**SMALL, steps=50, random_state=seed) for seed in (3, 4))
    name = "tokens.weight"
    assert torch.equal(first.weights[name], again.weights[name])
    assert not torch.equal(first.weights[name], other.weights[name])


def test_a_built_decoder_is_a_copy():
    decoder = pretrain_look_up(**SMALL, steps=50)
    with torch.no_grad():
        decoder.build(make_generator(0)).tokens.weight.zero_()
    assert decoder.weights["tokens.weight"].abs().max() > 0


def test_a_share_that_cannot_be_reached_is_refused():
    with pytest.raises(DataError, match=r"enough is 1\.5"):
        pretrain_look_up(**SMALL, enough=1.5)
