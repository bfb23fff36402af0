r"""The usual ways to tune a model to preferences, under the same loop as :mod:`yinguo.language.cpo`.

None of them asks how texts came to their readers. They learn from who liked what among those who read it, and inherit
whatever drew those readers to those texts. Formulas and sources: :mod:`yinguo.language.preference_losses`.

Pairs are made of direct outcomes: two texts at random, that with the higher outcome wins; texts with the same prompt,
if prompts differ.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.language.policy_run import batch_scores, score_drawn
from yinguo.language.policy_tuning import PolicyTuning
from yinguo.language.preference_losses import (
    clipped_ratio_loss,
    divergence_estimate,
    dpo_loss,
    reward_weighted_loss,
    simpo_loss,
)  # fmt: skip
from yinguo.nets import torch
from yinguo.nets.trainer import Batch

__all__ = ["DPO", "ClippedPolicy", "RewardWeighted", "SimPO", "make_pairs"]


def make_pairs(Y: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of rows, the one with the higher outcome first.

    Parameters
    ----------
    Y : (n,) float array
    groups : (n,) int array
        Rows are paired within groups.
    count : int
        Pairs to draw for each row; pairs of equal outcomes are dropped.
    rng : numpy Generator

    Returns
    -------
    (pairs, 2) int array

    Raises
    ------
    DataError
        No pair with different outcomes.
    """
    first, second = [], []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if len(members) > 1:
            mine = np.repeat(members, count)
            # Any other member: a step of 1 to n - 1 around the circle.
            step = rng.integers(1, len(members), size=len(mine))
            first.append(mine)
            second.append(members[(np.repeat(np.arange(len(members)), count) + step) % len(members)])
    i, j = (np.concatenate(part) if part else np.empty(0, dtype=int) for part in (first, second))
    pairs = np.where((Y[i] > Y[j])[:, None], np.column_stack([i, j]), np.column_stack([j, i]))
    pairs = pairs[Y[i] != Y[j]]
    if not len(pairs):
        raise DataError(
            "no two texts with the same prompt have different outcomes, so there are no pairs; use DRCPO, which needs "
            "none."
        )
    return pairs


class _Paired(PolicyTuning):
    """Methods that learn from pairs."""

    pairs: int

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        check_whole("pairs", self.pairs)

    def material(self, data: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The two texts of each pair, with what goes with them."""
        starts = [
            tuple(row[real][:given].tolist())
            for row, real, given in zip(data["tokens"], data["padding"], data["prompt"].tolist(), strict=True)
        ]
        known = {start: k for k, start in enumerate(dict.fromkeys(starts))}
        groups = np.array([known[start] for start in starts])
        won, lost = make_pairs(data["Y"].numpy().astype(np.float64), groups, self.pairs, rng).T
        fields = ("tokens", "padding", "log_first")
        return {
            "prompt": data["prompt"][won],
            **{f"{name}_won": data[name][won] for name in fields},
            **{f"{name}_lost": data[name][lost] for name in fields},
        }


class DPO(_Paired):
    r"""Direct preference optimisation: :math:`-\log\sigma(\beta(\ell_w - \ell_l))`.

    **Use it when** preferences were given by the same readers to both texts of a pair, or texts met readers at random.
    **Not when** readers chose their texts: the better text of a pair may just have had the kinder reader.

    **Assumes** that which of two texts wins does not depend on who read which.

    **Where we differ from the paper or its code, and why.** The loss is the paper's; pairs are made of direct outcomes,
    and what is kept is decided by the value of texts set apart.

    Parameters
    ----------
    strength : float, default 0.1
        The paper's beta.
    pairs : int, default 2
        Pairs for each text read.
    **options
        As :class:`~yinguo.language.policy_tuning.PolicyTuning`.
    """

    def __init__(self, *, strength: float = 0.1, pairs: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength
        self.pairs = pairs

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        check_number("strength", self.strength, above=0)

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The loss over the pairs of a batch."""
        won, lost = (
            batch_scores(policy, batch, f"tokens_{side}", f"padding_{side}").total - batch[f"log_first_{side}"]
            for side in ("won", "lost")
        )
        return {"pairs": dpo_loss(won, lost, strength=self.strength)}


class SimPO(_Paired):
    r"""Simple preference optimisation: :math:`-\log\sigma(\beta(\bar p_w - \bar p_l) - \gamma)`.

    **Use it when** as :class:`DPO`, and no first model is at hand. **Not when** the model must stay near what it was:
    nothing but the early end of tuning holds it there.

    **Assumes** as :class:`DPO`.

    **Where we differ from the paper or its code, and why.** As :class:`DPO`.

    Parameters
    ----------
    strength : float, default 2.0
        The paper's beta.
    margin : float, default 0.5
        The paper's gamma.
    pairs : int, default 2
        Pairs for each text read.
    **options
        As :class:`~yinguo.language.policy_tuning.PolicyTuning`.
    """

    def __init__(self, *, strength: float = 2.0, margin: float = 0.5, pairs: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.strength = strength
        self.margin = margin
        self.pairs = pairs

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        check_number("strength", self.strength, above=0)
        check_number("margin", self.margin)

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The loss over the pairs of a batch."""
        won, lost = (batch_scores(policy, batch, f"tokens_{side}", f"padding_{side}").mean for side in ("won", "lost"))
        return {"pairs": simpo_loss(won, lost, strength=self.strength, margin=self.margin)}


class RewardWeighted(PolicyTuning):
    r"""Reward-weighted regression: fine-tuning in which a text counts :math:`\exp(Y / \tau)`.

    **Use it when** a simple, stable step up from fine-tuning is enough. **Not when** the outcome is mostly noise: it
    learns the texts of lucky readers.

    **Assumes** as :class:`DPO`.

    **Where we differ from the paper or its code, and why.** One step of an iterated algorithm, from texts read before.

    Parameters
    ----------
    temperature : float, default 1.0
        In standard deviations of the outcome.
    **options
        As :class:`~yinguo.language.policy_tuning.PolicyTuning`.
    """

    def __init__(self, *, temperature: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.temperature = temperature

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        check_number("temperature", self.temperature, above=0)

    def material(self, data: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The texts, their outcomes in standard deviations."""
        Y = data["Y"]
        return {**data, "Y": (Y - Y.mean()) / Y.std().clamp_min(1e-12)}

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The weighted likelihood of a batch."""
        log_f = batch_scores(policy, batch).total
        return {"likelihood": reward_weighted_loss(log_f, batch["Y"], temperature=self.temperature)}


class ClippedPolicy(PolicyTuning):
    r"""PPO's clipped objective on texts of the fixed model, the outcome model giving the reward.

    **Use it when** a baseline of that kind is wanted. **Not when** the outcome model was learned from texts that
    readers chose: as :class:`~yinguo.language.OutcomeOnly`.

    **Assumes** as :class:`~yinguo.language.OutcomeOnly`.

    **Where we differ from the paper or its code, and why.** One round: texts are drawn once, from the first model, and
    no value network is learned; the advantage is the predicted outcome less its mean, in standard deviations.

    Parameters
    ----------
    ratio_clip : float, default 0.2
        The paper's epsilon, for the ratio of each token.
    divergence_strength : float, default 0.0
        What a nat of divergence from the first model costs.
    **options
        As :class:`~yinguo.language.policy_tuning.PolicyTuning`.
    """

    def __init__(self, *, ratio_clip: float = 0.2, divergence_strength: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.ratio_clip = ratio_clip
        self.divergence_strength = divergence_strength

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        check_number("ratio_clip", self.ratio_clip, above=0)
        check_number("divergence_strength", self.divergence_strength, least=0)

    def material(self, data: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The texts drawn, their predicted outcomes in standard deviations."""
        g = data["g_drawn"]
        return {**data, "g_drawn": (g - g.mean()) / g.std().clamp_min(1e-12)}

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The clipped objective on the texts drawn."""
        scores = score_drawn(policy, batch)
        ratios = scores.by_token - batch["by_token_drawn"].flatten(0, 1)
        out = {"clipped": clipped_ratio_loss(ratios, scores.scored, batch["g_drawn"].flatten(), clip=self.ratio_clip)}
        if self.divergence_strength:
            gone = divergence_estimate(scores.total - batch["log_drawn"].flatten())
            out["divergence"] = self.divergence_strength * gone
        return out
