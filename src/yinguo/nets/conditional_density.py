r"""The chance of every treatment given instruments and covariates, learned by maximum likelihood, to draw from.

For treatments with few values a softmax over them; expectations over it are exact. For continuous ones a mixture

.. math:: p(t \mid v) = \sum_{k=1}^K \pi_k(v)\, N\big(t;\, \mu_k(v), \sigma_k(v)^2\big)

whose weights, means and log standard deviations are outputs of one network; K = 1 is a Gaussian.

**Shape**: v is (n, p); parameters are (n, values) or (n, 3 K); draws are (n, count).

Source: Bishop (1994), "Mixture density networks", Aston University technical report NCRG/94/004.
"""

import math
from collections.abc import Mapping, Sequence

from yinguo.nets import torch
from yinguo.nets.blocks import mlp
from yinguo.nets.stage import Stage
from yinguo.nets.trainer import Batch

__all__ = ["ChoiceModel", "MixtureDensity"]

#: Least log standard deviation, in standard deviations of the treatment: without a floor, a component that sits on a
#: single value, or on one of a few, has no largest likelihood.
LEAST_LOG_SPREAD = math.log(1e-2)
MOST_LOG_SPREAD = math.log(1e2)


class ChoiceModel(Stage):
    """Softmax over a few values of the treatment; with two values, logistic regression by a network.

    A batch has ``"V"`` (n, p), instruments and covariates, and ``"level"`` (n, 1), which value each row took.

    Parameters
    ----------
    inputs : int
        Columns of V.
    values : int
        Number of values.
    hidden : sequence of int
        Widths of the hidden layers.
    generator : torch.Generator
    dropout : float
        Share of hidden units left out while training.
    learning_rate, l2 : float
        As :class:`~yinguo.nets.stage.Stage`.
    """

    def __init__(
        self,
        inputs: int,
        values: int,
        *,
        hidden: Sequence[int],
        generator: torch.Generator,
        dropout: float = 0.0,
        learning_rate: float = 1e-3,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate=learning_rate, l2=l2)
        self.net = mlp([inputs, *hidden, values], generator=generator, dropout=dropout)

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Cross-entropy."""
        return {"cross-entropy": torch.nn.functional.cross_entropy(self.net(batch["V"]), batch["level"][:, 0].long())}

    def chances(self, V: torch.Tensor) -> torch.Tensor:
        """(n, p) to (n, values) probabilities."""
        return torch.softmax(self.net(V), dim=1)


class MixtureDensity(Stage):
    """Mixture of Gaussians whose weights, means and spreads depend on V.

    A batch has ``"V"`` (n, p), instruments and covariates, and ``"T"`` (n, 1), the treatment, standardised.

    Parameters
    ----------
    inputs : int
        Columns of V.
    components : int
        K; 1 is a Gaussian.
    hidden : sequence of int
        Widths of the hidden layers.
    generator : torch.Generator
        First weights and dropout masks.
    dropout : float
        Share of hidden units left out while training.
    learning_rate, l2 : float
        As :class:`~yinguo.nets.stage.Stage`.
    """

    def __init__(
        self,
        inputs: int,
        components: int,
        *,
        hidden: Sequence[int],
        generator: torch.Generator,
        dropout: float = 0.0,
        learning_rate: float = 1e-3,
        l2: float = 0.0,
    ) -> None:
        super().__init__(learning_rate=learning_rate, l2=l2)
        self.net = mlp([inputs, *hidden, 3 * components], generator=generator, dropout=dropout)
        # Components start apart; started alike, they would learn alike.
        with torch.no_grad():
            means = list(self.net.parameters())[-1][components : 2 * components]  # in the last layer's biases
            means += torch.linspace(-1, 1, components + 2)[1:-1]

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Mean negative log-likelihood."""
        return {"negative log-likelihood": -log_density(self.net(batch["V"]), batch["T"]).mean()}

    def parameters_at(self, V: torch.Tensor) -> torch.Tensor:
        """(n, p) to (n, 3 K): log weights, means and log standard deviations side by side."""
        return torch.cat(_parts(self.net(V)), dim=1)

    @staticmethod
    def draw(parameters: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
        """Independent draws of the treatment.

        Parameters
        ----------
        parameters : (n, 3 K) tensor
            As :meth:`parameters_at` gives them.
        count : int
            Draws per row.
        generator : torch.Generator

        Returns
        -------
        (n, count) tensor
        """
        weights, means, spreads = parameters.cpu().chunk(3, dim=1)
        # Drawn where the generator lives, so a seed means the same on every device.
        chosen = torch.multinomial(weights.exp(), count, replacement=True, generator=generator)
        noise = torch.randn(chosen.shape, generator=generator)
        return (means.gather(1, chosen) + spreads.exp().gather(1, chosen) * noise).to(parameters.device)


def log_density(outputs: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
    """Log-density of a mixture.

    Parameters
    ----------
    outputs : (n, 3 K) tensor
        Log-odds of the weights, means, log standard deviations.
    T : (n, 1) tensor

    Returns
    -------
    (n,) tensor
    """
    weights, means, spreads = _parts(outputs)
    z = (T - means) * torch.exp(-spreads)
    return torch.logsumexp(weights - spreads - 0.5 * z.square(), dim=1) - 0.5 * math.log(2 * math.pi)


def _parts(outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    weights, means, spreads = outputs.chunk(3, dim=1)
    return torch.log_softmax(weights, dim=1), means, spreads.clamp(LEAST_LOG_SPREAD, MOST_LOG_SPREAD)
