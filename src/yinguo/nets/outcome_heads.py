r"""Outcome networks on a shared representation of the covariates: a head for each arm, or one fed with the treatment.

With a representation :math:`\phi` the curve is :math:`t f_1(\phi(x)) + (1 - t) f_0(\phi(x))` for a treatment of two
values and :math:`f(\phi(x), t)` for any other. TARNet, counterfactual regression and CB-IV are this network with
different losses.

Source: Shalit, Johansson & Sontag (2017), ICML, and their programme for first weights, normalisation and squashing.
"""

from collections.abc import Sequence

from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp

__all__ = ["ByArm", "OutcomeHeads"]


class ByArm:
    """Rows of two arms taken apart, and what is computed of each put together again in the order of the rows.

    Parameters
    ----------
    r : (n, d) tensor
    treated : (n,) bool tensor

    Attributes
    ----------
    r, treated
        As given.
    control, treatment : (n0, d) and (n1, d) tensors
        Rows of each arm.
    """

    def __init__(self, r: torch.Tensor, treated: torch.Tensor) -> None:
        self.r, self.treated = r, treated
        rows = [torch.nonzero(arm)[:, 0] for arm in (~treated, treated)]
        self.control, self.treatment = (r[k] for k in rows)
        self._order = torch.cat(rows)

    def together(self, m0: torch.Tensor, m1: torch.Tensor) -> torch.Tensor:
        """(n0, k) and (n1, k) values of the control rows and the treated ones to (n, k)."""
        m = torch.cat([m0, m1])
        return torch.empty_like(m).index_copy(0, self._order, m)


class OutcomeHeads(nn.Module):
    """A representation of the covariates and the outcome heads on it.

    **Shape**: (n, covariates) and (n, 1) to (n, 1).

    Parameters
    ----------
    covariates : int
    representation : sequence of int
        Widths of the layers of the representation, each with an ELU.
    heads : sequence of int
        Widths of the hidden layers of each head, each with an ELU; a linear layer follows.
    arms : bool
        One head for each of two arms, mixed by the treatment; else one head that takes the treatment as an input.
    normalise : bool
        Divide each row of the representation by its length, so that no two are further apart than 2.
    chances : bool
        Squash the outcome into (0.0025, 0.9975): the chance of an outcome of two values.
    generator : torch.Generator
        First weights.
    init : {"small-normal", "xavier", "uniform"}
        How they are drawn. Small ones need the division by the length, or hardly a signal passes at first.
    """

    def __init__(
        self,
        covariates: int,
        *,
        representation: Sequence[int],
        heads: Sequence[int],
        arms: bool,
        normalise: bool,
        chances: bool,
        generator: torch.Generator,
        init: str = "small-normal",
    ) -> None:
        super().__init__()
        self.arms, self.normalise, self.chances = arms, normalise, chances

        def layers(sizes: Sequence[int], final: str | None) -> nn.Sequential:
            return mlp(sizes, generator=generator, activation="elu", final=final, init=init)

        self.phi = layers([covariates, *representation], "elu")
        inputs = representation[-1] + (not arms)
        self.heads = nn.ModuleList([layers([inputs, *heads, 1], None) for _ in range(2 if arms else 1)])

    def represent(self, X: torch.Tensor) -> torch.Tensor:
        """(n, covariates) to (n, representation[-1])."""
        r = self.phi(X)
        return r / r.square().sum(1, keepdim=True).clamp_min(1e-10).sqrt() if self.normalise else r

    def outcome(self, r: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """Outcome at (n, d) representations and (n, 1) treatments, which may be chances of treatment; (n, 1)."""
        if not self.arms:
            return self._squashed(self.heads[0](torch.cat([r, T], dim=1)))
        f0, f1 = self.arms_of(r)
        return T * f1 + (1 - T) * f0

    def arms_of(self, r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outcomes without and with treatment at (n, d) representations; both (n, 1)."""
        if not self.arms:
            return self.outcome(r, r.new_zeros(len(r), 1)), self.outcome(r, r.new_ones(len(r), 1))
        f0, f1 = (self._squashed(head(r)) for head in self.heads)
        return f0, f1

    def taken(self, rows: ByArm) -> torch.Tensor:
        """Outcome in the arm that was taken, of representations by arm; (n, 1). Each head sees the rows of its arm."""
        if not self.arms:
            return self.outcome(rows.r, rows.treated[:, None].to(rows.r.dtype))
        f0, f1 = (self._squashed(head(r)) for head, r in zip(self.heads, (rows.control, rows.treatment), strict=True))
        return rows.together(f0, f1)

    def _squashed(self, f: torch.Tensor) -> torch.Tensor:
        return 0.995 * torch.sigmoid(f) + 0.0025 if self.chances else f

    def forward(self, X: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """The curve at (n, covariates) covariates and (n, 1) treatments."""
        return self.outcome(self.represent(X), T)

    def head_weights(self) -> torch.Tensor:
        """Half the sum of the heads' squared weights, biases exempt; a scalar."""
        return sum((p.square().sum() for p in self.heads.parameters() if p.ndim > 1), torch.zeros(())) / 2
