r"""Deep generalised method of moments: a game between an effect curve and the moment it violates most.

The structural function g solves :math:`E[f(Z, X)\,(Y - g(T, X))] = 0` for every function f of instruments and
covariates. One network plays g, another plays f, and they move in turn on

.. math:: \min_g \max_f\; \frac1n \sum_i f(z_i, x_i) (y_i - g(t_i, x_i))
   - \frac1{4n} \sum_i f(z_i, x_i)^2 (y_i - \tilde g(t_i, x_i))^2 ,

where :math:`\tilde g` is the present g held fixed: the second term weighs the moments as optimally weighted GMM does.
Which g along the way is kept is decided on rows set aside: every f met so far is a witness, and the g is kept whose
worst violation by any witness is smallest.

Source: Bennett, Kallus & Schnabel (2019), NeurIPS, "Deep generalized method of moments for instrumental variable
analysis", and the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check

__all__ = ["DeepGMM"]


class DeepGMM(StructuralEstimator):
    """Deep generalised method of moments.

    **Use it when** the effect may bend freely and there are thousands of rows. **Not when** the sample is small or
    training time is short: two players who chase each other need many rounds, and kernel methods find smooth curves
    faster.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: columns are standardised; one setting of the learning rates
    is trained where the authors choose among three by the same criterion as among epochs; the witnesses are the
    adversaries of this very training, not of a preliminary one.

    Parameters
    ----------
    response : sequence of int
        Widths of the hidden layers of g.
    adversary : sequence of int
        Widths of the hidden layers of f.
    learning_rate : float
        Of g.
    adversary_rate : float
        Learning rate of f as a multiple of that of g.
    adversary_steps : int
        Steps of f for each step of g.
    epochs : int
        Passes over the rows.
    batch_size : int
    every : int
        Epochs between two looks at the rows set aside.
    burn_in : int
        Epochs before training may stop.
    patience : int or None
        Looks without a new best curve after which training stops; None goes through all epochs.
    validation : float in (0, 1)
        Share of the rows set aside to choose the curve.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Rows set aside, first weights, order of the rows.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 400))
    >>> study = yg.Study.from_arrays(np.empty((400, 0)), Z + U, np.abs(Z + U) + U, Z=Z)
    >>> yg.DeepGMM(epochs=4, every=2).fit(study).predict(None, [-2.0, 0.0, 2.0]).shape
    (3,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "deep-gmm"

    def __init__(
        self,
        *,
        response: Sequence[int] = (50, 50),
        adversary: Sequence[int] = (50, 50),
        learning_rate: float = 1e-3,
        adversary_rate: float = 5.0,
        adversary_steps: int = 1,
        epochs: int = 400,
        batch_size: int = 500,
        every: int = 5,
        burn_in: int = 100,
        patience: int | None = 20,
        validation: float = 0.2,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.response = response
        self.adversary = adversary
        self.learning_rate = learning_rate
        self.adversary_rate = adversary_rate
        self.adversary_steps = adversary_steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.every = every
        self.burn_in = burn_in
        self.patience = patience
        self.validation = validation
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DeepGMM":
        """Estimate on a study; see :class:`DeepGMM`."""
        from yinguo.instruments.networks.deep_gmm import train  # PyTorch is loaded when it is needed

        self.curve_, self.kept_epoch_ = train(self, *self.take_roles(study), as_rng(self.random_state))
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for a curve learned by this game; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
