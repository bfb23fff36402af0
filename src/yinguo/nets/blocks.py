"""Building blocks whose initial weights and random masks come from a generator that is passed in.

PyTorch's layers draw their first weights, and dropout its masks, from one global stream. Here nothing does:
the same generator gives the same network whatever else the program has drawn.
"""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from yinguo.nets import nn, torch

__all__ = ["ACTIVATIONS", "Dropout", "Standardiser", "linear", "make_generator", "mlp", "tensor"]

#: Activations by the name an option gives them.
ACTIVATIONS = {
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
}  # fmt: skip


def make_generator(seed: int) -> torch.Generator:
    """A generator of its own for one network, seeded."""
    return torch.Generator().manual_seed(seed)


def tensor(array) -> torch.Tensor:
    """A numpy array as a single-precision tensor; a vector becomes a column."""
    values = torch.tensor(np.asarray(array), dtype=torch.float32)  # always a copy: a study is read-only
    return values[:, None] if values.ndim == 1 else values


def linear(inputs: int, outputs: int, *, generator: torch.Generator, init: str = "uniform") -> nn.Linear:
    r"""A linear layer with weights drawn from ``generator``.

    Parameters
    ----------
    inputs, outputs : int
    generator : torch.Generator
    init : {"uniform", "xavier", "small-normal"}
        Weights and biases uniform on :math:`\pm 1/\sqrt{\mathrm{inputs}}`, PyTorch's own habit; Xavier uniform
        weights; normal weights of standard deviation :math:`0.1/\sqrt{\mathrm{inputs}}`. The last two with zero biases.
    """
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = 1 / math.sqrt(max(inputs, 1))
    with torch.no_grad():
        if init == "uniform":
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
        elif init == "xavier":
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            layer.bias.zero_()
        elif init == "small-normal":
            layer.weight.normal_(0.0, 0.1 * bound, generator=generator)
            layer.bias.zero_()
        else:
            raise ValueError(f"init is {init!r}; it must be 'uniform', 'xavier' or 'small-normal'")
    return layer


def mlp(
    sizes: Sequence[int],
    *,
    generator: torch.Generator,
    activation: str = "relu",
    final: str | None = None,
    batch_norm: Collection[int] = (),
    dropout: float = 0.0,
    init: str = "uniform",
) -> nn.Sequential:
    """A multilayer perceptron.

    **Shape**: (n, sizes[0]) to (n, sizes[-1]).

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of each hidden layer and of the output.
    generator : torch.Generator
        First weights and dropout masks.
    activation : {"relu", "leaky-relu", "elu", "tanh", "sigmoid"}
        After every layer but the last.
    final : str, optional
        Activation after the last layer.
    batch_norm : collection of int
        Layers, counted from 0, whose output is normalised over the batch before its activation.
    dropout : float in [0, 1)
        Share of hidden units left out at random while training.
    init : {"uniform", "xavier", "small-normal"}
        As in :func:`linear`.
    """
    layers: list[nn.Module] = []
    last = len(sizes) - 2
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers.append(linear(inputs, outputs, generator=generator, init=init))
        if k in batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        chosen = activation if k < last else final
        if chosen is not None:
            layers.append(ACTIVATIONS[chosen]())
        if dropout and k < last:
            layers.append(Dropout(dropout, generator))
    return nn.Sequential(*layers)


class Dropout(nn.Module):
    """Dropout with a generator of its own.

    **Shape**: any; unchanged.

    Parameters
    ----------
    share : float in [0, 1)
        Expected share of entries set to zero while training; the rest is scaled up to keep the mean.
    generator : torch.Generator
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Masked and rescaled while training, unchanged otherwise."""
        if not self.training:
            return x
        # The mask is drawn where the generator lives, so a seed means the same on every device.
        kept = torch.rand(x.shape, generator=self.generator, device=self.generator.device) >= self.share
        return x * kept.to(x.device) / (1 - self.share)


class Standardiser:
    """Columns to mean 0 and standard deviation 1, and back.

    Parameters
    ----------
    array : (n,) or (n, p) array
        Where means and standard deviations are taken; a constant column is only centred.

    Examples
    --------
    >>> import numpy as np
    >>> scale = Standardiser(np.array([1.0, 3.0]))
    >>> scale(np.array([5.0])), scale.back(np.array([3.0]))
    (array([3.]), array([5.]))
    """

    def __init__(self, array: np.ndarray) -> None:
        self.mean = np.asarray(array.mean(axis=0))
        spread = np.asarray(array.std(axis=0))
        # Rounding leaves a constant column a spread of some 1e-17 of its size, which must not become a divisor.
        self.spread = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean)), spread, 1.0)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Standardised values."""
        return (array - self.mean) / self.spread

    def back(self, array: np.ndarray) -> np.ndarray:
        """Values in the first unit."""
        return array * self.spread + self.mean
