r"""Model Tailor for one linear layer: a patch of tuned weights that makes up for the weights it leaves out.

Given pre-trained and tuned weights :math:`\theta_{pre}, \theta_{sft}` (out x in) and inputs X of the new task, most
weights go back to their pre-trained value; the few that stay tuned (the patch, a share :math:`\rho` of each row) move a
little more (the decorator C) so that the layer's output on X stays where tuning put it:

.. math:: \theta = M \odot (\theta_{sft} + C) + (1 - M) \odot \theta_{pre}.

With :math:`H = 2 X X' / N + \lambda I` the squared change of the output is :math:`\tfrac12 \delta H \delta'`, row by
row. One weight q that goes back costs

.. math:: u_q = \frac{(\theta_{sft,q} - \theta_{pre,q})^2}{2 [H^{-1}]_{qq}}

after the best change of all others (optimal brain surgeon with the target :math:`\theta_{pre}` in place of 0). The
patch holds the largest :math:`\omega z(s) + (1 - \omega) z(u)`, :math:`s_q = |\theta_{sft,q} - \theta_{pre,q}|` and z
standardisation over the row. How the patch makes up for what goes back:
:mod:`~yinguo.language.tailor.compensation`.

Source: Zhu, Sun, Li, Shen, Yan, Ding, Wu & Kuang (2024), Model Tailor, ICML, PMLR 235:62581-62598.
"""

from dataclasses import dataclass
from typing import Any

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.checks import check_weights
from yinguo.language.tailor.compensation import (
    compensate_exact,
    compensate_in_order,
    output_error,
    scaled_to_best,
)
from yinguo.nets import torch

__all__ = [
    "COMPENSATIONS", "WIDEST_EXACT", "LayerTailor", "TailoredLayer", "choose_patch", "fused_scores",
    "sensitivity", "solver_of", "tailor_layer", "top_of_rows",
]  # fmt: skip

COMPENSATIONS = ("auto", "exact", "sequential", "none")
#: Inputs up to which "auto" solves the exact system of every row.
WIDEST_EXACT = 2000


@dataclass(frozen=True, slots=True)
class TailoredLayer:
    """A layer after tailoring.

    Attributes
    ----------
    weight : (out, in) tensor
        In the type of the tuned weights.
    patch : (out, in) boolean tensor
        Where weights stay tuned, changed by their compensation.
    error : float or None
        Root mean squared change of the output on the calibration inputs, as a share of the output's own root mean
        square. None without calibration.
    uncompensated : float or None
        The same with the same patch and no compensation.
    """

    weight: torch.Tensor
    patch: torch.Tensor
    error: float | None = None
    uncompensated: float | None = None


def tailor_layer(
    pretrained: torch.Tensor,
    tuned: torch.Tensor,
    H: torch.Tensor | None = None,
    *,
    density: float = 0.1,
    salience_weight: float = 0.5,
    compensation: str = "auto",
    damping: float = 0.01,
    legacy_score: bool = False,
    legacy_sign: bool = False,
) -> TailoredLayer:
    """Patch and decorator for one linear layer.

    Parameters
    ----------
    pretrained, tuned : (out, in) float tensors
    H : (in, in) float tensor, optional
        Second moments of the inputs, 2 X X' / N. Without them the patch holds the largest changes of each row and
        nothing is compensated.
    density : float in [0, 1]
        Share of each row that stays tuned; 1 returns the tuned weights, 0 the pre-trained ones.
    salience_weight : float in [0, 1]
        Weight of the size of the change in the score; the rest is that of its effect on the output.
    compensation : {"auto", "exact", "sequential", "none"}
        "auto" is exact up to 2,000 inputs and sequential beyond.
    damping : float, default 0.01
        Added to the diagonal of H, as a share of its mean.
    legacy_score, legacy_sign : bool
        The score and the sign of the released code, for comparison only: the weight itself in place of its change, and
        the correction of the columns to the right added in place of subtracted (which needs "sequential").

    Returns
    -------
    TailoredLayer

    Raises
    ------
    DataError
        Shapes that do not fit, options out of range, or weights or moments that are not finite.

    Examples
    --------
    >>> from yinguo.nets import torch
    >>> from yinguo.nets.blocks import make_generator
    >>> draw = lambda *shape: torch.randn(*shape, generator=make_generator(sum(shape)))
    >>> pretrained = draw(32, 64)
    >>> tuned = pretrained + 0.1 * draw(32, 64).roll(1, 0)
    >>> X = draw(500, 64)
    >>> layer = tailor_layer(pretrained, tuned, 2 * X.T @ X / 500, density=0.1)
    >>> layer.error < layer.uncompensated, int(layer.patch.sum(1).max())
    (True, 6)
    """
    for name, weight in (("pre-trained weights", pretrained), ("tuned weights", tuned)):
        check_weights(name, weight)
    if tuned.ndim != 2 or pretrained.shape != tuned.shape:
        raise DataError(f"pre-trained weights have shape {tuple(pretrained.shape)} and tuned ones "
                        f"{tuple(tuned.shape)}; a layer needs two matrices of the same shape.")  # fmt: skip
    check_number("density", density, least=0, most=1)
    if H is None:
        change = (tuned.double() - pretrained.double()).abs()
        patch = top_of_rows(change, density)
        return TailoredLayer(torch.where(patch, tuned, pretrained.to(tuned.dtype)), patch)
    if H.shape != (tuned.shape[1],) * 2:
        raise DataError(f"the moments have shape {tuple(H.shape)}; a layer of {tuned.shape[1]} inputs needs "
                        f"({tuned.shape[1]}, {tuned.shape[1]}).")  # fmt: skip
    solver = solver_of(
        H, density=density, salience_weight=salience_weight, compensation=compensation, damping=damping,
        legacy_score=legacy_score, legacy_sign=legacy_sign,
    )  # fmt: skip
    return solver.tailor(pretrained, tuned)


class LayerTailor:
    """Tailors any rows of one layer: what depends on the inputs alone is computed once.

    **Use it when** the rows of a layer come in parts, as from a file; else :func:`tailor_layer`.

    Parameters
    ----------
    H : (in, in) float tensor
    density, salience_weight, compensation, damping, legacy_score, legacy_sign
        As in :func:`tailor_layer`.
    """

    def __init__(
        self,
        H: torch.Tensor,
        *,
        density: float = 0.1,
        salience_weight: float = 0.5,
        compensation: str = "auto",
        damping: float = 0.01,
        legacy_score: bool = False,
        legacy_sign: bool = False,
    ) -> None:
        check_number("density", density, least=0, most=1)
        check_number("salience_weight", salience_weight, least=0, most=1)
        if compensation not in COMPENSATIONS:
            raise DataError(f"compensation is {compensation!r}; it must be one of {', '.join(COMPENSATIONS)}.")
        check_number("damping", damping, above=0)
        if not torch.isfinite(H).all():
            raise DataError("the moments of the inputs are not finite; look for overflow in the calibration run.")
        if H.ndim != 2 or not torch.allclose(H, H.T, rtol=1e-3, atol=1e-5 * float(H.abs().max()) if H.numel() else 0.0):
            raise DataError(f"the moments have shape {tuple(H.shape)} and are not symmetric; give 2 X X' / N.")
        self.kind = compensation
        if compensation == "auto":
            self.kind = "exact" if H.shape[0] <= WIDEST_EXACT else "sequential"
        if legacy_sign and self.kind != "sequential":
            raise DataError("legacy_sign needs compensation='sequential'; the exact solution has no sign to choose.")
        self.density, self.salience_weight = density, salience_weight
        self.legacy_score, self.legacy_sign = legacy_score, legacy_sign
        # Wide layers in single precision, as the factors of H are what memory goes into.
        self.damped = H.to(torch.float64 if H.shape[0] <= WIDEST_EXACT else torch.float32, copy=True)
        mean = float(self.damped.diagonal().mean())
        # Inputs that were all 0 leave H = 0; anything positive then serves, and nothing depends on it.
        self.added = damping * mean if mean > 0 else 1.0
        self.damped.diagonal().add_(self.added)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(self.damped))
        self.inverse_diagonal = inverse.diagonal().clone()
        needs_factor = self.kind == "sequential" or legacy_score
        self.U = torch.linalg.cholesky(inverse, upper=True) if needs_factor else None

    def tailor(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> TailoredLayer:
        """Tailor rows; shapes (rows, in)."""
        pre, sft = pretrained.to(self.damped.dtype), tuned.to(self.damped.dtype)
        salience = (sft - pre).abs()
        if self.legacy_score:
            assert self.U is not None
            cost = (sft / self.U.diagonal()).square()
        else:
            cost = sensitivity(pre, sft, self.inverse_diagonal)
        patch = choose_patch(fused_scores(salience, cost, self.salience_weight), self.density)
        plain = torch.where(patch, sft, pre)
        if self.kind == "exact":
            made = compensate_exact(pre, sft, patch, self.damped)
        elif self.kind == "sequential":
            assert self.U is not None
            made = compensate_in_order(pre, sft, patch, self.U, legacy_sign=self.legacy_sign)
            if not self.legacy_sign:
                made = scaled_to_best(made, plain, sft, self.damped)
        else:
            made = plain
        # Cast back first: outside the patch the weights are the pre-trained ones to the bit.
        weight = torch.where(patch, made.to(tuned.dtype), pretrained.to(tuned.dtype))
        scale = self._error(torch.zeros_like(sft), sft)
        errors = (self._error(w, sft) / scale if scale > 0 else 0.0 for w in (made, plain))
        return TailoredLayer(weight, patch, *(max(error, 0.0) ** 0.5 for error in errors))

    def _error(self, weight: torch.Tensor, tuned: torch.Tensor) -> float:
        """As :func:`output_error`, without the damping."""
        return output_error(weight, tuned, self.damped) - 0.5 * self.added * float((weight - tuned).square().sum())


def sensitivity(pretrained: torch.Tensor, tuned: torch.Tensor, inverse_diagonal: torch.Tensor) -> torch.Tensor:
    r"""What it costs to take one weight back, :math:`(\theta_{sft} - \theta_{pre})^2 / (2 [H^{-1}]_{qq})`.

    Parameters
    ----------
    pretrained, tuned : (out, in) tensors
    inverse_diagonal : (in,) tensor
        Diagonal of the inverse of the damped H.

    Returns
    -------
    (out, in) tensor, in squared units of the output.
    """
    return (tuned - pretrained).square() / (2 * inverse_diagonal)


def fused_scores(salience: torch.Tensor, cost: torch.Tensor, salience_weight: float = 0.5) -> torch.Tensor:
    """Both scores standardised over each row, and averaged; a row without variation counts 0."""
    return salience_weight * _standardised(salience) + (1 - salience_weight) * _standardised(cost)


def choose_patch(scores: torch.Tensor, density: float) -> torch.Tensor:
    """The best share of each row, ``round(density * in)`` weights, as a boolean tensor."""
    return top_of_rows(scores, density)


def top_of_rows(values: torch.Tensor, density: float) -> torch.Tensor:
    """True at the ``round(density * columns)`` largest values of each row; of equal ones the first are taken.

    Parameters
    ----------
    values : (rows, columns) tensor
    density : float in [0, 1]
    """
    count = round(density * values.shape[1])
    if not count:
        return torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    # Without sorting; and not as topk breaks ties, since changes of 16-bit weights have few values.
    border = values.topk(count, dim=1, sorted=False).values.amin(1, keepdim=True)
    above, equal = values > border, values == border
    return above | (equal & (equal.cumsum(1) <= count - above.sum(1, keepdim=True)))


def solver_of(H: torch.Tensor, **options: Any) -> LayerTailor:
    """A :class:`LayerTailor`, or in words why these moments allow none.

    Raises
    ------
    DataError
        Moments that are not positive definite, or that rounding leaves without a factor.
    """
    try:
        return LayerTailor(H, **options)
    except torch.linalg.LinAlgError as error:
        raise DataError("the moments of the inputs have no Cholesky factor; give 2 X X' / N of more varied inputs, or "
                        "raise damping.") from error  # fmt: skip


def _standardised(values: torch.Tensor) -> torch.Tensor:
    centred = values - values.mean(1, keepdim=True)
    spread = centred.square().mean(1, keepdim=True).sqrt()
    return torch.where(spread > 0, centred / torch.where(spread > 0, spread, 1.0), 0.0)
