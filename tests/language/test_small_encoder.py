"""The small encoder sees both ways, and padding says nothing to it."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.language.gcn_attention import GCNCausalAttention  # noqa: E402
from yinguo.language.small_encoder import SmallEncoder  # noqa: E402
from yinguo.language.small_gpt import SelfAttention  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

TOKENS = torch.arange(24).reshape(2, 12) % 11


def model(attention=SelfAttention):
    return SmallEncoder(
        vocabulary=11, length=12, width=16, heads=2, attention=attention, generator=make_generator(0)
    ).eval()


@pytest.mark.parametrize("attention", [SelfAttention, GCNCausalAttention])
def test_an_early_position_sees_a_late_token(attention):
    changed = TOKENS.clone()
    changed[:, -1] = (changed[:, -1] + 3) % 11
    assert not torch.allclose(model(attention)(TOKENS).logits[:, 0], model(attention)(changed).logits[:, 0], atol=1e-5)


@pytest.mark.parametrize("attention", [SelfAttention, GCNCausalAttention])
def test_padding_changes_nothing_for_the_tokens_beside_it(attention):
    real = torch.ones(2, 12, dtype=torch.bool)
    real[:, 9:] = False
    padded, alone = model(attention)(TOKENS, real).logits[:, :9], model(attention)(TOKENS[:, :9]).logits
    assert torch.allclose(padded, alone, atol=1e-5)


def test_rows_of_attention_sum_to_one_and_a_long_sequence_is_refused():
    for weights in model()(TOKENS).attentions:
        assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 12))
    with pytest.raises(ValueError, match="13 tokens; the model takes at most 12"):
        model()(torch.zeros(1, 13, dtype=torch.long))
