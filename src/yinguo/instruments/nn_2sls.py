r"""Two-stage least squares with a network in each stage: the plug-in that is not consistent, kept for comparison.

.. math:: \hat m = \arg\min_m \sum_i (t_i - m(z_i, x_i))^2, \qquad
   \hat g = \arg\min_g \sum_i \big(y_i - g(\hat m(z_i, x_i), x_i)\big)^2

and g is then evaluated at real treatments. That is right where g is linear in the treatment given the covariates, for
then :math:`E[g(T, x) \mid z, x] = g(E[T \mid z, x], x)`. Otherwise the two sides differ, by half the second derivative
times the variance of the treatment around its first stage to leading order, and no number of rows removes it: the
forbidden regression.

Source: the tool box mliv 0.0.2, which offers it under this name; Wooldridge (2010), Econometric Analysis of Cross
Section and Panel Data, section 9.5.2, on why the plug-in fails.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check

__all__ = ["NN2SLS"]


class NN2SLS(StructuralEstimator):
    """A network predicts the treatment, a second one the outcome from that prediction.

    **Use it when** the effect of the treatment is linear in it for given covariates, in a way that differs between
    covariates too wildly for a line; or to compare. **Not when** the effect bends: the answer is then wrong however
    many rows there are. Nor for a treatment of two values: the second stage is fitted at probabilities and asked for
    0 and 1, where it may never have been. Use deep-iv, dfiv or kernel-iv.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and an effect linear in the treatment given the covariates.

    **Where we differ from the paper or its code, and why**: there is no paper, and the tool box trains both networks
    for a fixed hundred passes in the raw units of the columns, without shuffling. Here columns are standardised,
    batches are shuffled, each stage keeps the epoch that does best on held-out rows, and the learning rate falls to
    zero; the networks are a tenth as wide, and without batch normalisation, which makes the fit at a
    row depend on the rows that happen to be beside it.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers of both networks.
    l2 : float
        Penalty on squared weights, against the mean loss of standardised columns.
    epochs : int
        Passes over the data in each stage.
    batch_size : int
        Rows per step.
    learning_rate : float
        Of Adam in the first step.
    validation : float in (0, 1)
        Share of the rows held out to choose the epoch.
    patience : int or None
        Epochs without a new best after which a stage stops.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split, first weights and batches.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 500))
    >>> study = yg.Study.from_arrays(np.empty((500, 0)), Z + U, Z + 3 * U, Z=Z)
    >>> yg.NN2SLS(epochs=3).fit(study).predict(None, [0.0, 1.0]).shape
    (2,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "linear_in_treatment", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "nn-2sls"

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 64, 32),
        l2: float = 0.0,
        epochs: int = 100,
        batch_size: int = 200,
        learning_rate: float = 5e-3,
        validation: float = 0.1,
        patience: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.hidden = hidden
        self.l2 = l2
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "NN2SLS":
        """Estimate on a study; see :class:`NN2SLS`."""
        from yinguo.instruments.networks.nn_2sls import train  # PyTorch is loaded when it is needed

        self.curve_ = train(self, *self.take_roles(study), as_rng(self.random_state))
        self.histories_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for networks plugged into one another; use 2sls.",
            notes=("consistent only where the effect is linear in the treatment given the covariates.",),
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
