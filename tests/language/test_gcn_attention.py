"""Two graph convolutions in place of attention: order, limits, and the fair thing to compare with."""

import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.gcn_attention import (  # noqa: E402
    GCNCausalAttention,
    parameter_matched_attention,
    sparsemax,
)
from yinguo.language.small_gpt import SelfAttention, SmallGPT, causal_mask  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

EVERYONE = torch.ones(6, 6, dtype=torch.bool)


def part(seed=0, dropout=0.0, **options):
    return GCNCausalAttention(8, 2, dropout, make_generator(seed), **options).eval()


def states(seed=1, rows=3):
    return torch.randn(rows, 6, 8, generator=make_generator(seed))


def by_hand(layer, x, allowed, sigma):
    """The formula, one row, head, token and sum at a time."""
    x = x.detach().double().numpy()
    W = {name: p.detach().double().numpy() for name, p in layer.named_parameters()}
    made = np.einsum("oi,bti->bto", W["into.weight"], x) + W["into.bias"]
    mixed = np.zeros_like(x)
    for b in range(x.shape[0]):
        for head in range(2):
            own = slice(4 * head, 4 * head + 4)
            query, key, value = (made[b, :, 8 * k : 8 * k + 8][:, own] for k in range(3))
            A = np.zeros((6, 6))
            for i in range(6):
                raw = np.array([np.exp(query[i] @ key[j] / 2) if allowed[i, j] else 0.0 for j in range(6)])
                A[i] = raw / raw.sum()
            first = sigma(A @ value)
            mixed[b, :, own] = sigma(A @ first @ W["second"][head])
    return np.einsum("oi,bti->bto", W["out.weight"], mixed) + W["out.bias"]


@pytest.mark.parametrize("allowed", [EVERYONE, causal_mask(6)])
def test_the_layer_is_the_formula_written_out_head_by_head(allowed):
    layer = part(sigma="relu")
    found, _ = layer(states(), allowed)
    expected = by_hand(layer, states(), allowed, lambda z: np.maximum(z, 0))
    assert np.allclose(found.detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_without_second_layer_and_sigma_it_is_ordinary_attention_weight_for_weight(training):
    ours = GCNCausalAttention(8, 2, 0.2, make_generator(5), sigma="identity", second="none").train(training)
    plain = SelfAttention(8, 2, 0.2, make_generator(5)).train(training)
    for mine, theirs in zip(ours(states(), causal_mask(6)), plain(states(), causal_mask(6)), strict=True):
        assert torch.equal(mine, theirs)


def test_with_linear_sigma_and_identity_maps_it_mixes_by_the_square_of_attention():
    layer = part(sigma="identity")
    with torch.no_grad():
        layer.second.copy_(torch.eye(4).expand(2, 4, 4))
    found, A = layer(states(), causal_mask(6))
    value = layer.into(states())[..., 16:].view(3, 6, 2, 4).transpose(1, 2)
    expected = layer.out((A @ A @ value).transpose(1, 2).reshape(3, 6, 8))
    assert torch.allclose(found, expected, atol=1e-6)
    once = layer.out((A @ value).transpose(1, 2).reshape(3, 6, 8))
    assert not torch.allclose(found, once, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cut=st.integers(1, 5),
    sigma=st.sampled_from(["gelu", "relu", "identity"]),
    rows=st.sampled_from(["softmax", "sparsemax"]),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_a_later_token_does_not_influence_an_earlier_one(seed, cut, sigma, rows, scale):
    layer = part(seed, sigma=sigma, rows=rows)
    x = scale * states(seed)
    changed = x.clone()
    changed[:, cut:] = scale * states(seed + 1)[:, cut:]
    before, after = layer(x, causal_mask(6))[0], layer(changed, causal_mask(6))[0]
    assert torch.equal(before[:, :cut], after[:, :cut])


def test_two_hops_carry_a_token_further_than_one():
    """Token 2 may look at 1 and 1 at 0, but 2 not at 0: what 0 says reaches 2 by the second hop alone."""
    chain = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=torch.bool)
    for second, reaches in (("convolution", True), ("map", False)):
        layer = part(second=second)
        x = states(rows=1)[:, :3].clone().requires_grad_(True)
        layer(x, chain)[0][0, 2].sum().backward()
        assert bool(x.grad[0, 0].abs().max() > 0) == reaches


def test_a_small_decoder_with_it_keeps_the_order_of_tokens():
    gpt = SmallGPT(vocabulary=11, length=12, width=16, heads=2, attention=GCNCausalAttention,
                   generator=make_generator(0)).eval()  # fmt: skip
    tokens = torch.arange(24).reshape(2, 12) % 11
    changed = tokens.clone()
    changed[:, 7:] = (changed[:, 7:] + 3) % 11
    before, after = gpt(tokens).logits, gpt(changed).logits
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_a_product_of_decoder_attentions_has_nothing_above_its_diagonal():
    _, A = part(3)(states(), causal_mask(6))
    assert (A @ A).triu(1).abs().max() == 0


def test_the_matched_baseline_has_as_many_parameters_and_never_looks_twice():
    def count(attention):
        gpt = SmallGPT(vocabulary=11, length=12, width=16, heads=2, attention=attention, generator=make_generator(0))
        return sum(p.numel() for p in gpt.parameters())

    assert count(parameter_matched_attention) == count(GCNCausalAttention)
    assert count(GCNCausalAttention) - count(SelfAttention) == 2 * 2 * 8 * 8  # layers, heads, head width squared


def test_the_options_change_what_comes_out():
    made = [
        part(**options)(states(), EVERYONE)[0]
        for options in ({}, {"sigma": "relu"}, {"sigma": "identity"}, {"rows": "sparsemax"}, {"second": "map"},
                        {"second": "none"})
    ]  # fmt: skip
    for k, one in enumerate(made):
        assert all(not torch.allclose(one, other, atol=1e-4) for other in made[k + 1 :])


@pytest.mark.parametrize("option", ["sigma", "rows", "second"])
def test_an_unknown_option_is_refused_with_those_that_are_known(option):
    with pytest.raises(DataError, match=f"{option} is 'nonsense'; it must be one of "):
        part(**{option: "nonsense"})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=7))
def test_sparsemax_is_the_nearest_point_of_the_simplex(row):
    scores = torch.tensor(row, dtype=torch.float64)
    p = sparsemax(scores)
    # Bisection on the threshold, an independent way to the same projection.
    low, high = min(row) - 1.0, max(row)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(np.array(row) - middle, 0).sum() > 1 else (low, middle)
    assert np.allclose(p.numpy(), np.maximum(scores.numpy() - low, 0), atol=1e-9)
    assert p.sum().item() == pytest.approx(1)


def test_sparsemax_gives_nothing_to_what_is_masked_and_its_gradient_is_that_of_differences():
    scores = torch.tensor([[0.3, -0.2, 0.4, 9.0], [2.0, 0.0, 0.0, 9.0]], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([False, False, False, True])
    p = sparsemax(scores.masked_fill(mask, float("-inf")))
    assert torch.equal(p[:, 3], torch.zeros(2, dtype=torch.float64))
    assert torch.equal(p[1], torch.tensor([1.0, 0, 0, 0], dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda z: sparsemax(z.masked_fill(mask, float("-inf"))), scores)


def test_sparsemax_rows_make_a_graph_with_absent_edges():
    gpt = SmallGPT(vocabulary=11, length=12, width=16, heads=2, generator=make_generator(0),
                   attention=functools.partial(GCNCausalAttention, rows="sparsemax")).eval()  # fmt: skip
    weights = gpt(torch.arange(24).reshape(2, 12) % 11).attentions[0]
    assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 12))
    below = weights[..., torch.ones(12, 12, dtype=torch.bool).tril()]
    assert 0 < (below == 0).float().mean() < 1
