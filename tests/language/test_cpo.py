"""Tuning to preferences: what is learned, what is kept, what stays untouched."""

import copy
import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language import CPO, DPO, DRCPO, ClippedPolicy, FineTuning, OutcomeOnly, RewardWeighted, SimPO  # noqa: E402
from yinguo.language.outcome_texts import (  # noqa: E402
    DrawnTexts,
    OutcomeTexts,
    bag_of_tokens,
    crossfit_outcome,
    draw_texts,
    token_lists,
)
from yinguo.language.preference_baselines import make_pairs  # noqa: E402
from yinguo.language.sequence_scores import score_sequences  # noqa: E402
from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

EVERY = [CPO, DRCPO, OutcomeOnly, DPO, SimPO, RewardWeighted, ClippedPolicy]
TEXTS = torch.tensor([[0, *rest] for rest in itertools.product(range(4), repeat=3)])
WORTH = np.array([0.0, 0.0, 0.0, 1.0])
FAST = {"learning_rate": 3e-3, "steps": 80, "every": 4, "batch_size": 60, "random_state": 1}


def model(seed=0):
    return SmallGPT(
        vocabulary=4, length=4, width=8, layers=1, heads=2, dropout=0.0, generator=make_generator(seed)
    ).eval()  # fmt: skip


def read(n=300, seed=0, noise=0.5):
    """Uniform texts, the outcome being the number of threes."""
    rng = np.random.default_rng(seed)
    tokens = np.column_stack([np.zeros(n, dtype=int), rng.integers(4, size=(n, 3))])
    Y = WORTH[tokens[:, 1:]].sum(axis=1) + noise * rng.normal(size=n)
    return OutcomeTexts(torch.as_tensor(tokens), Y, log_read=np.full(n, 3 * np.log(1 / 4)))


@torch.no_grad()
def law(policy):
    return score_sequences(policy, TEXTS).total.exp().numpy()


def value(policy):
    """Exact: the mean number of threes."""
    return float(law(policy) @ WORTH[TEXTS[:, 1:].numpy()].sum(axis=1))


@pytest.mark.parametrize("method", EVERY)
def test_every_method_raises_the_exact_value_where_texts_met_readers_at_random(method):
    gpt = model()
    before = value(gpt)
    tuned = method(**FAST).fit(gpt, read())
    assert tuned.policy_ is gpt
    assert value(gpt) > before + 0.15
    assert not tuned.kept_first_
    assert len(tuned.looks_) == len(tuned.history_.epochs)


def test_the_estimated_value_of_the_tuned_model_is_near_the_exact_one():
    gpt = model()
    tuned = DRCPO(**FAST).fit(gpt, read(n=1000))
    assert abs(tuned.best_.estimate - value(gpt)) < 4 * tuned.best_.se


def test_the_same_seed_gives_the_same_model_and_global_randomness_is_left_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = []
    for _ in range(2):
        gpt = model()
        DRCPO(**FAST).fit(gpt, read())
        found.append(law(gpt))
    assert np.array_equal(*found)
    assert torch.equal(state, torch.get_rng_state())


def test_without_its_first_term_dr_cpo_is_the_outcome_only_method():
    models = [model(), model()]
    DRCPO(c_ipw=0.0, judge="outcome", **FAST).fit(models[0], read())
    OutcomeOnly(**FAST).fit(models[1], read())
    assert np.array_equal(law(models[0]), law(models[1]))


def test_a_limit_on_the_divergence_is_kept():
    free, held = model(), model()
    start = law(model())
    CPO(**{**FAST, "judge": "outcome"}).fit(free, read())
    tuned = CPO(divergence=0.1, **FAST).fit(held, read())

    def gone(policy):
        return float(law(policy) @ np.log(law(policy) / start))

    assert gone(free) > 0.25
    assert gone(held) < 0.15
    assert max(look.divergence for look in tuned.looks_) <= 0.1 + 1e-6


@pytest.mark.parametrize("option", [{"divergence_strength": 1.0}, {"entropy_strength": 1.0}])
def test_a_price_on_divergence_or_entropy_holds_the_model_back(option):
    free, held = model(), model()
    CPO(**FAST).fit(free, read())
    CPO(**option, **FAST).fit(held, read())
    start = law(model())
    entropy = {name: -float(p @ np.log(p)) for name, p in (("free", law(free)), ("held", law(held)))}
    assert entropy["held"] > entropy["free"]
    assert law(held) @ np.log(law(held) / start) < law(free) @ np.log(law(free) / start)


def test_a_model_that_cannot_be_bettered_is_given_back_as_it_was():
    gpt = model()
    before = law(gpt)
    texts = read()
    # The steps are so large that every look is at a model gone wild.
    tuned = CPO(learning_rate=30.0, steps=20, batch_size=60, random_state=1).fit(gpt, texts)
    assert all(look.share < 0.1 or look.value <= tuned.first_.estimate for look in tuned.looks_) == tuned.kept_first_
    if tuned.kept_first_:
        assert np.array_equal(law(gpt), before)


def test_looks_whose_weights_rest_on_a_tenth_of_the_texts_do_not_count():
    tuned = CPO(learning_rate=0.05, steps=40, batch_size=60, random_state=1, clip=None, patience=100).fit(
        model(), read()
    )
    assert any(look.share < 0.1 for look in tuned.looks_)
    assert all(look.counts == (look.share >= 0.1) for look in tuned.looks_)
    assert tuned.best_.diagnostics[0].value >= 0.1


def test_bad_input_is_refused_with_the_value_met():
    with pytest.raises(DataError, match="judge is 'x'"):
        CPO(judge="x").fit(model(), read())
    with pytest.raises(DataError, match="there are 5 texts"):
        CPO().fit(model(), read(n=5))
    with pytest.raises(DataError, match="folds is 0, which needs an outcome_model"):
        DRCPO(folds=0).fit(model(), read())
    with pytest.raises(DataError, match=r"Y has shape \(3,\)"):
        OutcomeTexts(TEXTS[:4], np.zeros(3))
    with pytest.raises(DataError, match="no parameter of the model requires a gradient"):
        CPO().fit(model().requires_grad_(False), read())


def test_fine_tuning_finds_the_law_of_the_texts():
    rng = np.random.default_rng(0)
    tokens = np.column_stack([np.zeros(800, dtype=int), rng.choice(4, size=(800, 3), p=[0.1, 0.2, 0.3, 0.4])])
    gpt = model()
    FineTuning(learning_rate=1e-2, epochs=10, random_state=0).fit(
        gpt, OutcomeTexts(torch.as_tensor(tokens), np.zeros(800))
    )
    shares = np.array([law(gpt) @ (TEXTS[:, 1:].numpy() == v).mean(axis=1) for v in range(4)])
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.03)


def test_texts_are_drawn_by_the_law_of_the_model():
    gpt = model(3)
    tokens, real = draw_texts(gpt, torch.zeros(4000, 1, dtype=torch.long), length=4, generator=make_generator(0))
    assert real.all()
    index = tokens[:, 1] * 16 + tokens[:, 2] * 4 + tokens[:, 3]
    counts, expected = np.bincount(index.numpy(), minlength=64), 4000 * law(gpt)
    assert ((counts - expected) ** 2 / expected).sum() < 63 + 4 * np.sqrt(2 * 63)


def test_an_end_token_ends_a_text_and_prompts_stay_as_they_are():
    prompts = torch.tensor([[0, 3, 1], [0, 3, 0]] * 50)
    given = torch.tensor([3, 2] * 50)
    tokens, real = draw_texts(model(), prompts, given=given, length=4, generator=make_generator(0), end=3)
    assert (tokens[::2, :3] == prompts[0]).all()
    assert (tokens[1::2, :2] == prompts[1, :2]).all()
    ended = tokens[1::2, 2] == 3  # a 3 in a prompt ends nothing
    assert ended.any()
    assert not real[1::2, 3][ended].any()
    assert real[1::2, 3][~ended].all()
    assert real[::2].all()


def test_predictions_of_texts_read_come_from_models_that_did_not_see_them():
    class Remembers:
        """Knows the outcome of every text it has met, and nothing else."""

        def fit(self, X, y):
            self.known = dict(zip((tuple(x) for x in X), y, strict=True))
            return self

        def predict(self, X):
            return [self.known.get(tuple(x), -1.0) for x in X]

    texts = [[k] for k in range(20)]
    g, drawn = crossfit_outcome(Remembers(), texts, np.ones(20), texts[:2], folds=4, random_state=0)
    assert (g == -1).all()
    assert drawn == pytest.approx([0.5, 0.5])  # three of four models know it
    before = Remembers().fit(texts, np.ones(20))
    assert crossfit_outcome(before, texts, np.zeros(20), texts[:2], folds=0, random_state=0)[0] == pytest.approx(1)


def test_the_default_outcome_model_counts_tokens():
    texts = read(n=400, noise=0.1)
    lists = token_lists(texts.tokens, texts.real)
    found = bag_of_tokens().fit(lists, texts.Y).predict([[0, 3, 3, 3], [0, 1, 2, 0]])
    assert found == pytest.approx([3, 0], abs=0.1)


def test_pairs_are_of_texts_with_the_same_prompt_the_better_first():
    rng = np.random.default_rng(0)
    Y, groups = np.repeat([1.0, 2.0, 2.0, 5.0], 5), np.tile(np.arange(5), 4)
    pairs = make_pairs(Y, groups, 3, rng)
    assert (Y[pairs[:, 0]] > Y[pairs[:, 1]]).all()
    assert (groups[pairs[:, 0]] == groups[pairs[:, 1]]).all()
    with pytest.raises(DataError, match="no two texts with the same prompt"):
        make_pairs(np.arange(4.0), np.arange(4), 3, rng)


def test_adapters_alone_are_tuned_and_a_cache_draws_the_same_texts():
    pytest.importorskip("transformers")
    pytest.importorskip("peft")
    from yinguo.language.hub import peft, transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=4, n_positions=8, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0.0)
    base = transformers.GPT2LMHeadModel(config).eval()
    start = torch.zeros(50, 1, dtype=torch.long)
    cached = draw_texts(base, start, length=4, generator=make_generator(0))[0]
    plain = draw_texts(lambda tokens: base(tokens, use_cache=False), start, length=4, generator=make_generator(0))[0]
    assert torch.equal(cached, plain)
    kept = copy.deepcopy(base.state_dict())
    policy = peft.get_peft_model(
        base, peft.LoraConfig(r=4, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)
    )
    before = value(policy)
    tuned = DRCPO(**{**FAST, "learning_rate": 0.03}).fit(policy, read())
    assert value(policy) > before + 0.1
    assert all(("lora" in name) == p.requires_grad for name, p in policy.named_parameters())
    for name, weights in kept.items():
        changed = policy.state_dict()
        key = f"base_model.model.{name}"
        key = (
            key if key in changed else key.replace(".weight", ".base_layer.weight").replace(".bias", ".base_layer.bias")
        )
        assert torch.equal(changed[key], weights)
    assert tuned.best_.estimate > tuned.first_.estimate


def test_texts_drawn_before_are_used_as_they_are():
    texts, gpt = read(n=40), model()
    tokens, real = draw_texts(gpt, texts.tokens[:, :1], length=4, generator=make_generator(9))
    drawn = DrawnTexts(tokens[:, None], real[:, None])
    one, two = model(), model()
    OutcomeOnly(**FAST).fit(one, texts, drawn)
    OutcomeOnly(**FAST).fit(two, texts)
    assert not np.array_equal(law(one), law(two))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((DRCPO, {name: value}) for name, value in (
            ("learning_rate", -1), ("learning_rate", np.inf), ("steps", 0), ("batch_size", -1), ("draws", 0),
            ("divergence", -1), ("held_out", 2), ("held_out", np.nan), ("every", 0), ("patience", 0), ("folds", 2.5),
            ("c_out", -1), ("c_ipw", np.nan), ("divergence_strength", -1), ("entropy_strength", np.nan),
            ("features", 3), ("outcome_model", 3),
        )),
        (DPO, {"strength": -1}), (DPO, {"pairs": 1.5}), (SimPO, {"strength": 0}), (SimPO, {"margin": np.nan}),
        (RewardWeighted, {"temperature": -1}), (ClippedPolicy, {"ratio_clip": -1}),
        (FineTuning, {"learning_rate": -1}), (FineTuning, {"epochs": 0}), (FineTuning, {"batch_size": -1}),
        (FineTuning, {"held_out": 1}),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused_by_name(kind, options):
    with pytest.raises(DataError, match=f"^{next(iter(options))} is"):
        kind(random_state=0, **options).fit(model(), read(40))


def test_no_outcome_that_counts_is_refused():
    with pytest.raises(DataError, match="c_ipw and c_out are both 0"):
        DRCPO(c_ipw=0, c_out=0).fit(model(), read(40))


@pytest.mark.parametrize("kind", [DRCPO, FineTuning])
def test_a_name_for_a_model_plain_texts_and_unknown_tokens_are_refused(kind):
    small = SmallGPT(vocabulary=2, length=4, width=8, layers=1, heads=2, generator=make_generator(0))
    for policy, texts, words in (
        ("smollm2", read(40), "the model is 'smollm2'; give a loaded one"),
        (model(), ["a", "b"], "the texts are a list; give OutcomeTexts"),
        (small, read(40), "a token is 3 and the model knows 0 to 1"),
    ):
        with pytest.raises(DataError, match=words):
            kind(random_state=0).fit(policy, texts)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tokens": TEXTS.numpy()}, "give an integer tensor"), ({"tokens": TEXTS.float()}, "give an integer tensor"),
        ({"tokens": TEXTS - 1}, "a token is -1"), ({"Y": ["a"] * 64}, "Y has shape"), ({"prompt": 0}, "prompt is 0"),
        ({"prompt": 4}, "64 of 64 texts have no token after their prompt"),
        ({"prompt": torch.ones(3, dtype=torch.long)}, "one for each of the 64 texts"),
        ({"padding": torch.zeros(64, 4, dtype=torch.bool)}, "no token after their prompt"),
    ],
)  # fmt: skip
def test_texts_without_anything_to_score_are_refused(changed, words):
    with pytest.raises(DataError, match=words):
        OutcomeTexts(**{"tokens": TEXTS, "Y": np.zeros(64), **changed})
