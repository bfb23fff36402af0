"""The Re-Attention loss: against a slow loop and finite differences, and what must leave it alone."""

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.re_attention import (  # noqa: E402
    FORMS,
    causal_attention_mass,
    gamma_schedule,
    mean_attention,
    re_attention_loss,
)
from yinguo.nets.blocks import make_generator  # noqa: E402

TINY = 1e-6


def case(seed=0, batch=3, heads=2, length=9, dtype=torch.float64):
    """Causal attention, a random mask with empty rows and full rows, and padding on both sides."""
    generator = make_generator(seed)
    scores = 2 * torch.randn(batch, heads, length, length, generator=generator, dtype=dtype)
    below = torch.ones(length, length, dtype=torch.bool).tril()
    attention = scores.masked_fill(~below, float("-inf")).softmax(-1)
    supervision = torch.rand(batch, length, length, generator=generator) < 0.3
    supervision[:, 2] = False
    supervision[:, 4] = True
    real = torch.ones(batch, length, dtype=torch.bool)
    real[0, -2:] = False
    real[1, :2] = False
    return attention, supervision, real


def cost(form, a1, a0, alpha):
    if form == "hinge":
        return alpha - a1 / a0
    if form == "div":
        return -torch.log(1 + a1) / torch.log(1 + a0)
    if form == "div2":
        return -torch.log(1 + a1 / (1 + a0))
    return -a1 / (a1 + a0)


def slow(attention, supervision, *, alpha, form, smoothed, skip_first, real):
    """The definition, entry by entry."""
    batch, heads, length, _ = attention.shape
    parts = []
    for b, h in itertools.product(range(batch), range(heads)):
        first = next(t for t in range(length) if real[b, t])
        rows = []
        for i in range(length):
            columns = [j for j in range(i + 1) if real[b, j] and not (skip_first and j == first)]
            ones = [attention[b, h, i, j] for j in columns if supervision[b, i, j]]
            zeros = [attention[b, h, i, j] for j in columns if not supervision[b, i, j]]
            if real[b, i] and ones and zeros:
                a1, a0 = sum(ones) / len(ones), sum(zeros) / len(zeros) + TINY
                rows.append((a1 / a0, cost(form, a1, a0, alpha)))
        if smoothed and rows:
            rows = [tuple(sum(values) / len(rows) for values in zip(*rows, strict=True))]
        parts += [value if rho < alpha else 0 * value for rho, value in rows]
    return sum(parts) / len(parts)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("smoothed", [False, True])
@pytest.mark.parametrize("skip_first", [False, True])
def test_it_equals_a_slow_loop_in_value_and_gradient(form, smoothed, skip_first):
    seen = []
    for seed, alpha in itertools.product(range(3), (0.7, 2.0)):
        attention, supervision, real = case(seed)
        options = {"alpha": alpha, "form": form, "smoothed": smoothed, "skip_first": skip_first, "real": real}
        first, second = attention.clone().requires_grad_(), attention.clone().requires_grad_()
        fast, loop = re_attention_loss(first, supervision, **options), slow(second, supervision, **options)
        assert abs(fast - loop) < 1e-6
        seen.append(loop.item())
        fast.backward()
        loop.backward()
        assert (first.grad - second.grad).abs().max() < 1e-6
    assert sum(abs(value) > 1e-2 for value in seen) >= 3, "losses of 0 compare nothing"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("smoothed", [False, True])
def test_its_gradient_is_the_one_of_finite_differences(form, smoothed):
    attention, supervision, real = case(4, batch=2, heads=1, length=6)
    attention = attention[:, 0].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: re_attention_loss(a, supervision, alpha=3.0, form=form, smoothed=smoothed, real=real),
        attention,
        eps=1e-7,
        atol=1e-4,
    )


def test_without_heads_it_is_the_loss_of_one_head():
    attention, supervision, real = case(heads=1)
    assert torch.equal(
        re_attention_loss(attention[:, 0], supervision, real=real), re_attention_loss(attention, supervision, real=real)
    )


@pytest.mark.parametrize("smoothed", [False, True])
def test_order_of_samples_padding_and_the_future_do_not_matter(smoothed):
    attention, supervision, _ = case()
    loss = re_attention_loss(attention, supervision, smoothed=smoothed)
    order = torch.tensor([2, 0, 1])
    assert torch.allclose(re_attention_loss(attention[order], supervision[order], smoothed=smoothed), loss)
    future = torch.ones_like(supervision).triu(1)
    assert torch.equal(re_attention_loss(attention, supervision | future, smoothed=smoothed), loss)
    longer = torch.nn.functional.pad(attention, (0, 3, 0, 3), value=0.1)
    wider = torch.nn.functional.pad(supervision, (0, 3, 0, 3), value=True)
    real = torch.arange(longer.shape[-1]).expand(3, -1) < attention.shape[-1]
    assert torch.allclose(re_attention_loss(longer, wider, smoothed=smoothed, real=real), loss)


def test_the_ratio_does_not_change_with_the_scale_of_attention():
    attention, supervision, _ = case()
    first, second = (re_attention_loss(scale * attention, supervision) for scale in (1e3, 1e4))
    assert torch.allclose(first, second, atol=1e-5)


def test_a_row_that_has_the_ratio_costs_nothing_and_one_below_pays_the_difference():
    attention = torch.tensor([[[1.0, 0.0], [0.25, 0.75]]])
    supervision = torch.tensor([[[False, False], [False, True]]])  # rho is 3
    assert re_attention_loss(attention, supervision, alpha=2.9) == 0
    assert re_attention_loss(attention, supervision, alpha=5.0).item() == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("smoothed", [False, True])
def test_no_valid_row_gives_zero_with_gradient_zero(form, smoothed):
    attention, supervision, _ = case()
    attention.requires_grad_()
    for nothing in (torch.zeros_like(supervision), torch.ones_like(supervision)):
        loss = re_attention_loss(attention, nothing, form=form, smoothed=smoothed)
        loss.backward()
        assert loss == 0
        assert attention.grad.abs().max() == 0


@pytest.mark.parametrize("form", FORMS)
def test_all_attention_on_the_causal_tokens_overflows_nothing(form):
    attention = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]], requires_grad=True)
    supervision = torch.tensor([[[False] * 3, [False] * 3, [False, True, False]]])
    loss = re_attention_loss(attention, supervision, form=form, alpha=1e9)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(attention.grad).all()


def test_one_step_down_its_gradient_moves_attention_to_the_causal_tokens():
    generator = make_generator(0)
    scores = torch.randn(2, 2, 6, 6, generator=generator, requires_grad=True)
    supervision = torch.zeros(2, 6, 6, dtype=torch.bool)
    supervision[:, 5, 1:3] = True
    below = torch.ones(6, 6, dtype=torch.bool).tril()

    def attention():
        return scores.masked_fill(~below, float("-inf")).softmax(-1)

    before = causal_attention_mass(attention(), supervision)
    re_attention_loss(attention(), supervision, alpha=50.0).backward()
    with torch.no_grad():
        scores -= 0.1 * scores.grad
    assert causal_attention_mass(attention(), supervision) > before


def test_half_precision_attention_is_averaged_in_single():
    attention, supervision, _ = case(dtype=torch.float32)
    half = re_attention_loss(attention.bfloat16(), supervision)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(re_attention_loss(attention, supervision).item(), rel=0.02)


def test_mean_attention_is_the_mean_of_heads_and_layers():
    first, second = case(0)[0], case(1)[0]
    assert torch.allclose(mean_attention([first, second]), torch.cat([first, second], dim=1).mean(dim=1))
    with pytest.raises(DataError, match="eager"):
        mean_attention([])


def test_mass_is_the_share_on_the_marked_columns():
    attention = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]])
    supervision = torch.tensor([[[False] * 3, [False] * 3, [False, True, True]]])
    assert causal_attention_mass(attention, supervision).item() == pytest.approx(0.8)
    assert math.isnan(causal_attention_mass(attention, torch.zeros_like(supervision)))


def test_gamma_falls_by_its_factor_each_epoch():
    assert [gamma_schedule(0.8, 0.5, epoch) for epoch in range(3)] == [0.8, 0.4, 0.2]
    with pytest.raises(DataError, match=r"decay is 1\.5"):
        gamma_schedule(1.0, 1.5, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "ratio"}, "form is 'ratio'; it must be one of hinge, div, div2, nll"),
        ({"alpha": 0.0}, "alpha is 0.0; it must be a finite number, above 0"),
        ({"real": torch.ones(3, 4, dtype=torch.bool)}, r"real has shape \(3, 4\); it must be \(3, 9\)"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    attention, supervision, _ = case()
    with pytest.raises(DataError, match=message):
        re_attention_loss(attention, supervision, **options)


def test_shapes_that_do_not_fit_are_refused():
    attention, supervision, _ = case()
    with pytest.raises(DataError, match=r"supervision \(3, 8, 8\)"):
        re_attention_loss(attention, supervision[:, :8, :8])
    with pytest.raises(DataError, match=r"attention has shape \(9, 9\)"):
        re_attention_loss(attention[0, 0], supervision)


def test_attention_that_is_no_number_costs_no_number():
    supervision = torch.zeros(1, 3, 3, dtype=torch.bool)
    supervision[0, 2, 0] = True
    assert re_attention_loss(torch.full((1, 3, 3), math.nan), supervision).isnan()


@pytest.mark.parametrize("alpha", [math.nan, math.inf, "a"])
def test_a_ratio_that_is_no_number_is_refused(alpha):
    with pytest.raises(DataError, match="alpha is"):
        re_attention_loss(torch.ones(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool), alpha=alpha)


@pytest.mark.parametrize("gamma", [math.nan, math.inf, "a", -1])
def test_a_weight_that_is_no_number_is_refused(gamma):
    with pytest.raises(DataError, match="gamma_0 is"):
        gamma_schedule(gamma, 1.0, 0)


def test_an_array_in_place_of_a_tensor_is_named():
    with pytest.raises(DataError, match="give a tensor of shape"):
        re_attention_loss([[1.0]], [[True]])
