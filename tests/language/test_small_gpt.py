"""The small decoder: what it may see, and where its randomness comes from."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402


def model(seed=0, **options):
    return SmallGPT(vocabulary=11, length=12, width=16, heads=2, generator=make_generator(seed), **options).eval()


TOKENS = torch.arange(24).reshape(2, 12) % 11


@pytest.mark.parametrize("token_shift", [True, False])
def test_a_position_does_not_see_what_comes_after_it(token_shift):
    gpt = model(token_shift=token_shift)
    changed = TOKENS.clone()
    changed[:, 7:] = (changed[:, 7:] + 3) % 11
    before, after = gpt(TOKENS).logits, gpt(changed).logits
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_rows_of_attention_sum_to_one_and_look_back_only():
    for weights in model()(TOKENS).attentions:
        assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 12))
        assert weights.triu(1).abs().max() == 0


def test_padding_changes_nothing_for_the_tokens_before_it():
    gpt = model()
    real = torch.ones(2, 12, dtype=torch.bool)
    real[:, 9:] = False
    assert torch.allclose(gpt(TOKENS, real).logits[:, :9], gpt(TOKENS[:, :9]).logits, atol=1e-6)


def test_the_same_seed_gives_the_same_model_whatever_the_global_state():
    first = model(3)(TOKENS).logits
    torch.manual_seed(99)
    assert torch.equal(first, model(3)(TOKENS).logits)
    assert not torch.allclose(first, model(4)(TOKENS).logits)


def test_a_sequence_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="13 tokens; the model takes at most 12"):
        model()(torch.zeros(1, 13, dtype=torch.long))


@pytest.mark.parametrize(
    ("option", "value"),
    [("vocabulary", 0), ("length", 0), ("layers", -1), ("width", 7), ("heads", -2), ("dropout", 1.0), ("dropout", "a")],
)
def test_a_decoder_that_cannot_be_is_refused_by_option(option, value):
    settings = {"vocabulary": 5, "length": 4, "width": 8, "layers": 1, "heads": 2}
    with pytest.raises(DataError, match=f"{option} is"):
        SmallGPT(**{**settings, option: value}, generator=make_generator(0))


@pytest.mark.parametrize(
    ("tokens", "padding", "words"),
    [
        (torch.tensor([[9]]), None, "tokens go from 9 to 9; the model knows 0 to 4"),
        (torch.tensor([1, 2]), None, r"give whole numbers, \(B, T\)"),
        (torch.tensor([[1.0]]), None, "float32"),
        (torch.zeros(1, 9, dtype=torch.long), None, "the model takes at most 4"),
        (torch.tensor([[1, 2, 3]]), torch.ones(1, 2, dtype=torch.bool), "they must agree"),
    ],
)
def test_tokens_that_it_does_not_know_are_refused(tokens, padding, words):
    gpt = SmallGPT(vocabulary=5, length=4, width=8, layers=1, heads=2, generator=make_generator(0))
    with pytest.raises(DataError, match=words):
        gpt(tokens, padding)
