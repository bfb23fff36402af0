r"""DeepIV: learn how the instruments move the treatment, then fit the curve to what that implies for the outcome.

The moment condition behind every instrument is :math:`E[Y \mid z, x] = \int g(t, x)\, dP(t \mid z, x)`. The first stage
learns :math:`P(t \mid z, x)` by maximum likelihood; the second minimises

.. math:: L(g) = \frac{1}{n} \sum_i \Big( y_i - \int g(t, x_i)\, d\hat P(t \mid z_i, x_i) \Big)^2 .

For a treatment of few values the integral is a sum: :math:`p\, g(1, x) + (1 - p)\, g(0, x)` for two. Otherwise it is an
average over draws :math:`t_1, \dots, t_S`. The squared error of single draws is too large by the variance of g over the
treatment, that of their average by an S-th of it; taking this off,

.. math:: \big(y - \bar g\big)^2 - \tfrac{1}{S(S-1)} \sum_s \big(g(t_s, x) - \bar g\big)^2
   = \tfrac{1}{S(S-1)} \sum_{r \ne s} \big(y - g(t_r, x)\big) \big(y - g(t_s, x)\big),

leaves a loss and a gradient that are right on average: the two-sample gradient, over all pairs of draws.

Source: Hartford, Lewis, Leyton-Brown & Taddy (2017), ICML, "Deep IV: a flexible approach for counterfactual
prediction".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError

__all__ = ["DeepIV"]

TREATMENT_MODELS = ("logistic", "gaussian", "mixture")
#: Values of the treatment beyond which the logistic model is refused.
MOST_VALUES = 50


class DeepIV(StructuralEstimator):
    """Two-stage networks: a conditional density of the treatment, then a regression through its integral.

    **Use it when** the effect may bend and differ between people and the treatment has two or a few values: the
    integral is then exact. **Not when** a line will do (two-stage least squares has a standard error), nor with a
    continuous treatment of which the instruments explain little: the second stage then inverts a heavily smoothing
    integral, and kernel-iv or dfiv are steadier.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: the gradient is the unbiased one, over all pairs of draws
    (the authors' programme, and those made from it, have the biased one as their default, which pulls g towards
    functions that do not vary with the treatment: in our test a climb of 2 becomes 0.5); treatments with few values
    are integrated exactly, which needs no draws; columns are standardised, since penalties mean nothing without a unit;
    both stages keep the epoch that does best on held-out rows, and the learning rate falls to zero, in place of a fixed
    small number of epochs; no dropout (the published share is ``dropout=None``), which loses on the held-out rows.

    Parameters
    ----------
    treatment_model : {"logistic", "gaussian", "mixture"}, optional
        Softmax over the values met; a Gaussian whose mean and spread depend on instruments and covariates; a mixture
        of such. None takes the first for treatments of few values, the last for continuous ones.
    components : int
        Of the mixture.
    hidden : sequence of int
        Widths of the hidden layers of both networks.
    dropout : float or None
        Share of hidden units left out while training; None is 1000 / (1000 + n), at most a half.
    stage1_l2, stage2_l2 : float
        Penalties on squared weights, against the mean loss of standardised columns.
    samples : int
        Draws of the treatment per row and step, at least 2 for the unbiased gradient.
    unbiased_gradient : bool
        Whether the loss is the one above; otherwise the squared error of single draws, averaged: the default of the
        published programmes, too large by the variance of g over the treatment.
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
        Split, first weights, batches and draws.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 500))
    >>> T = (Z + U > 0).astype(float)
    >>> study = yg.Study.from_arrays(np.empty((500, 0)), T, T + U, Z=Z)
    >>> curve = yg.DeepIV(epochs=5, random_state=1).fit(study)
    >>> curve.predict(None, [0.0, 1.0]).shape
    (2,)
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
    name = "deep-iv"

    def __init__(
        self,
        *,
        treatment_model: str | None = None,
        components: int = 5,
        hidden: Sequence[int] = (128, 64, 32),
        dropout: float | None = 0.0,
        stage1_l2: float = 0.0,
        stage2_l2: float = 0.0,
        samples: int = 2,
        unbiased_gradient: bool = True,
        epochs: int = 100,
        batch_size: int = 200,
        learning_rate: float = 5e-3,
        validation: float = 0.1,
        patience: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.treatment_model = treatment_model
        self.components = components
        self.hidden = hidden
        self.dropout = dropout
        self.stage1_l2 = stage1_l2
        self.stage2_l2 = stage2_l2
        self.samples = samples
        self.unbiased_gradient = unbiased_gradient
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DeepIV":
        """Estimate on a study; see :class:`DeepIV`."""
        Y, T, X, Z = self.take_roles(study)
        model = self._model(study)
        if model != "logistic" and self.unbiased_gradient and self.samples < 2:
            raise DataError(f"samples is {self.samples}; the unbiased gradient needs at least 2 draws per row.")
        from yinguo.instruments.networks.deep_iv import train  # PyTorch is loaded when it is needed

        self.curve_ = train(self, Y, T, X, Z, as_rng(self.random_state), model=model)
        self.histories_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for DeepIV; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)

    def _model(self, study: Study) -> str:
        """Name of the treatment model, checked against the treatment."""
        if self.treatment_model is None:
            return "mixture" if study.treatment_kind == "continuous" else "logistic"
        if self.treatment_model not in TREATMENT_MODELS:
            known = ", ".join(repr(name) for name in TREATMENT_MODELS)
            raise DataError(f"treatment_model is {self.treatment_model!r}; it must be one of {known}, or None.")
        if self.treatment_model == "logistic" and len(np.unique(study.T)) > MOST_VALUES:
            raise DataError(
                f"treatment {study.roles['treatment']!r} has {len(np.unique(study.T))} values; treatment_model="
                f"'logistic' takes at most {MOST_VALUES}. Use 'mixture'."
            )
        return self.treatment_model

    def _chances(self, chances: Any) -> Any:
        """The chances of the treatment's values as the second stage uses them: as the first stage found them."""
        return chances
