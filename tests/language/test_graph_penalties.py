"""Penalties on attention graphs: against other people's matrices, cycles by hand, and a schedule followed by hand."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.graph_penalties import (  # noqa: E402
    GraphPenalty,
    acyclicity,
    boundary_size,
    diagonal_share,
    moral_graph,
)
from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402


def attention(seed=0, shape=(2, 3, 5, 5)):
    return torch.randn(shape, generator=make_generator(seed), dtype=torch.float64).softmax(-1)


def graph(*edges, size=4):
    A = torch.zeros(1, 1, size, size, dtype=torch.float64)
    for child, parent, weight in edges:
        A[0, 0, child, parent] = weight
    return A


def test_acyclicity_is_the_trace_of_scipys_matrix_exponential():
    A = attention()
    for b in range(2):
        for head in range(3):
            A0 = A[b, head].numpy() * (1 - np.eye(5))
            assert acyclicity(A)[b, head].item() == pytest.approx(np.trace(expm(A0 * A0)) - 5, abs=1e-12)
            power = np.linalg.matrix_power(np.eye(5) + A0 * A0 / 5, 5)
            assert acyclicity(A, form="polynomial")[b, head].item() == pytest.approx(np.trace(power) - 5, abs=1e-12)


def test_a_cycle_of_two_and_a_cycle_of_three_have_the_values_computed_by_hand():
    two = graph((0, 1, 0.8), (1, 0, 0.5))
    assert acyclicity(two).item() == pytest.approx(2 * (math.cosh(0.8 * 0.5) - 1), abs=1e-12)
    # tr exp of a weighted 3-cycle: 3 times the sum of c^k / (3k)!, with c the product of the squared weights.
    three = graph((0, 1, 0.9), (1, 2, 0.7), (2, 0, 0.6))
    c = (0.9 * 0.7 * 0.6) ** 2
    expected = 3 * sum(c**k / math.factorial(3 * k) for k in (1, 2, 3, 4))
    assert acyclicity(three).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("form", ["exp", "polynomial"])
def test_no_cycle_means_zero_whatever_the_diagonal_and_the_order_of_tokens(form):
    order = torch.randperm(5, generator=make_generator(2))
    shuffled = attention().tril()[..., order, :][..., order]
    assert acyclicity(shuffled, form=form).abs().max() < 1e-12
    assert acyclicity(attention(), form=form).min() > 1e-4


@pytest.mark.parametrize("form", ["exp", "polynomial"])
def test_gradients_are_those_of_differences_and_of_the_closed_form(form):
    A = attention(1, (1, 2, 4, 4)).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda a: acyclicity(a, form=form), A)
    if form == "exp":
        (found,) = torch.autograd.grad(acyclicity(A).sum(), A)
        A0 = A.detach()[0, 0].numpy() * (1 - np.eye(4))
        assert np.allclose(found[0, 0].numpy(), 2 * expm(A0 * A0).T * A0, atol=1e-12)


def test_in_a_decoder_h_is_zero_and_its_gradient_too():
    gpt = SmallGPT(vocabulary=11, length=12, width=16, heads=2, generator=make_generator(0)).train()
    weights = gpt(torch.arange(24).reshape(2, 12) % 11).attentions
    h = torch.stack([acyclicity(a) for a in weights])
    assert h.abs().max() == 0
    h.sum().backward()
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in gpt.parameters())


def test_small_cycles_are_not_lost_to_rounding_in_single_precision():
    flat = torch.full((1, 1, 64, 64), 1 / 64)
    in_double = acyclicity(flat.double()).item()
    assert acyclicity(flat).item() == pytest.approx(in_double, rel=1e-5)
    assert in_double == pytest.approx(0.5 * 64 * 63 / 64**4, rel=0.02)  # pairs dominate


def test_the_moral_graph_joins_parents_children_and_fellow_parents_and_no_others():
    """1 and 2 are parents of 0; 0 is a parent of 3."""
    M = moral_graph(graph((0, 1, 0.5), (0, 2, 0.4), (3, 0, 0.3)))[0, 0]
    expected = torch.tensor([[0, 0.5, 0.4, 0.3], [0.5, 0, 0.2, 0], [0.4, 0.2, 0, 0], [0.3, 0, 0, 0]]).double()
    assert torch.allclose(M, expected)
    assert boundary_size(graph((0, 1, 0.5), (0, 2, 0.4), (3, 0, 0.3))).item() == pytest.approx(2.8 / 16)


def test_the_moral_graph_equals_a_slow_loop():
    A, found = attention(), moral_graph(attention())
    for i in range(5):
        for j in range(5):
            shared = sum(A[1, 2, c, i] * A[1, 2, c, j] for c in range(5) if c not in (i, j))
            expected = 0.0 if i == j else A[1, 2, i, j] + A[1, 2, j, i] + shared
            assert float(found[1, 2, i, j]) == pytest.approx(float(expected))


def test_padding_counts_for_nothing():
    real = torch.tensor([[True, True, True, False, False], [True] * 5])
    A = attention()
    inner = A[:1, :, :3, :3]
    for measure in (acyclicity, boundary_size, diagonal_share):
        found = measure(A, real=real)
        assert torch.allclose(found[:1], measure(inner))
        assert torch.allclose(found[1:], measure(A[1:]))


def test_attention_on_the_diagonal_makes_every_term_zero_which_is_the_easy_way_out():
    own = torch.eye(5).expand(1, 1, 5, 5)
    assert acyclicity(own).item() == 0
    assert boundary_size(own).item() == 0
    assert diagonal_share(own).item() == 1


def test_the_terms_are_the_augmented_lagrangian():
    penalty = GraphPenalty(boundary_strength=0.7, alpha=0.3, rho=2.0)
    layers = [attention(0), attention(1)]
    h = torch.stack([acyclicity(a) for a in layers]).mean()
    M = torch.stack([boundary_size(a) for a in layers]).mean()
    terms = penalty.losses(layers)
    assert terms["cycles"].item() == pytest.approx((0.3 * h + h**2).item())
    assert terms["boundary"].item() == pytest.approx(0.7 * M.item())


def test_alpha_grows_by_rho_h_and_rho_only_where_h_has_not_fallen_to_a_quarter():
    cycle = graph((0, 1, 1.0), (1, 0, 1.0), size=2)
    penalty = GraphPenalty(alpha=0.0, rho=0.5, largest=40.0)
    h = [acyclicity(s * cycle).item() for s in (1.0, 1.0, 0.5, 0.5, 0.5)]
    strengths = []
    for s in (1.0, 1.0, 0.5, 0.5, 0.5):
        penalty.losses([s * cycle])
        penalty(None, None)
        strengths.append((penalty.alpha, penalty.rho))
    # No round before the first; the same h raises rho; a fall to 1/16 does not; the same again does, up to the end.
    alphas = np.cumsum([0.5 * h[0], 0.5 * h[1], 5.0 * h[2], 5.0 * h[3], 40.0 * h[4]])
    assert np.allclose([a for a, _ in strengths], alphas)
    assert [r for _, r in strengths] == [0.5, 5.0, 5.0, 40.0, 40.0]
    assert [r.h for r in penalty.rounds] == pytest.approx(h)


def test_a_round_lasts_as_many_epochs_as_it_says_and_a_look_without_gradients_is_no_part_of_it():
    cycle = graph((0, 1, 1.0), (1, 0, 1.0), size=2)
    penalty = GraphPenalty(every=2)
    penalty.losses([cycle])
    penalty(None, None)
    assert penalty.rounds == []
    with torch.no_grad():
        penalty.losses([0 * cycle])
    penalty(None, None)
    assert [r.h for r in penalty.rounds] == pytest.approx([acyclicity(cycle).item()])


def test_bad_input_is_refused_with_the_value_met():
    with pytest.raises(DataError, match="form is 'cubic'; it must be 'exp' or 'polynomial'"):
        acyclicity(attention(), form="cubic")
    with pytest.raises(DataError, match=r"shape \(1, 1, 1, 4\).*use_cache=False"):
        acyclicity(torch.zeros(1, 1, 1, 4))


@pytest.mark.parametrize(
    ("option", "value"),
    [("boundary_strength", -1), ("alpha", math.nan), ("rho", -1), ("shrink", 2), ("growth", -1), ("largest", math.nan),
     ("every", 0), ("every", 1.5)],
)  # fmt: skip
def test_strengths_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(DataError, match=f"{option} is"):
        GraphPenalty(**{option: value})


def test_no_attention_whole_numbers_and_padding_of_another_shape_are_refused():
    square = torch.rand(2, 1, 3, 3)
    with pytest.raises(DataError, match="no attention was given"):
        GraphPenalty().losses([])
    with pytest.raises(DataError, match="give a tensor of floats"):
        acyclicity(square.long())
    with pytest.raises(DataError, match="real has shape"):
        acyclicity(square, real=torch.ones(2, 2, dtype=torch.bool))
