r"""Penalties that ask an attention graph to be a causal one: no cycles, and small Markov boundaries.

With :math:`A_0` the attention of one head without its diagonal, entry (i, j) read as "j is a parent of i":

.. math::
    h(A) = \mathrm{tr}\exp(A_0 \odot A_0) - T, \qquad
    M(A) = A_0 + A_0^\top + A_0^\top A_0, \qquad
    L = L_\text{task} + \lambda_1 \lVert M \rVert_1 / T^2 + \alpha h + \tfrac{\rho}{2} h^2 .

:math:`h` is zero exactly where the graph has no cycle; :math:`M` is a smooth moral graph, whose neighbours of a token
are its Markov boundary: parents, children, and other parents of its children. After each outer round
:math:`\alpha \leftarrow \alpha + \rho h`, and :math:`\rho` is raised where :math:`h` has not fallen enough.

**In a decoder** the mask leaves nothing above the diagonal; there is no cycle and h is zero with a zero gradient: the
penalty does nothing there. **With rows that sum to one** there is an easy way out in an encoder: a token that attends
to itself has no parents, and attention on the diagonal makes every term zero. Look at the diagonal before calling a
small h a causal graph (:attr:`Round.diagonal`).

Sources: cycles, Zheng, Aragam, Ravikumar & Xing (2018), NeurIPS; the polynomial, Yu, Chen, Gao & Yu (2019), ICML. The
paper on the causal Transformer says in its abstract that a smooth penalty of this kind is optimised by duality; these
terms and this schedule are our reconstruction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.nets import torch

__all__ = ["GraphPenalty", "Round", "acyclicity", "boundary_size", "diagonal_share", "moral_graph"]


def acyclicity(attention: torch.Tensor, *, form: str = "exp", real: torch.Tensor | None = None) -> torch.Tensor:
    r"""How much of a graph runs in cycles; zero where there are none.

    ``"exp"``: :math:`\mathrm{tr}\exp(A_0 \odot A_0) - T`. ``"polynomial"``: :math:`\mathrm{tr}(I + A_0 \odot
    A_0 / T)^T - T`, which needs powers alone. A cycle of k tokens adds the product of its squared weights, over (k-1)!
    in the first form.

    Parameters
    ----------
    attention : (B, H, T, T) tensor
        Or any batch of square matrices; entry (i, j) is the weight that i gives to j.
    form : {"exp", "polynomial"}
    real : (B, T) boolean tensor, optional
        False at padding, whose edges do not count.

    Returns
    -------
    (B, H) tensor
        At least zero. Computed in double precision: the trace is T plus something small.

    Source
    ------
    Zheng, Aragam, Ravikumar & Xing (2018), NeurIPS; Yu, Chen, Gao & Yu (2019), ICML.
    """
    if form not in ("exp", "polynomial"):
        raise DataError(f"form is {form!r}; it must be 'exp' or 'polynomial'.")
    squares = _edges(attention, real).double().square()
    length = squares.shape[-1]
    if form == "exp":
        powers = torch.linalg.matrix_exp(squares)
    else:
        powers = torch.linalg.matrix_power(torch.eye(length).to(squares) + squares / length, length)
    return (powers.diagonal(dim1=-2, dim2=-1).sum(-1) - length).to(attention.dtype)


def moral_graph(attention: torch.Tensor, *, real: torch.Tensor | None = None) -> torch.Tensor:
    r"""Who stands in whose Markov boundary, smoothly: :math:`A_0 + A_0^\top + A_0^\top A_0` without its diagonal.

    The diagonal of the last term says only that a token is its own fellow parent, so it is left out; that is ours.

    Parameters
    ----------
    attention : (B, H, T, T) tensor
    real : (B, T) boolean tensor, optional
        False at padding.

    Returns
    -------
    (B, H, T, T) tensor
        Symmetric, at least zero.
    """
    edges = _edges(attention, real)
    back = edges.transpose(-1, -2)
    return _without_diagonal(edges + back + back @ edges)


def boundary_size(attention: torch.Tensor, *, real: torch.Tensor | None = None) -> torch.Tensor:
    r"""Size of the Markov boundaries, :math:`\lVert M \rVert_1 / T^2`, T counting real tokens.

    Parameters
    ----------
    attention : (B, H, T, T) tensor
    real : (B, T) boolean tensor, optional
        False at padding.

    Returns
    -------
    (B, H) tensor
    """
    return moral_graph(attention, real=real).sum((-2, -1)) / _count(attention, real).square()


def diagonal_share(attention: torch.Tensor, *, real: torch.Tensor | None = None) -> torch.Tensor:
    """Mean weight that a real token gives to itself, (B, H): one means a graph without edges."""
    _check(attention, real)
    own = attention.diagonal(dim1=-2, dim2=-1)
    if real is not None:
        own = own * real[:, None, :]
    return own.sum(-1) / _count(attention, real)


@dataclass(frozen=True, slots=True)
class Round:
    """One outer round of the schedule.

    Attributes
    ----------
    number : int
        Counted from 1.
    h, boundary, diagonal : float
        Means over the batches, layers and heads of the round.
    alpha, rho : float
        Strengths that held during it.
    """

    number: int
    h: float
    boundary: float
    diagonal: float
    alpha: float
    rho: float


class GraphPenalty:
    r"""The penalty terms of a loss and, as a callback of the trainer, the schedule of their strengths.

    ``losses(attentions)`` in the losses of a network; the object itself among the ``callbacks`` of
    :class:`yinguo.nets.trainer.Trainer`. It takes the attention of any model, ours or one of transformers.

    Parameters
    ----------
    boundary_strength : float
        :math:`\lambda_1`, the weight of the size of Markov boundaries.
    alpha, rho : float
        Strengths of h and of its square over two in the first round.
    form : {"exp", "polynomial"}
        Of :func:`acyclicity`.
    shrink : float in (0, 1)
        A round in which h has not fallen to this share of the last raises ``rho``.
    growth, largest : float
        Factor by which it is raised, and where it ends.
    every : int
        Epochs in a round.

    Attributes
    ----------
    rounds : list of Round
        What has happened.

    Examples
    --------
    >>> from yinguo.nets import torch
    >>> penalty = GraphPenalty(rho=2.0)
    >>> cycle = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    >>> terms = penalty.losses([cycle])
    >>> penalty(None, None)
    >>> round(penalty.rounds[0].h, 4), round(penalty.alpha, 4)
    (1.0862, 2.1723)
    """

    def __init__(
        self,
        *,
        boundary_strength: float = 0.0,
        alpha: float = 0.0,
        rho: float = 1e-3,
        form: str = "exp",
        shrink: float = 0.25,
        growth: float = 10.0,
        largest: float = 1e6,
        every: int = 1,
    ) -> None:
        for name, value in (("boundary_strength", boundary_strength), ("alpha", alpha), ("rho", rho)):
            check_number(name, value, least=0)
        check_number("shrink", shrink, above=0, below=1)
        check_number("growth", growth, least=1)
        check_number("largest", largest, least=0)
        check_whole("every", every)
        self.boundary_strength = boundary_strength
        self.alpha, self.rho = alpha, rho
        self.form = form
        self.shrink, self.growth, self.largest = shrink, growth, largest
        self.every = every
        self.rounds: list[Round] = []
        self._seen: list[torch.Tensor] = []
        self._epochs = 0

    def losses(self, attentions: Sequence[torch.Tensor], real: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """The two terms by name, averaged over layers, heads and rows.

        Parameters
        ----------
        attentions : sequence of (B, H, T, T) tensors
        real : (B, T) boolean tensor, optional
            False at padding.
        """
        if not attentions or any(one is None for one in attentions):
            raise DataError("no attention was given; ask the model for it (output_attentions=True, "
                            "attn_implementation='eager').")  # fmt: skip
        h = _mean([acyclicity(a, form=self.form, real=real) for a in attentions])
        boundary = _mean([boundary_size(a, real=real) for a in attentions])
        if torch.is_grad_enabled():  # a look at held-out rows is no part of the round
            with torch.no_grad():
                diagonal = _mean([diagonal_share(a, real=real) for a in attentions])
                self._seen.append(torch.stack([h.detach(), boundary.detach(), diagonal]))
        return {"cycles": self.alpha * h + self.rho / 2 * h.square(), "boundary": self.boundary_strength * boundary}

    def __call__(self, epoch: Any, network: Any) -> None:
        """After an epoch: close the round if it is over, and set the strengths of the next."""
        self._epochs += 1
        if self._epochs % self.every or not self._seen:
            return
        h, boundary, diagonal = torch.stack(self._seen).mean(0).tolist()
        self._seen = []
        before = self.rounds[-1].h if self.rounds else None
        self.rounds.append(Round(len(self.rounds) + 1, h, boundary, diagonal, self.alpha, self.rho))
        self.alpha += self.rho * h
        if before is not None and h > self.shrink * before:
            self.rho = min(self.growth * self.rho, self.largest)


def _edges(attention: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
    _check(attention, real)
    if real is not None:
        real = real.bool()
        attention = attention * (real[:, None, :, None] & real[:, None, None, :])
    return _without_diagonal(attention)


def _check(attention: torch.Tensor, real: torch.Tensor | None) -> None:
    """Refuse what is no batch of square matrices of floats, and padding of another shape."""
    if not isinstance(attention, torch.Tensor) or attention.ndim < 2 or not attention.is_floating_point():
        raise DataError(f"attention is a {getattr(attention, 'dtype', type(attention).__name__)}; give a tensor of "
                        "floats, (B, H, T, T).")  # fmt: skip
    if attention.shape[-1] != attention.shape[-2]:
        raise DataError(f"attention has shape {tuple(attention.shape)}; a graph over tokens needs square matrices, so "
                        "let the model read the whole sequence at once (use_cache=False).")  # fmt: skip
    if real is not None and (attention.ndim != 4 or real.shape != (len(attention), attention.shape[-1])):
        raise DataError(f"real has shape {tuple(real.shape)} and attention {tuple(attention.shape)}; they must be "
                        "(B, T) and (B, H, T, T).")  # fmt: skip


def _without_diagonal(square: torch.Tensor) -> torch.Tensor:
    own = torch.eye(square.shape[-1], dtype=torch.bool, device=square.device)
    return square.masked_fill(own, 0.0)


def _count(attention: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
    if real is None:
        return torch.tensor(float(attention.shape[-1]), device=attention.device)
    return real.sum(-1, keepdim=True).to(attention.dtype)  # (B, 1), beside the heads


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([part.mean() for part in parts]).mean()
