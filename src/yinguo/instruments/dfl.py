r"""Deep feature learning without instruments: the confounded regression that instruments are judged against.

The outcome is regressed on learned features of the treatment and the covariates,

.. math:: g(t, x) = w^\top\big([\phi(t), 1] \otimes [\psi(x), 1]\big), \qquad
   \hat w = \arg\min_w \sum_i \big(y_i - g(t_i, x_i)\big)^2 + n \lambda \|w\|^2,

where :math:`\phi` and :math:`\psi` take turns in lowering the smallest penalised loss that weights w can give. It is
deep feature instrumental variable regression with the real treatment features in place of the predicted ones, hence its
place beside it.

Source: the baseline of Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR, "Learning deep features in
instrumental variable regression", as in the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study

__all__ = ["DFL"]


class DFL(StructuralEstimator):
    """Outcome regression on learned features, instruments ignored: what confounding does to a good regression.

    **Use it when** you want to see how far a flexible regression is from an instrumental-variable answer, or when there
    is no unmeasured confounder. **Not when** there is one: the answer is then wrong however many rows there are, and no
    output of this method can tell.

    **Assumes** that every cause shared by treatment and outcome is among the covariates. It needs no instruments and
    does not use them.

    **Where we differ from the paper or its code, and why**: all columns are standardised; the epoch that does best on
    held-out rows is kept, with its weights w solved once more on the rows that trained; the published weight decay on
    the covariate network, which is nothing against a sum of squares in the outcome's own unit, is left out, and the
    penalty is smaller for the same reason.

    Parameters
    ----------
    treatment_features : sequence of int
        Widths of the layers of phi; the last is the number of features.
    covariate_features : sequence of int
        Widths of the layers of psi; without covariates there is no such network.
    penalty : float
        Ridge penalty, per row.
    epochs : int
        Rounds of turns.
    treatment_steps, covariate_steps : int
        Steps in a row of phi and of psi, on all rows.
    learning_rate : float
        Of Adam, for both networks.
    validation : float in (0, 1)
        Share of the rows held out to choose the epoch.
    patience : int or None
        Epochs without a new best after which training stops.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split and first weights.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 1))
    >>> T = X[:, 0] + rng.normal(size=300)
    >>> study = yg.Study.from_arrays(X, T, np.abs(T) + X[:, 0])
    >>> yg.DFL(epochs=5).fit(study).effect(X[:3], 0.0, 2.0).shape
    (3,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=(),
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "dfl"

    def __init__(
        self,
        *,
        treatment_features: Sequence[int] = (16, 1),
        covariate_features: Sequence[int] = (128, 32, 16),
        penalty: float = 1e-3,
        epochs: int = 100,
        treatment_steps: int = 20,
        covariate_steps: int = 20,
        learning_rate: float = 1e-3,
        validation: float = 0.1,
        patience: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.treatment_features = treatment_features
        self.covariate_features = covariate_features
        self.penalty = penalty
        self.epochs = epochs
        self.treatment_steps = treatment_steps
        self.covariate_steps = covariate_steps
        self.learning_rate = learning_rate
        self.validation = validation
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DFL":
        """Estimate on a study; see :class:`DFL`."""
        from yinguo.instruments.networks.dfl import train  # PyTorch is loaded when it is needed

        self.curve_ = train(self, *self.take_roles(study), as_rng(self.random_state))
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for features learned by networks; bootstrap it, or use aipw.",
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
