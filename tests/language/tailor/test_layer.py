"""One tailored layer: its limits, what moves with what, and that compensation lowers the error of its output."""

import math

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.tailor.compensation import compensate_exact, compensate_in_order, output_error, scaled_to_best  # noqa: E402
from yinguo.language.tailor.layer import (  # noqa: E402
    LayerTailor,
    choose_patch,
    fused_scores,
    sensitivity,
    tailor_layer,
    top_of_rows,
)
from yinguo.nets.blocks import make_generator  # noqa: E402


def problem(seed, outputs=32, inputs=64, rows=512, common=1.0):
    """Weights before and after tuning, and moments of correlated inputs, double precision."""
    g = make_generator(seed)
    draw = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)  # noqa: E731
    pre = draw(outputs, inputs)
    tuned = pre + 0.3 * draw(outputs, inputs)
    X = draw(rows, inputs) + common * draw(rows, 4) @ draw(4, inputs)
    return pre, tuned, 2 * X.T @ X / rows


FORMS = [
    {"compensation": "exact"},
    {"compensation": "sequential"},
    {"compensation": "none"},
    {"salience_weight": 1.0},
    {"compensation": "sequential", "legacy_sign": True, "legacy_score": True},
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", FORMS)
def test_density_one_is_the_tuned_layer_and_density_zero_the_pretrained_one(options, dtype):
    pre, tuned, H = problem(0)
    pre, tuned = pre.to(dtype), tuned.to(dtype)
    assert torch.equal(tailor_layer(pre, tuned, H, density=1.0, **options).weight, tuned)
    assert torch.equal(tailor_layer(pre, tuned, H, density=0.0, **options).weight, pre)


@pytest.mark.parametrize("options", FORMS)
def test_outside_the_patch_weights_are_the_pretrained_ones_to_the_bit(options):
    pre, tuned, H = problem(1)
    made = tailor_layer(pre.bfloat16(), tuned.bfloat16(), H, density=0.1, **options)
    assert torch.equal(made.weight[~made.patch], pre.bfloat16()[~made.patch])
    assert (made.patch.sum(1) == 6).all()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("density", [0.05, 0.1, 0.5])
def test_the_exact_error_is_at_most_the_sequential_and_that_at_most_the_uncompensated(seed, density):
    pre, tuned, H = problem(seed, outputs=24, inputs=(20, 64, 200)[seed % 3])
    found = [tailor_layer(pre, tuned, H, density=density, compensation=kind) for kind in ("exact", "sequential")]
    assert torch.equal(found[0].patch, found[1].patch)
    assert found[0].error <= found[1].error * (1 + 1e-9)  # equal where a single weight stays
    assert found[1].error < found[0].uncompensated


def test_a_single_weight_that_goes_back_costs_what_brute_force_finds():
    """Both the cost and the change of the others, against least squares on the inputs themselves."""
    g = make_generator(3)
    X = torch.randn(40, 7, generator=g, dtype=torch.float64)
    pre, tuned = (torch.randn(1, 7, generator=g, dtype=torch.float64) for _ in range(2))
    H = 2 * X.T @ X / 40
    inverse = torch.linalg.inv(H)
    cost = sensitivity(pre, tuned, inverse.diagonal())
    for q in range(7):
        others = [j for j in range(7) if j != q]
        step = pre[0, q] - tuned[0, q]
        best = torch.linalg.lstsq(X[:, others], -(X[:, [q]] * step)).solution[:, 0]
        left = X[:, others] @ best + X[:, q] * step
        assert cost[0, q] == pytest.approx(float(left.square().mean()), rel=1e-9)
        patch = torch.ones(1, 7, dtype=torch.bool)
        patch[0, q] = False
        made = compensate_exact(pre, tuned, patch, H)
        assert torch.allclose(made[0, others] - tuned[0, others], best, atol=1e-9)
        formula = step / inverse[q, q] * inverse[q]
        assert torch.allclose((made - tuned)[0], formula, atol=1e-9)


def test_the_exact_solution_of_a_row_is_least_squares_on_the_weights_that_stay():
    g = make_generator(4)
    X = torch.randn(200, 12, generator=g, dtype=torch.float64) @ torch.randn(12, 12, generator=g, dtype=torch.float64)
    pre, tuned = (torch.randn(5, 12, generator=g, dtype=torch.float64) for _ in range(2))
    patch = torch.rand(5, 12, generator=g) < 0.4  # as many in each row as it happens, none in some
    patch[2] = False
    made = compensate_exact(pre, tuned, patch, 2 * X.T @ X / 200)
    for row in range(5):
        kept = patch[row]
        target = X @ tuned[row] - X[:, ~kept] @ pre[row, ~kept]
        if kept.any():
            best = torch.linalg.lstsq(X[:, kept], target[:, None]).solution[:, 0]
            assert torch.allclose(made[row, kept], best, atol=1e-8)
        assert torch.equal(made[row, ~kept], pre[row, ~kept])


def test_the_column_order_is_exact_where_all_that_goes_back_stands_left():
    pre, tuned, H = problem(5, inputs=150, common=0.5)
    patch = torch.zeros(32, 150, dtype=torch.bool)
    patch[:, 100:] = True
    U = torch.linalg.cholesky(torch.linalg.inv(H), upper=True)
    made = compensate_in_order(pre, tuned, patch, U)
    assert torch.allclose(made, compensate_exact(pre, tuned, patch, H), atol=1e-8)


def test_blocks_of_columns_change_nothing():
    pre, tuned, H = problem(6, outputs=4, inputs=300)
    patch = top_of_rows((tuned - pre).abs(), 0.3)
    U = torch.linalg.cholesky(torch.linalg.inv(H), upper=True)
    slow = tuned.clone()
    for q in range(300):
        gone = ~patch[:, q]
        left = torch.where(gone, (slow[:, q] - pre[:, q]) / U[q, q], 0.0)
        slow[:, q + 1 :] -= left[:, None] * U[q, q + 1 :]
        slow[gone, q] = pre[gone, q]
    assert torch.allclose(compensate_in_order(pre, tuned, patch, U), slow, atol=1e-9)


SHAPES = ((32, 64), (32, 64), (96, 64), (64, 64))
RELEASED = {
    "none": {"compensation": "none"},
    "exact": {"compensation": "exact"},
    "sequential": {"compensation": "sequential"},
    "sign": {"compensation": "sequential", "legacy_sign": True},
    "score": {"compensation": "sequential", "legacy_score": True},
}


def test_the_released_sign_raises_the_error_above_no_compensation_and_the_released_score_is_worse():
    """32 x 64, a tenth kept: errors against that of the pre-trained layer, means of ten draws."""
    ratios = {}
    for seed in range(10):
        g = make_generator(seed)
        pre, change, X, mix = (torch.randn(*s, generator=g, dtype=torch.float64) for s in SHAPES)
        tuned = pre + 0.3 * change
        H = 2 * mix.T @ X.T @ X @ mix
        scale = output_error(pre, tuned, H)
        for label, options in RELEASED.items():
            made = tailor_layer(pre, tuned, H, density=0.1, **options)
            ratios.setdefault(label, []).append((output_error(made.weight, tuned, H) / scale) ** 0.5)
    found = {label: sum(values) / len(values) for label, values in ratios.items()}
    expected = {"none": 0.77, "exact": 0.70, "sequential": 0.75, "sign": 1.11, "score": 0.81}
    assert found == pytest.approx(expected, abs=0.03)


def test_order_of_outputs_and_of_inputs_does_not_matter():
    pre, tuned, H = problem(7)
    rows, columns = torch.randperm(32, generator=make_generator(1)), torch.randperm(64, generator=make_generator(2))
    made = tailor_layer(pre, tuned, H).weight
    assert torch.allclose(tailor_layer(pre[rows], tuned[rows], H).weight, made[rows], atol=1e-10)
    moved = tailor_layer(pre[:, columns], tuned[:, columns], H[columns][:, columns]).weight
    assert torch.allclose(moved, made[:, columns], atol=1e-10)


@pytest.mark.parametrize("compensation", ["exact", "sequential"])
def test_units_of_inputs_and_outputs_do_not_matter_and_a_common_shift_passes_through(compensation):
    pre, tuned, H = problem(8)
    made = tailor_layer(pre, tuned, H, compensation=compensation).weight
    assert torch.allclose(tailor_layer(pre, tuned, 9 * H, compensation=compensation).weight, made, atol=1e-9)
    assert torch.allclose(tailor_layer(5 * pre, 5 * tuned, H, compensation=compensation).weight, 5 * made, atol=1e-9)
    shift = torch.randn(32, 64, generator=make_generator(9), dtype=torch.float64)
    shifted = tailor_layer(pre + shift, tuned + shift, H, compensation=compensation).weight
    assert torch.allclose(shifted, made + shift, atol=1e-9)


def test_rows_in_parts_give_what_they_give_together():
    pre, tuned, H = problem(10)
    solver = LayerTailor(H)
    parts = torch.cat([solver.tailor(pre[k : k + 5], tuned[k : k + 5]).weight for k in range(0, 32, 5)])
    assert torch.allclose(parts, tailor_layer(pre, tuned, H).weight, atol=1e-12)


def test_inputs_never_seen_lose_their_change_first_and_break_nothing():
    pre, tuned, H = problem(11)
    H[:10], H[:, :10] = 0.0, 0.0
    made = tailor_layer(pre, tuned, H, salience_weight=0.0)
    assert not made.patch[:, :10].any()
    assert torch.isfinite(made.weight).all()
    nothing = tailor_layer(pre, tuned, torch.zeros_like(H))
    assert torch.isfinite(nothing.weight).all()
    assert nothing.error == 0.0


def test_without_moments_the_largest_changes_of_each_row_stay():
    pre, tuned, _ = problem(12)
    made = tailor_layer(pre, tuned, density=0.25)
    change = (tuned - pre).abs()
    assert (change.masked_fill(~made.patch, torch.inf).amin(1) >= change.masked_fill(made.patch, 0).amax(1)).all()
    assert torch.equal(made.weight, torch.where(made.patch, tuned, pre))
    assert made.error is None


@pytest.mark.parametrize("density", [0.0, 0.1, 0.37, 1.0])
def test_the_largest_of_a_row_are_those_of_a_stable_sort(density):
    values = torch.randint(0, 6, (40, 33), generator=make_generator(2)).float()  # with many equal ones
    order = values.sort(dim=1, descending=True, stable=True).indices[:, : round(density * 33)]
    expected = torch.zeros(40, 33, dtype=torch.bool).scatter_(1, order, True)
    assert torch.equal(top_of_rows(values, density), expected)


@pytest.mark.parametrize("rows", [100, 400])
@pytest.mark.parametrize("seed", range(4))
def test_the_column_order_is_no_worse_than_nothing_also_where_inputs_are_unrelated(seed, rows):
    """There the plain column order may be, which the first line makes sure of for some rows."""
    pre, tuned, H = problem(seed, inputs=200, rows=rows, common=0.0)
    damped = H + 0.01 * H.diagonal().mean() * torch.eye(200, dtype=torch.float64)
    patch = top_of_rows((tuned - pre).abs(), 0.1)
    made = compensate_in_order(pre, tuned, patch, torch.linalg.cholesky(torch.linalg.inv(damped), upper=True))
    plain = torch.where(patch, tuned, pre)
    best = scaled_to_best(made, plain, tuned, damped)
    errors = [[output_error(w[[k]], tuned[[k]], damped) for k in range(32)] for w in (plain, made, best)]
    assert any(b > a for a, b, _ in zip(*errors, strict=True))
    assert all(c <= min(a, b) * (1 + 1e-12) for a, b, c in zip(*errors, strict=True))
    assert torch.equal(best[~patch], pre[~patch])
    layer = tailor_layer(pre, tuned, H, compensation="sequential")
    assert layer.error < layer.uncompensated


def test_equal_scores_are_taken_from_the_left_and_a_flat_row_counts_nothing():
    assert top_of_rows(torch.tensor([[1.0, 2.0, 1.0, 1.0]]), 0.5).tolist() == [[True, True, False, False]]
    flat = torch.full((1, 4), 3.0)
    assert fused_scores(flat, flat).abs().max() == 0
    assert choose_patch(torch.rand(3, 10, generator=make_generator(0)), 0.3).sum() == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"density": 1.2}, "density is 1.2; it must be a finite number, at least 0 and at most 1"),
        ({"salience_weight": -1}, "salience_weight is -1"),
        ({"compensation": "both"}, "compensation is 'both'; it must be one of auto, exact"),
        ({"damping": 0}, "damping is 0"),
        ({"compensation": "exact", "legacy_sign": True}, "legacy_sign needs compensation='sequential'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    pre, tuned, H = problem(0, outputs=2, inputs=4)
    with pytest.raises(DataError, match=message):
        tailor_layer(pre, tuned, H, **options)


def test_shapes_that_do_not_fit_and_moments_that_are_no_numbers_are_refused():
    pre, tuned, H = problem(0, outputs=2, inputs=4)
    with pytest.raises(DataError, match=r"shape \(2, 3\) and tuned ones \(2, 4\)"):
        tailor_layer(pre[:, :3], tuned, H)
    with pytest.raises(DataError, match=r"a layer of 4 inputs needs \(4, 4\)"):
        tailor_layer(pre, tuned, H[:3, :3])
    with pytest.raises(DataError, match="not finite"):
        tailor_layer(pre, tuned, H * torch.nan)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pre, sft, H: (pre * math.nan, sft, H), "pre-trained weights hold 2048 entries that are not finite"),
        (lambda pre, sft, H: (pre, sft * math.inf, None), "tuned weights hold"),
        (lambda pre, sft, H: (pre.long(), sft.long(), H), "give a tensor of floats"),
        (lambda pre, sft, H: (pre, sft, -H), "no Cholesky factor"),
        (lambda pre, sft, H: (pre, sft, H + torch.ones_like(H).triu(1)), "not symmetric"),
    ],
)
def test_weights_that_are_no_numbers_and_moments_that_are_none_are_refused(change, words):
    pre, H = torch.ones(32, 64), torch.eye(64)
    with pytest.raises(DataError, match=words):
        tailor_layer(*change(pre, pre + 0.1, H))


@pytest.mark.parametrize("options", [{"density": "a"}, {"damping": math.inf}, {"damping": "a"}])
def test_shares_and_dampings_that_are_no_numbers_are_refused(options):
    with pytest.raises(DataError, match=f"{next(iter(options))} is"):
        tailor_layer(torch.ones(2, 3), torch.ones(2, 3), torch.eye(3), **options)
