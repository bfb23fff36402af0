r"""What would readers make of the texts of another model? Values of a policy from texts that were read already.

Texts :math:`X_i` were read and their outcomes :math:`Y_i` noted; :math:`P^R(X_i)` is the chance with which each was
handed to its reader. Further texts :math:`\tilde X_j` are drawn from a model :math:`f_0` that stays as it is. With
:math:`g(x)` the mean outcome of a text over all readers, the value of a model f is
:math:`V(f) = \sum_x P^f(x) g(x)`, and

.. math::

   V_{IPW} &= \frac1n \sum_i \frac{P^f(X_i)}{P^R(X_i)} Y_i, \qquad
   V_{out} = \frac1m \sum_j \frac{P^f(\tilde X_j)}{P^{f_0}(\tilde X_j)} \hat g(\tilde X_j), \\
   V_{DR} &= \frac1n \sum_i \frac{P^f(X_i)}{P^R(X_i)} \big(Y_i - \hat g(X_i)\big) + V_{out}.

The last is right if either :math:`P^R` or :math:`\hat g` is. Weights are formed from differences of log-probabilities;
they may be clipped there, at :math:`\pm c`, and divided by their mean. Whatever is chosen holds for both sums.

Source: Lin, Ben-Michael & Morency (2024), "Optimizing language models for human preferences is a causal inference
problem", UAI, PMLR 244, arXiv 2402.14979, as told in a tutorial; the released code was compared, the paper's text was
not. Where we differ: the released code sums logits that are neither normalised nor shifted, and scales the two sums of
the third formula by different constants, unless an option is set. Standard errors, intervals and the check of the
weights are ours.
"""

from dataclasses import dataclass, replace

import numpy as np

from yinguo.core.checks import check_number
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.inference import normal_quantile
from yinguo.errors import DataError
from yinguo.language.checks import as_numbers

__all__ = [
    "PolicyValue", "doubly_robust_value", "effective_share", "importance_weights", "inverse_probability_value",
    "outcome_value", "weights_check",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    r"""The value of a model, with what it takes to judge it.

    Attributes
    ----------
    method : str
        "ipw", "outcome" or "dr".
    estimate : float
        In the unit of the outcome.
    se : float
        Standard error, for a :math:`\hat g` that was learned elsewhere or on other folds; NaN from a single text.
    phi : (n,) float array
        Centred influence values of the texts that were read; empty where they are not used.
    phi_drawn : (m,) float array
        The same of the texts drawn from the fixed model.
    diagnostics : tuple of Diagnostic
        The effective sample size of the weights, of either kind of texts.
    """

    method: str
    estimate: float
    se: float
    phi: np.ndarray
    phi_drawn: np.ndarray
    diagnostics: tuple[Diagnostic, ...] = ()
    estimand: str = "value"
    notes: tuple[str, ...] = ()

    def ci(self, level: float = 0.95) -> tuple[float, float]:
        """Interval by the normal approximation; it is too short where few texts hold most of the weight."""
        half = normal_quantile(level) * self.se
        return self.estimate - half, self.estimate + half

    def __sub__(self, other: "PolicyValue") -> "PolicyValue":
        """What one model is worth more than another, from the same texts."""
        if not isinstance(other, PolicyValue):
            return NotImplemented
        if self.phi.shape != other.phi.shape or self.phi_drawn.shape != other.phi_drawn.shape:
            raise DataError(
                f"the two values rest on {len(self.phi)} and {len(other.phi)} texts read, {len(self.phi_drawn)} and "
                f"{len(other.phi_drawn)} drawn; a difference needs the same texts."
            )
        phi, drawn = self.phi - other.phi, self.phi_drawn - other.phi_drawn
        return replace(self, method=f"{self.method} - {other.method}", estimate=self.estimate - other.estimate,
                       se=_standard_error(phi, drawn), phi=phi, phi_drawn=drawn)  # fmt: skip


def importance_weights(log_ratio, *, normalise: bool = True, clip: float | None = None) -> np.ndarray:
    r"""Weights :math:`w = \exp(\ell)`, with :math:`\ell` clipped to :math:`\pm c` and then divided by their mean.

    Clipping buys variance with bias. Division by the mean makes an estimate one of a weighted average: a constant
    added to all outcomes is added to it, and constants in the log-probabilities cancel (as long as nothing is clipped).

    Parameters
    ----------
    log_ratio : (n,) float array
        Differences of log-probabilities, in nats.
    normalise : bool, default True
        Divide by the mean.
    clip : float or None, default None
        The bound c; None is no bound.

    Returns
    -------
    (n,) float array

    Raises
    ------
    DataError
        No entries, entries that are no numbers, a bound that is not positive, or weights too large to be held.
    """
    ell = as_numbers("log_ratio", log_ratio)
    if ell.ndim != 1 or not len(ell) or not np.isfinite(ell).all():
        raise DataError(
            f"log_ratio has shape {ell.shape} and {int((~np.isfinite(ell)).sum())} entries that are no finite numbers; "
            "give one difference of log-probabilities for each text."
        )
    if clip is not None:
        check_number("clip", clip, above=0)
        ell = np.clip(ell, -clip, clip)
    if normalise:
        w = np.exp(ell - ell.max())
        return w / w.mean()
    if ell.max() > 700:
        raise DataError(f"a weight is exp({ell.max():.0f}), which cannot be held; set normalise=True or clip.")
    return np.exp(ell)


def effective_share(weights) -> float:
    r"""Effective sample size as a share of all rows, :math:`(\sum w)^2 / (n \sum w^2)`: 1 for equal weights."""
    w = _column(weights, "weights")
    if not len(w) or w.min() < 0 or not w.any():
        raise DataError(f"there are {len(w)} weights, {int((w < 0).sum())} of them negative; give some above 0.")
    w = w / max(w.max(), 1e-300)
    return float(w.sum() ** 2 / (len(w) * (w @ w)))


def weights_check(weights, what: str = "texts read") -> Diagnostic:
    """Whether weights leave enough texts to learn from: stop below a tenth of them, look below a third."""
    share = effective_share(weights)
    verdict = "stop" if share < 0.1 else "look" if share < 1 / 3 else "ok"
    advice = {
        "stop": "the model is too far from the one that wrote them, and neither estimate nor interval can be trusted",
        "look": "the model has moved far from the one that wrote them; intervals are too short",
        "ok": "the model is near enough to the one that wrote them",
    }[verdict]
    sentence = f"the {len(weights)} {what} count as {share * len(weights):.0f}: {advice}."
    return Diagnostic("effective-share", share, "at least 0.1, better a third", verdict, sentence)


def inverse_probability_value(Y, log_ratio, *, normalise: bool = True, clip: float | None = None) -> PolicyValue:
    """Value from the outcomes of texts that were read, weighted.

    Parameters
    ----------
    Y : (n,) float array
    log_ratio : (n,) float array
        log P^f - log P^R of each text.
    normalise, clip
        As :func:`importance_weights`.
    """
    Y = _column(Y, "Y")
    w = importance_weights(log_ratio, normalise=normalise, clip=clip)
    estimate, phi = _weighted(w, Y, normalise, "Y")
    return _value("ipw", estimate, phi, np.empty(0), (weights_check(w),))


def outcome_value(g_drawn, log_ratio_drawn, *, normalise: bool = True, clip: float | None = None) -> PolicyValue:
    """Value from an outcome model alone, on texts drawn from the fixed model.

    Parameters
    ----------
    g_drawn : (m,) float array
        Predicted outcome of each text.
    log_ratio_drawn : (m,) float array
        log P^f - log P^f0 of each text.
    normalise, clip
        As :func:`importance_weights`.
    """
    g = _column(g_drawn, "g_drawn")
    w = importance_weights(log_ratio_drawn, normalise=normalise, clip=clip)
    estimate, phi = _weighted(w, g, normalise, "g_drawn")
    return _value("outcome", estimate, np.empty(0), phi, (weights_check(w, "texts drawn"),))


def doubly_robust_value(
    Y, g, log_ratio, g_drawn, log_ratio_drawn, *, normalise: bool = True, clip: float | None = None
) -> PolicyValue:
    """Value from the outcome model, corrected by what it misses on texts that were read.

    Parameters
    ----------
    Y, g : (n,) float arrays
        Outcome and predicted outcome of the texts read, the prediction from other folds or other data.
    log_ratio : (n,) float array
        log P^f - log P^R of each text read.
    g_drawn, log_ratio_drawn : (m,) float arrays
        As :func:`outcome_value`.
    normalise, clip
        As :func:`importance_weights`, for both kinds of texts.
    """
    Y, g = _column(Y, "Y"), _column(g, "g")
    if len(Y) != len(g):
        raise DataError(f"Y has {len(Y)} entries and g {len(g)}; give one of each for every text read.")
    residual = Y - g
    w = importance_weights(log_ratio, normalise=normalise, clip=clip)
    correction, phi = _weighted(w, residual, normalise, "Y")
    model = outcome_value(g_drawn, log_ratio_drawn, normalise=normalise, clip=clip)
    checks = (weights_check(w), *model.diagnostics)
    return _value("dr", correction + model.estimate, phi, model.phi_drawn, checks)


def _weighted(w: np.ndarray, y: np.ndarray, normalised: bool, name: str) -> tuple[float, np.ndarray]:
    """A weighted mean and its influence values; those of a ratio of means where the weights were normalised."""
    if len(w) != len(y):
        raise DataError(f"{name} has {len(y)} entries and its log ratio {len(w)}; give one of each for every text.")
    mean = float((w * y).mean())
    return mean, w * (y - mean) if normalised else w * y - mean


def _value(method: str, estimate: float, phi: np.ndarray, drawn: np.ndarray, checks) -> PolicyValue:
    return PolicyValue(method=method, estimate=estimate, se=_standard_error(phi, drawn), phi=phi, phi_drawn=drawn,
                       diagnostics=tuple(checks))  # fmt: skip


def _standard_error(phi: np.ndarray, drawn: np.ndarray) -> float:
    """Of a sum of two means from independent samples; one text alone does not tell how much texts differ."""
    if 1 in (len(phi), len(drawn)):
        return float("nan")
    return float(np.sqrt(sum(part @ part / (len(part) * (len(part) - 1)) for part in (phi, drawn) if len(part) > 1)))


def _column(values, name: str) -> np.ndarray:
    column = as_numbers(name, values)
    if column.ndim != 1 or not np.isfinite(column).all():
        raise DataError(
            f"{name} has shape {column.shape} or entries that are no finite numbers; give one number a text."
        )
    return column
