"""Tuning a language model to preferences when readers choose what they read.

What it shows: how much of the gain that could be had at the same distance from the first model each method brings, its
true value summed out over all texts; and what is lost if the chance with which a text met its reader was not kept.
"""

from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Material, Method, PublishedTable

__all__ = ["TABLE", "draw", "measure"]

SOURCE = """
Ours. The question is that of Lin, Ben-Michael & Morency (2024), "Optimizing language models for human preferences is a
causal inference problem", UAI, PMLR 244, whose experiments use other data and larger models; none of their figures is
compared.
"""

PROTOCOL = """
The world of `text_world`: all 8^6 texts of six tokens out of eight, another one in each draw. 1,000 texts were read and
answered. A decoder of one layer of width 24 was fitted to 3,000 further texts of the same law; each method tunes a copy
of it. *At random*: texts meet readers at random, and the chance of each text was kept. *Chosen, kept*: readers of a
hidden type that answers 1.5 higher (the other: lower) meet poor texts more often (gamma 0.5), and the chance with which
each reader was handed each text was kept. *Chosen, lost*: the same, and the first model stands for the law of the
texts. *Chosen model, texts at random*: as *at random*, but the outcome model was learned from 5,000 texts of readers
who chose.

Every method has the same loop: Adam at 0.001, at most 150 steps of 64 texts read and 64 drawn, a fifth of the texts set
apart, a look at the estimated value every 10 steps, an end after five looks without a better one, and the weights of
the best look. A model that went further than half a nat from the first one, as estimated from texts drawn, is pulled
back to it. CPO judges itself by weighted outcomes, the outcome-only objective and PPO by the outcome model, all others
by the doubly robust value, which is generous to the usual methods: they do not know it. Outcome models are ridge
regressions on counts of tokens. Nothing was chosen by the true value, summed out over all texts.

"share of gain" is (V(f) - V(first)) / (V(best) - V(first)) with V(best) that of the law of highest value at a
divergence of half a nat, exactly; "divergence" is the exact one.
"""

GAPS = """
* Divergence is limited by an estimate, so a method can end a little beyond half a nat or short of it; the exact figure
  stands beside each value.
* Options that are particular to a method are at published defaults (DPO: beta 0.1; SimPO: beta 2, margin 0.5; PPO: 0.2;
  reward-weighted: temperature of one standard deviation), not tuned.
* PPO is one round on texts drawn once, without a value network.
* DR-CPO tunes no better than CPO where the chance of each text was kept, though its estimates of a value vary less
  (`dr-values`). A row with four times as many texts drawn was added to see whether the spread of its second term is the
  reason: at random the small deficit goes, where readers chose it stays. There the outcome model is confounded itself,
  so the first term has to undo what the second adds; that this is why was not shown.
* Where texts met readers at random, DPO is as good as any: there is nothing to correct.
* Where the chance was lost, no method brings half of what could be had, and each believes in 1.6 to 2.9 times the gain
  that it brings.
"""

CELLS = {
    "at random": {},
    "chosen, kept": {"gamma": 0.5, "beta": 1.5},
    "chosen, lost": {"gamma": 0.5, "beta": 1.5, "kept": False},
    "chosen model, texts at random": {"gamma": 0.5, "beta": 1.5, "at_random": True, "log_of": 5000},
}
#: Divergence allowed, in nats, and options of every method.
DIVERGENCE = 0.5
OPTIONS = {"learning_rate": 1e-3, "steps": 150, "batch_size": 64, "draws": 1, "divergence": DIVERGENCE}


def draw(
    rng: np.random.Generator,
    *,
    gamma: float = 0.0,
    beta: float = 0.0,
    kept: bool = True,
    at_random: bool = False,
    log_of: int = 0,
    n: int = 1000,
    further: int = 3000,
) -> Material:
    """One draw.

    Parameters
    ----------
    rng : numpy Generator
    gamma, beta : float
        As :class:`~yinguo.bench.text_world.TextWorld`.
    kept : bool
        Whether the chance with which a text met its reader was kept.
    at_random : bool
        Whether the texts that are handed out meet readers at random though readers would have chosen.
    log_of : int
        Texts of readers who chose, from which the outcome model is learned beforehand; 0 leaves it to the method.
    n, further : int
        Texts read and answered; further texts of the same law that the first model is fitted to.
    """
    from yinguo.bench.policy_rows import TuningStudy
    from yinguo.bench.text_policies import log_probabilities, with_start
    from yinguo.bench.text_world import TextWorld
    from yinguo.language.fine_tuning import FineTuning
    from yinguo.language.outcome_texts import OutcomeTexts, bag_of_tokens, token_lists
    from yinguo.language.small_gpt import SmallGPT
    from yinguo.nets.blocks import make_generator

    world = TextWorld(gamma=gamma, beta=beta, random_state=rng)
    read = world.read(n, random_state=rng, at_random=at_random)
    unanswered = world.read(further, random_state=rng, at_random=at_random)
    generator = make_generator(int(rng.integers(2**62)))
    policy = SmallGPT(vocabulary=8, length=7, width=24, layers=1, heads=2, dropout=0.0, generator=generator)
    seen = OutcomeTexts(with_start(np.concatenate([read.tokens, unanswered.tokens])), np.zeros(n + further))
    FineTuning(learning_rate=3e-3, epochs=12, batch_size=128, patience=2, random_state=rng).fit(policy, seen)
    outcome_model = None
    if log_of:
        log = world.read(log_of, random_state=rng)
        tokens = with_start(log.tokens)
        outcome_model = bag_of_tokens().fit(token_lists(tokens, tokens >= 0), log.Y)
    texts = OutcomeTexts(with_start(read.tokens), read.Y, log_read=read.log_shown if kept else None)
    first = log_probabilities(policy)
    best = world.best(first, DIVERGENCE)
    return Material(
        study=TuningStudy(texts=texts, policy=policy, outcome_model=outcome_model),
        extras={"world": world, "first": first, "value": world.mean(first), "best": world.mean(best)},
    )


def measure(fitted: Any, drawn: Any) -> dict[str, float]:
    """True value of the tuned model, what share of the gain it is, and how far the model went."""
    from yinguo.bench.text_policies import log_probabilities

    world, first, best = (drawn.extras[name] for name in ("world", "value", "best"))
    law = log_probabilities(fitted.policy_)
    value = world.mean(law)
    found = {
        "share of gain": (value - first) / (best - first),
        "value": value,
        "best value": best,
        "divergence": world.divergence(law, drawn.extras["first"]),
    }
    return found if fitted.gain_ is None else {**found, "gain believed in": fitted.gain_}


def _methods() -> tuple[Method, ...]:
    def row(label: str, name: str, chosen: str = "As stated in the protocol.", **options: Any) -> Method:
        method = Build(f"yinguo.language:{name}", {**OPTIONS, **options})
        return Method(label, Build("yinguo.bench.policy_rows:TunedPolicy", {"method": method}), chosen)

    return (
        Method("first model", Build("yinguo.bench.policy_rows:FirstModel", {}), "Not tuned."),
        row("CPO", "CPO"),
        row("DR-CPO", "DRCPO"),
        row("outcome only", "OutcomeOnly"),
        row("DPO", "DPO"),
        row("SimPO", "SimPO"),
        row("reward-weighted", "RewardWeighted"),
        row("PPO, one round", "ClippedPolicy", judge="outcome"),
    )


TABLE = PublishedTable(
    name="cpo",
    title="Tuning a small language model to preferences of readers who choose what they read",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand=None,
    unit="",
    draw=draw,
    cells=tuple(Cell(name, settings) for name, settings in CELLS.items()),
    methods=(
        *_methods(),
        Method(
            "DR-CPO, four texts drawn",
            Build(
                "yinguo.bench.policy_rows:TunedPolicy",
                {"method": Build("yinguo.language:DRCPO", {**OPTIONS, "draws": 4})},
            ),
            "256 texts drawn in a step, not 64; added after the other rows were seen.",
        ),
    ),
    replications=10,
    metrics=(),
    measure=measure,
    measures=("share of gain", "divergence", "gain believed in"),
    against=("CPO",),
    seed=2404,
    quick_fraction=0.1,
)
