r"""Preference optimisation as causal inference: raise the value of a model over all readers.

A reader was handed a text and answered with a number. Which texts were read may have to do with who read them. CPO
maximises the weighted mean of the answers, DR-CPO the doubly robust value, with an outcome model on texts drawn from
the model as it was, corrected by what that model misses on the texts read; the outcome-only objective trusts the
outcome model. See :mod:`yinguo.language.off_policy` for the values and :mod:`yinguo.language.preference_losses` for the
objectives.

Not to be taken for *contrastive* preference optimisation, which goes by the same three letters elsewhere.

Source: Lin, Ben-Michael & Morency (2024), "Optimizing language models for human preferences is a causal inference
problem", UAI, PMLR 244, arXiv 2402.14979.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.policy_run import batch_scores, score_drawn
from yinguo.language.policy_tuning import PolicyTuning
from yinguo.language.preference_losses import divergence_estimate, entropy_estimate, value_objective
from yinguo.nets import torch
from yinguo.nets.trainer import Batch

__all__ = ["CPO", "DRCPO", "OutcomeOnly"]


class DRCPO(PolicyTuning):
    r"""Doubly robust causal preference optimisation.

    Maximises :math:`c_{ipw} \overline{w (Y - \hat g)} + c_{out} \overline{\tilde w \hat g}` and, where asked for,
    :math:`\eta H(f) - \kappa\, KL(f \| f_0)`.

    **Use it when** each text comes with an outcome of its own (a rating, a click, a sale), and either the chance with
    which texts were handed out is known or estimated well, or a good outcome model is at hand. **Not when** texts are
    long and the model is to go far: the weights of some hundred tokens leave no effective sample, and tuning ends at
    once (``looks_`` shows it). Not when all you have are pairs: then :class:`~yinguo.language.DPO`.

    **Assumes** that texts were handed out at random given what ``log_read`` knows, or that the outcome model is right
    for all readers; that every text the tuned model writes could have been read; and that a reader's answer depends on
    the text read alone.

    **Where we differ from the paper or its code, and why.** Log-probabilities are normalised, shifted and blind to
    padding; both terms have the same scale and the same weights (the code scales the first by orders of magnitude
    less); clipping bounds log-ratios before they are normalised, since after it a bound at 0.8 binds for nearly every
    text; the outcome model is cross-fitted; what is kept is decided by a value of texts set apart, not by the loss; a
    stop rule watches the effective sample size. Larger outcomes are better; pass ``-Y`` to lower them.

    Parameters
    ----------
    c_ipw, c_out : float, default 1.0
        What either term counts. ``c_ipw=0`` is :class:`OutcomeOnly`.
    entropy_strength : float, default 0.0
        What a nat of the model's entropy is worth, in the unit of the outcome.
    divergence_strength : float, default 0.0
        What a nat of divergence from the first model costs, in the unit of the outcome.
    **options
        As :class:`~yinguo.language.policy_tuning.PolicyTuning`.

    Examples
    --------
    >>> import numpy as np
    >>> from yinguo.language import SmallGPT
    >>> from yinguo.language.outcome_texts import OutcomeTexts
    >>> from yinguo.nets.blocks import make_generator
    >>> gpt = SmallGPT(vocabulary=4, length=5, width=8, layers=1, heads=2, dropout=0.0, generator=make_generator(0))
    >>> rng = np.random.default_rng(0)
    >>> tokens = np.column_stack([np.zeros(200), rng.integers(4, size=(200, 4))])
    >>> likes_threes = (tokens == 3).sum(axis=1) + rng.normal(size=200)
    >>> read = OutcomeTexts(torch.as_tensor(tokens).long(), likes_threes, log_read=np.full(200, 4 * np.log(1 / 4)))
    >>> tuned = DRCPO(learning_rate=3e-3, steps=100, random_state=0).fit(gpt, read)
    >>> bool(tuned.best_.estimate > tuned.first_.estimate + 0.5)
    True
    """

    def __init__(
        self,
        *,
        c_ipw: float = 1.0,
        c_out: float = 1.0,
        entropy_strength: float = 0.0,
        divergence_strength: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.c_ipw = c_ipw
        self.c_out = c_out
        self.entropy_strength = entropy_strength
        self.divergence_strength = divergence_strength

    def check_options(self) -> None:
        """See :meth:`~yinguo.language.policy_tuning.PolicyTuning.check_options`."""
        super().check_options()
        for name in ("c_ipw", "c_out", "divergence_strength"):
            check_number(name, getattr(self, name), least=0)
        check_number("entropy_strength", self.entropy_strength)
        if not self.c_ipw and not self.c_out:
            raise DataError("c_ipw and c_out are both 0, so no outcome counts; raise one of them.")

    def losses(self, policy: Any, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The negative of the estimated value, and of what is added to it."""
        read: dict[str, Any] = {}
        if self.c_ipw:
            ell = batch_scores(policy, batch).total - batch["log_read"]
            read = {"Y": batch["Y"], "log_ratio": ell, "g": batch["g"] if self.c_out else None}
        drawn: dict[str, Any] = {}
        extra: dict[str, torch.Tensor] = {}
        if self.c_out or self.entropy_strength or self.divergence_strength:
            log_f = score_drawn(policy, batch).total
            ell_drawn = log_f - batch["log_drawn"].flatten()
            if self.c_out:
                drawn = {"g_drawn": batch["g_drawn"].flatten(), "log_ratio_drawn": ell_drawn}
            if self.entropy_strength:
                extra["entropy"] = -self.entropy_strength * entropy_estimate(log_f, ell_drawn)
            if self.divergence_strength:
                extra["divergence"] = self.divergence_strength * divergence_estimate(ell_drawn)
        value = value_objective(
            **read, **drawn, c_ipw=self.c_ipw, c_out=self.c_out, normalise=self.normalise, clip=self.clip
        )
        return {"value": -value, **extra}


class CPO(DRCPO):
    """Causal preference optimisation: the weighted mean of the outcomes themselves.

    **Use it when** the chance with which texts were handed out is known and no outcome model can be trusted. **Not
    when** one can: :class:`DRCPO` has the smaller variance.

    **Assumes** the first and the last two of :class:`DRCPO`.

    **Where we differ from the paper or its code, and why.** As :class:`DRCPO`.

    Parameters
    ----------
    **options
        As :class:`DRCPO`, without ``c_ipw`` and ``c_out``.
    """

    judged_by: ClassVar[str] = "ipw"

    def __init__(self, **options: Any) -> None:
        super().__init__(c_ipw=1.0, c_out=0.0, **options)


class OutcomeOnly(DRCPO):
    """The outcome model alone, on weighted texts of the fixed model.

    **Use it when** the outcome model was learned from texts handed out at random and is good. **Not when** it was
    learned from texts that readers chose: its errors become the aim, and nothing corrects them.

    **Assumes** that the outcome model is right for all readers on whatever the tuned model writes.

    **Where we differ from the paper or its code, and why.** As :class:`DRCPO`.

    Parameters
    ----------
    **options
        As :class:`DRCPO`, without ``c_ipw`` and ``c_out``.
    """

    judged_by: ClassVar[str] = "outcome"

    def __init__(self, **options: Any) -> None:
        super().__init__(c_ipw=0.0, c_out=1.0, **options)
