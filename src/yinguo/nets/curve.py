"""A trained network as an effect curve in the units of the study."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, tensor

__all__ = ["ArmCurves", "Average", "Curve", "Joined"]

#: Rows put through a network at once when predicting; hidden layers of a million rows would fill the memory.
BLOCK = 50_000


class Curve:
    """A network of standardised treatment and covariates, called with those of the study.

    Parameters
    ----------
    network : nn.Module
        Called as ``network(T, X)`` with (n, 1) and (n, p) tensors; gives (n, 1).
    scale_X, scale_T, scale_Y : Standardiser
    history : object
        Of the training.
    device : str
    """

    def __init__(
        self,
        network: nn.Module,
        scale_X: Standardiser,
        scale_T: Standardiser,
        scale_Y: Standardiser,
        history: Any = None,
        device: str = "cpu",
    ) -> None:
        self.network = network
        self.scale_X, self.scale_T, self.scale_Y = scale_X, scale_T, scale_Y
        self.history = history
        self.device = device

    @torch.no_grad()
    def __call__(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        """(n, p) covariates and (n,) treatments to (n,) outcomes, in the units of the study."""
        self.network.eval()
        columns = [tensor(self.scale_T(T)).to(self.device), tensor(self.scale_X(X)).to(self.device)]
        blocks = [self.network(*(c[i : i + BLOCK] for c in columns)) for i in range(0, max(len(T), 1), BLOCK)]
        return self.scale_Y.back(torch.cat(blocks)[:, 0].cpu().numpy().astype(np.float64))


class ArmCurves:
    """A network with an outcome for each of two arms, in the units of the study.

    Parameters
    ----------
    network : nn.Module
        Of (n, p) standardised covariates; gives (n, 2), the outcome without and with treatment. One that also learns
        the chance of treatment has a method of that name, ``chance_of_treatment``, (n, p) to (n, 1).
    scale_X, scale_Y : Standardiser
    history : object
        Of the training.
    device : str
    """

    def __init__(
        self,
        network: nn.Module,
        scale_X: Standardiser,
        scale_Y: Standardiser,
        history: Any = None,
        device: str = "cpu",
    ) -> None:
        self.network = network
        self.scale_X, self.scale_Y = scale_X, scale_Y
        self.history = history
        self.device = device

    @torch.no_grad()
    def __call__(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, p) covariates to two (n,) arrays of outcomes, without and with treatment."""
        m0, m1 = self.scale_Y.back(self._values(self.network, X)).T
        return m0, m1

    @torch.no_grad()
    def propensity(self, X: np.ndarray) -> np.ndarray:
        """(n, p) covariates to (n,) chances of treatment, of a network that learns them."""
        return self._values(self.network.chance_of_treatment, X)[:, 0]  # type: ignore[arg-type]

    def _values(self, function: Callable[[torch.Tensor], torch.Tensor], X: np.ndarray) -> np.ndarray:
        self.network.eval()
        x = tensor(self.scale_X(X)).to(self.device)
        values = torch.cat([function(x[i : i + BLOCK]) for i in range(0, max(len(X), 1), BLOCK)])
        return values.cpu().numpy().astype(np.float64)


class Joined(nn.Module):
    """A network of treatment and covariates side by side, as one of the two.

    **Shape**: (n, 1) and (n, p) to (n, 1).

    Parameters
    ----------
    network : nn.Module
        Of (n, 1 + p) tensors.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """Value of the network at the columns joined."""
        return self.network(torch.cat([T, X], dim=1))


class Average(nn.Module):
    """The mean of several networks.

    **Shape**: that of each.

    Parameters
    ----------
    networks : iterable of nn.Module
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Mean of their values."""
        return torch.stack([network(inputs) for network in self.networks]).mean(dim=0)
