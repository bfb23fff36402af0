r"""L2-SP: tuning with a penalty on the distance from the start, :math:`\lambda \lVert\theta - \theta_{pre}\rVert^2`.

Source: Li, Grandvalet & Davoine (2018), Explicit inductive bias for transfer learning, ICML.
Theirs has :math:`\lambda / 2`; the start is what the model is when this is made.
"""

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.nets import nn, torch

__all__ = ["L2SP"]


class L2SP:
    """The penalty of a model against its present weights.

    **Use it when** you tune yourself: add ``penalty(model)`` to the loss, or hand
    :class:`~yinguo.language.tailor.l2_sp_callback.L2SPCallback` to a Trainer of transformers. **Not when** the model
    is tuned already.

    Parameters
    ----------
    model : nn.Module
        Its parameters that take gradients are copied.
    strength : float, at least 0

    Examples
    --------
    >>> from yinguo.nets.blocks import linear, make_generator
    >>> layer = linear(2, 1, generator=make_generator(0))
    >>> penalty = L2SP(layer, strength=0.5)
    >>> with torch.no_grad():
    ...     _ = layer.bias.add_(2.0)
    >>> round(penalty(layer).item(), 5)
    2.0
    """

    def __init__(self, model: nn.Module, *, strength: float) -> None:
        check_number("strength", strength, least=0)
        self.strength = strength
        self.start = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
        if not self.start:
            raise DataError("no parameter of the model requires a gradient; there is nothing to hold.")

    def __call__(self, model: nn.Module) -> torch.Tensor:
        """The penalty as a scalar tensor."""
        self._check(model)
        parts = [(p - self.start[name]).square().sum() for name, p in model.named_parameters() if name in self.start]
        return self.strength * torch.stack(parts).sum()

    @torch.no_grad()
    def add_gradient(self, model: nn.Module) -> None:
        """Add the gradient of the penalty to those that are there, as if it had been part of the loss."""
        self._check(model)
        for name, p in model.named_parameters():
            if name in self.start and p.grad is not None:
                p.grad.add_(p.detach() - self.start[name].to(p.device), alpha=2 * self.strength)

    def _check(self, model: nn.Module) -> None:
        """The model must still have every parameter by its name, or the penalty would leave some out unseen."""
        there = dict(model.named_parameters())
        odd = [name for name, p in self.start.items() if name not in there or there[name].shape != p.shape]
        if odd:
            raise DataError(f"{len(odd)} of {len(self.start)} parameters have another name or shape now, first "
                            f"{odd[0]!r}; make the penalty from the model as it is trained.")  # fmt: skip
