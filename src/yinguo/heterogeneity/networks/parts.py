"""Parts of the networks with several representations: one representation, and the outcome heads of two arms on it.

Source: Shalit, Johansson & Sontag (2017), ICML, and their programme for normalisation and squashing.
"""

from collections.abc import Sequence

from yinguo.heterogeneity.networks.common import chance
from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp
from yinguo.nets.outcome_heads import ByArm

__all__ = ["ArmHeads", "Representation", "contributions"]


class Representation(nn.Module):
    """Layers with an ELU after each.

    **Shape**: (n, covariates) to (n, widths[-1]).

    Parameters
    ----------
    covariates : int
    widths : sequence of int
    normalise : bool
        Divide each row by its length.
    init : {"uniform", "xavier", "small-normal"}
    generator : torch.Generator
        First weights.
    """

    def __init__(
        self, covariates: int, widths: Sequence[int], *, normalise: bool, init: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.normalise = normalise
        self.layers = mlp([covariates, *widths], generator=generator, activation="elu", final="elu", init=init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """(n, covariates) to (n, widths[-1])."""
        r = self.layers(X)
        return r / r.square().sum(1, keepdim=True).clamp_min(1e-10).sqrt() if self.normalise else r

    def weights(self) -> list[torch.Tensor]:
        """Weight matrices from the first layer to the last, each (outputs, inputs)."""
        return [layer.weight for layer in self.layers if isinstance(layer, nn.Linear)]


def contributions(representation: Representation) -> torch.Tensor:
    """How much each covariate matters to a representation, (p,).

    The mean absolute entry, in the column of the covariate, of the product of the weight matrices of all layers;
    activations are ignored.

    Parameters
    ----------
    representation : Representation

    Source
    ------
    Wu, Yuan, Kuang, Li, Wu, Zhu, Zhuang & Wu (2023), IEEE TKDE 35(5).
    """
    first, *others = representation.weights()
    for weight in others:
        first = weight @ first
    return first.abs().mean(dim=0)


class ArmHeads(nn.Module):
    """An outcome head for each of two arms.

    **Shape**: (n, inputs) to (n, 2).

    Parameters
    ----------
    inputs : int
    hidden : sequence of int
        Widths of the hidden layers of each head, each with an ELU; a linear layer follows.
    chances : bool
        Squash into (0.0025, 0.9975): the chance of an outcome of two values.
    init : {"uniform", "xavier", "small-normal"}
    generator : torch.Generator
        First weights.
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], *, chances: bool, init: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.chances = chances
        self.heads = nn.ModuleList(
            [mlp([inputs, *hidden, 1], generator=generator, activation="elu", init=init) for _ in range(2)]
        )

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment, (n, 2)."""
        m = torch.cat([head(r) for head in self.heads], dim=1)
        return chance(m) if self.chances else m

    def received(self, r: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """Outcome (n, 1) in the arm that each row was in; the other arm's head is not computed.

        Parameters
        ----------
        r : (n, inputs) tensor
        T : (n, 1) tensor of 0 and 1
        """
        rows = ByArm(r, T[:, 0] == 1)
        m = rows.together(*(head(part) for head, part in zip(self.heads, (rows.control, rows.treatment), strict=True)))
        return chance(m) if self.chances else m
