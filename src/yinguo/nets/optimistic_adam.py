r"""Adam that looks one step ahead, for games between two networks.

.. math:: \theta_{k+1} = \theta_k - 2\eta\, d_k + \eta\, d_{k-1}

with :math:`d_k` the direction of Adam. Plain gradient play circles the solution of a bilinear game; subtracting the
last step damps the circle.

Source: Daskalakis, Ilyas, Syrgkanis & Zeng (2018), ICLR, "Training GANs with optimism".
"""

from collections.abc import Callable, Iterable
from typing import Any

from yinguo.nets import torch

__all__ = ["OptimisticAdam"]


class OptimisticAdam(torch.optim.Optimizer):
    """Optimistic Adam.

    Parameters
    ----------
    params : iterable of tensors
    lr : float
    betas : (float, float)
        Decay of the means of the gradient and of its square.
    eps : float
    weight_decay : float
        Added to the gradient times the weight.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.9),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; ``closure`` is accepted for the interface and evaluated first."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            first, second = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                grad = parameter.grad
                if group["weight_decay"]:
                    grad = grad + group["weight_decay"] * parameter
                state = self.state[parameter]
                if not state:
                    state["count"] = 0
                    for name in ("mean", "square", "last"):
                        state[name] = torch.zeros_like(parameter)
                state["count"] += 1
                state["mean"].lerp_(grad, 1 - first)
                state["square"].mul_(second).addcmul_(grad, grad, value=1 - second)
                mean = state["mean"] / (1 - first ** state["count"])
                root = (state["square"] / (1 - second ** state["count"])).sqrt_().add_(group["eps"])
                direction = mean / root
                parameter.add_(direction, alpha=-2 * group["lr"]).add_(state["last"], alpha=group["lr"])
                state["last"] = direction
        return loss
