"""Other ways between two models: the limits in which each becomes another, and a slow loop for TIES."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.tailor.l2_sp import L2SP  # noqa: E402
from yinguo.language.tailor.merging import dare, graft, merge_patches, task_arithmetic, ties, wise_ft  # noqa: E402
from yinguo.language.tailor.scores import ForgettingCurve, average_score, h_score  # noqa: E402
from yinguo.nets.blocks import make_generator, mlp  # noqa: E402


def state(seed, dtype=torch.float32):
    g = make_generator(seed)
    made = {name: torch.randn(*shape, generator=g).to(dtype) for name, shape in (("w", (30, 20)), ("b", (7,)))}
    return made | {"step": torch.tensor([seed])}


PRE, A, B = state(0), state(1), state(2)


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


def close(a, b):
    return all(torch.allclose(a[name], b[name], atol=1e-6) for name in ("w", "b"))


def values(state):
    return {name: state[name] for name in ("w", "b")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_way_ends_in_one_of_the_two_models(dtype):
    pre, tuned = state(0, dtype), state(1, dtype)
    for made in (
        wise_ft(pre, tuned, alpha=1.0),
        dare(pre, tuned, drop=0.0, generator=make_generator(0)),
        graft(pre, tuned, density=1.0),
        ties(pre, [tuned], density=1.0),
        task_arithmetic(pre, [tuned]),
    ):
        assert same(made, tuned)
    for made in (wise_ft(pre, tuned, alpha=0.0), graft(pre, tuned, density=0.0), ties(pre, [tuned], density=0.0)):
        assert same(values(made), values(pre))


def test_wise_ft_of_one_task_is_task_arithmetic_and_ties_of_one_task_is_grafting():
    assert close(wise_ft(PRE, A, alpha=0.3), task_arithmetic(PRE, [A], scale=0.3))
    assert close(graft(PRE, A, density=0.3), ties(PRE, [A], density=0.3))


def test_ties_of_the_same_model_twice_is_that_model():
    assert close(ties(PRE, [A, A], density=1.0), A)


def test_dare_is_right_on_average_and_leaves_out_the_stated_share():
    g = make_generator(3)
    draws = [dare(PRE, A, drop=0.8, generator=g)["w"] for _ in range(400)]
    share = torch.stack([(w != PRE["w"]).float().mean() for w in draws]).mean()
    assert share == pytest.approx(0.2, abs=0.005)
    error = (torch.stack(draws).mean(0) - A["w"]) / ((A["w"] - PRE["w"]).abs() * 2 / 400**0.5)
    assert error.abs().mean() < 1.0  # in standard errors; 0.8 is expected
    assert (torch.stack(draws).std(0) > 0).all()


def test_dare_draws_from_its_generator_alone():
    first = dare(PRE, A, generator=make_generator(1))
    torch.manual_seed(4)
    assert same(first, dare(PRE, A, generator=make_generator(1)))
    assert not same(first, dare(PRE, A, generator=make_generator(2)))


def test_grafting_keeps_the_largest_changes_of_the_whole_model():
    made = graft(PRE, A, density=0.1)
    kept = torch.cat([(made[name] != PRE[name]).flatten() for name in ("w", "b")])
    change = torch.cat([(A[name] - PRE[name]).abs().flatten() for name in ("w", "b")])
    assert kept.sum() == round(0.1 * 607)
    assert change[kept].min() >= change[~kept].max()


def test_ties_is_what_a_slow_loop_finds():
    states = [A, B, state(3)]
    made = ties(PRE, states, density=0.4, scale=0.7)
    changes = np.array([np.concatenate([(s[n].double() - PRE[n].double()).flatten() for n in "wb"]) for s in states])
    for row in changes:
        row[np.argsort(-np.abs(row), kind="stable")[round(0.4 * 607) :]] = 0
    expected = []
    for column in changes.T:
        sign = np.sign(column.sum())
        agreeing = [value for value in column if np.sign(value) == sign and value != 0]
        expected.append(0.7 * np.mean(agreeing) if agreeing else 0.0)
    found = np.concatenate([(made[n].double() - PRE[n].double()).flatten() for n in "wb"])
    assert np.allclose(found, expected, atol=1e-6)


def test_patches_that_do_not_overlap_are_all_there_and_are_averaged_where_they_do():
    one, two = ({name: value.clone() for name, value in PRE.items()} for _ in range(2))
    one["w"][0, :4] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    two["w"][0, 3:5] = torch.tensor([6.0, 7.0])
    merged = merge_patches(PRE, [one, two])
    assert torch.allclose(merged["w"][0, :5], torch.tensor([1.0, 2.0, 3.0, 5.0, 7.0]))
    assert torch.equal(merged["w"][1:], PRE["w"][1:])
    assert same(values(merge_patches(PRE, [one])), values(one))


def test_bad_input_is_refused():
    with pytest.raises(DataError, match=r"drop is 1\.0"):
        dare(PRE, A, drop=1.0, generator=make_generator(0))
    with pytest.raises(DataError, match="alpha is 2"):
        wise_ft(PRE, A, alpha=2)
    with pytest.raises(DataError, match="no tuned state"):
        merge_patches(PRE, [])
    with pytest.raises(DataError, match="in one state only"):
        ties(PRE, [A, {"w": A["w"]}])
    with pytest.raises(DataError, match="strength is -1"):
        L2SP(mlp([1, 1], generator=make_generator(0)), strength=-1)


def test_the_gradient_of_the_penalty_is_the_one_that_is_added():
    net = mlp([3, 4, 1], generator=make_generator(0))
    penalty = L2SP(net, strength=0.3)
    assert penalty(net) == 0
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.add_(0.1 * (k + 1))
    x = torch.randn(5, 3, generator=make_generator(1))
    (net(x).square().mean() + penalty(net)).backward()
    whole = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    net(x).square().mean().backward()
    penalty.add_gradient(net)
    assert all(torch.allclose(p.grad, g, atol=1e-6) for p, g in zip(net.parameters(), whole, strict=True))


def test_the_h_score_is_a_harmonic_mean_and_punishes_what_is_lost():
    assert h_score([0.8], [0.8]) == pytest.approx(0.8)
    assert h_score([1.0, 0.0], [0.25]) == pytest.approx(1 / 3)
    assert h_score([0.0], [1.0]) == 0.0 == h_score([0.0], [0.0])
    assert average_score([1.0, 0.5], [0.0]) == pytest.approx(0.5)
    with pytest.raises(DataError, match="at least 0"):
        h_score([-0.1], [0.5])


def test_what_is_forgotten_is_the_fall_from_the_best_stage():
    curve = ForgettingCurve("tuned", ("pre-trained", "b"), {"a": (0.9, 0.4), "b": (0.1, 0.8)})
    assert curve.forgotten() == pytest.approx({"a": 0.5, "b": 0.0})


WAYS = {
    "wise-ft": wise_ft, "dare": lambda pre, sft: dare(pre, sft, generator=make_generator(0)), "graft": graft,
    "arithmetic": lambda pre, sft: task_arithmetic(pre, [sft]), "ties": lambda pre, sft: ties(pre, [sft]),
    "patches": lambda pre, sft: merge_patches(pre, [sft]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_states_that_are_empty_no_states_or_no_numbers_are_refused(way):
    fine = {"w": torch.ones(2, 2)}
    for pre, sft, words in (
        ({}, {}, "state is empty"), (mlp([1, 1], generator=make_generator(0)), fine, "state is a Sequential"),
        (fine, {"w": 1.0}, "'w' of the tuned state is a float"),
        (fine, {"w": fine["w"] * float("nan")}, "tuned weights of 'w' hold 4 entries that are not finite"),
        ({"w": fine["w"] * float("nan")}, fine, "pre-trained weights of 'w'"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=words):
            WAYS[way](pre, sft)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: ties(s, []), "no tuned state"),
        (lambda s: ties(s, s), "tuned is a single state"),
        (lambda s: ties(s, [s], scale=float("nan")), "scale is nan"),
        (lambda s: task_arithmetic(s, [s], scale=float("inf")), "scale is inf"),
        (lambda s: dare(s, s, generator=None), "generator is None"),
        (lambda s: h_score([], [1.0]), r"original is \[\]"),
        (lambda s: h_score([float("nan")], [1.0]), "original has performances that are not finite"),
        (lambda s: h_score([1.0], ["a"]), "new is"),
        (lambda s: ForgettingCurve("tuned", ("pre-trained", "b"), {"a": (0.9,)}), "'a' has 1 values and there are 2"),
    ],
)
def test_merges_and_scores_of_nothing_are_refused(make, words):
    with pytest.raises(DataError, match=words):
        make({"w": torch.ones(2, 2)})


def test_a_penalty_does_not_lose_parameters_unseen():
    net = mlp([2, 1], generator=make_generator(0))
    penalty = L2SP(net, strength=1.0)
    for changed in (torch.nn.Sequential(net), mlp([3, 1], generator=make_generator(0))):
        for use in (penalty, penalty.add_gradient):
            with pytest.raises(DataError, match="another name or shape now"):
                use(changed)
    with pytest.raises(DataError, match="strength is nan"):
        L2SP(net, strength=float("nan"))
    with pytest.raises(DataError, match="nothing to hold"):
        L2SP(net.requires_grad_(False), strength=1.0)
