r"""What moves the effect: its best linear approximation in the covariates.

.. math:: \beta = \arg\min_b E[(\tau(X) - b_0 - A' b)^2]

estimated by least squares of the doubly robust scores on A. It is right for what it is whether or not the effect is
linear, and needs no learner of effects.

Source: Semenova & Chernozhukov (2021), Econometrics Journal 24(2); Cui et al. (2023), JRSS-B 85(2), for the name.
Standard errors are HC3 (MacKinnon & White 1985), with clusters CR1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.inference import p_value
from yinguo.diagnose.fold_parts import p_words, weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.errors import DataError
from yinguo.kernels.uniform_band import covariance_of_means

__all__ = ["LinearProjection", "best_linear_projection"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProjection:
    """Coefficients of the effect.

    Attributes
    ----------
    names : k names
        ``"(constant)"`` first: the effect at the mean of the covariates, which is the average effect.
    coefficients : Intervals
        Per unit of the covariate; intervals also jointly for all but the constant.
    scale : (k,) float array
        Standard deviation of each covariate, 1 for the constant: coefficient times scale compares between covariates.
    p : (k,) float array
        Two-sided, each on its own.
    p_all : float
        Of the null that all but the constant are 0; chi-squared.
    redundant : tuple of str
        Covariates that are constant or combinations of those before them; they are left out.
    """

    names: tuple[str, ...]
    coefficients: Intervals
    scale: np.ndarray
    p: np.ndarray
    p_all: float
    redundant: tuple[str, ...] = ()

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on whether the covariates move the effect, linearly."""
        reference = "p below 0.05"
        if len(self.names) < 2:
            return Diagnostic("linear-effect", None, reference, "look", "There is no covariate to explain the effect.")
        size = np.abs(self.coefficients.estimate * self.scale)[1:]
        order = 1 + np.argsort(-size)
        sure = [j for j in order if self.coefficients.low_all[j] > 0 or self.coefficients.high_all[j] < 0]
        said = f"All slopes of the effect together: {p_words(self.p_all)}"
        if sure:
            named = ", ".join(f"{self.names[j]} ({_sign(self.coefficients.estimate[j])})" for j in sure[:5])
            said += f"; beyond chance even after looking at all: {named}"
        verdict = "ok" if self.p_all < 0.05 or sure else "look"
        if verdict == "look":
            said += "; no covariate moves the effect in a straight line beyond chance"
        return Diagnostic("linear-effect", self.p_all, reference, verdict, f"{said}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        out = {"names": list(self.names), "coefficients": self.coefficients.to_dict(), "p_all": self.p_all}
        return out | {"scale": self.scale.tolist(), "p": self.p.tolist(), "redundant": list(self.redundant)}


def _sign(value: float) -> str:
    return "more gains more" if value > 0 else "more gains less"


def best_linear_projection(
    psi, A, *, names=None, s=None, groups=None, level: float = 0.95, random_state: Any = 0
) -> LinearProjection:
    """Least squares of the scores on covariates.

    Parameters
    ----------
    psi : (n,) float array
    A : (n, k) float array
        Any covariates, chosen before looking at the outcome.
    names : k names, optional
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    random_state : int, Generator or None
        For the simultaneous intervals.

    Returns
    -------
    LinearProjection

    Raises
    ------
    DataError
        Fewer rows than coefficients.

    Source
    ------
    Semenova & Chernozhukov (2021), Econometrics Journal 24(2).
    """
    n, k = A.shape
    names = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(k))
    if len(names) != k or len(psi) != n:
        raise DataError(f"A has shape {A.shape}; there are {len(psi)} scores and {len(names)} names.")
    weight = weights_of(s, n)
    centred = A - weight @ A / n
    scale = np.sqrt(weight @ centred**2 / n)
    kept = _independent(np.sqrt(weight)[:, None] * centred, scale)
    D = np.column_stack([np.ones(n), centred[:, kept] / scale[kept]])
    if n <= D.shape[1]:
        raise DataError(f"{n} rows do not determine {D.shape[1]} coefficients; project on fewer covariates.")
    bread = np.linalg.inv(D.T @ (weight[:, None] * D) / n)
    beta = bread @ (D.T @ (weight * psi)) / n
    residual = psi - D @ beta
    if groups is None:  # HC3: a residual is shorter than the noise behind it by its leverage
        residual = residual / (1 - np.minimum(weight * np.einsum("ij,jk,ik->i", D, bread, D) / n, 0.999))
    unit = np.concatenate([[1.0], scale[kept]])
    phi = (weight * residual)[:, None] * (D @ bread) / unit
    # The factor rows/(rows - 1) of a mean comes on top; HC3 has no such factor.
    phi *= np.sqrt((n - 1) / n) if groups is None else np.sqrt((n - 1) / (n - D.shape[1]))
    estimate = beta / unit
    more: dict[str, Any] = {"groups": groups, "level": level, "random_state": random_state}
    one, rest = intervals_of(estimate[:1], phi[:, :1], **more), intervals_of(estimate[1:], phi[:, 1:], **more)
    fields = ("estimate", "se", "low", "high", "low_all", "high_all")
    both = Intervals(level=level, **{f: np.concatenate([getattr(one, f), getattr(rest, f)]) for f in fields})
    return LinearProjection(
        names=("(constant)", *(names[j] for j in kept)), coefficients=both, scale=np.concatenate([[1.0], scale[kept]]),
        p=np.array([p_value(float(b), float(e)) for b, e in zip(both.estimate, both.se)]),
        p_all=_joint_p(estimate[1:], phi[:, 1:], groups),
        redundant=tuple(names[j] for j in range(k) if j not in set(kept.tolist())),
    )  # fmt: skip


def _independent(C, scale) -> np.ndarray:
    """Columns that vary and are no combination of those before them."""
    kept: list[int] = []
    basis = np.empty((len(C), 0))
    for j in np.flatnonzero(scale > 0):
        column = C[:, j] / np.linalg.norm(C[:, j])
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)  # twice is enough, once is not
        if np.linalg.norm(rest) > 1e-6:
            kept.append(int(j))
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return np.array(kept, dtype=np.int64)


def _joint_p(estimate, phi, groups) -> float:
    if len(estimate) == 0:
        return 1.0
    V = covariance_of_means(phi, groups)
    if groups is not None and int(groups.max()) < len(estimate):
        return float("nan")  # fewer clusters than slopes: the covariance has no inverse
    return float(stats.chi2.sf(estimate @ np.linalg.lstsq(V, estimate, rcond=None)[0], len(estimate)))
