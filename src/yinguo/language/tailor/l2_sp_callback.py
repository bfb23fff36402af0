"""L2-SP in a Trainer of transformers."""

from typing import Any

from yinguo.language.hub import transformers
from yinguo.language.tailor.l2_sp import L2SP

__all__ = ["L2SPCallback"]


class L2SPCallback(transformers.TrainerCallback):
    """Adds the gradient of :class:`~yinguo.language.tailor.l2_sp.L2SP` before each step of the optimiser.

    The penalty is not in the loss that the Trainer logs, and gradients are clipped before it is added.

    Parameters
    ----------
    penalty : L2SP
        Made from the model before training.
    """

    def __init__(self, penalty: L2SP) -> None:
        self.penalty = penalty

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **others: Any) -> None:
        """Called by the Trainer."""
        self.penalty.add_gradient(model)
