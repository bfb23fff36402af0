r"""DR-CFR: counterfactual regression on representations of what drives the treatment, the outcome, and both.

Three representations of the covariates, :math:`\Gamma` of what drives the treatment alone, :math:`\Delta` of what
drives both and :math:`\Upsilon` of what drives the outcome alone, are learned with two outcome heads from

.. math:: \min \frac{1}{n} \sum_i w_i \omega_i\, \ell\big(y_i, h_{t_i}(\Delta(x_i), \Upsilon(x_i))\big)
   + \alpha\, D\big(\{\Upsilon(x_i)\}_{t_i = 1}, \{\Upsilon(x_i)\}_{t_i = 0}\big)
   - \frac{\beta}{n} \sum_i \log \pi(t_i \mid \Gamma(x_i), \Delta(x_i)) + \tfrac{\lambda}{2} \sum_W \|W\|^2.

D, a blurred transport distance, is asked of :math:`\Upsilon` alone: taking from :math:`\Delta` what tells the arms
apart would take the confounders. For those the rows are weighted instead,

.. math:: \omega_i = \frac12 \Big[1 + \frac{P(t_i)}{P(1 - t_i)}
   \frac{\pi_\Delta(1 - t_i \mid \Delta(x_i))}{\pi_\Delta(t_i \mid \Delta(x_i))}\Big],

with a logistic regression :math:`\pi_\Delta` of the treatment on :math:`\Delta`, which is moved in turns with the rest
and through which the rest gets no gradient. :math:`w_i = t_i / (2u) + (1 - t_i) / (2(1 - u))`, u the share treated.

Source: Hassanpour & Greiner (2020), "Learning disentangled representations for counterfactual regression", ICLR; the
weights are those of Hassanpour & Greiner (2019), "Counterfactual regression with importance sampling weights", IJCAI.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training, named_contributions

__all__ = ["DRCFR"]


class DRCFR(EffectLearner):
    """Counterfactual regression on disentangled representations.

    At ``balance_strength=0``, ``treatment_strength=0`` and ``context_weights=False`` it is plain outcome heads on two
    representations side by side.

    **Use it when** some covariates are known to move the treatment alone or the outcome alone, without it being known
    which, and the arms differ. **Not when** the parts themselves are of interest: nothing in the objective keeps
    :math:`\\Gamma` from holding the confounders as well (see der-cfr). Nor when a line or trees will do (see
    t-learner).

    **Assumes** unconfoundedness and overlap.

    **Where we differ from the paper or its code, and why**: the authors published no programme; constants are those
    of others' programmes for the same objective. The weight has the factor 1/2, as in the programme of the earlier
    paper, so that it averages 1 in each arm and strengths compare with those of :class:`~yinguo.heterogeneity.cfr.CFR`;
    it multiplies the weights that make the arms count alike; and it is cut at ``largest_weight``, for where a chance of
    treatment is near 0 or 1 a handful of rows would rule a batch. Held-out rows are judged without :math:`\\omega`,
    which changes in training: an objective that can be lowered by reweighting is no judge. The outcome and the
    covariates are standardised, so that strengths mean the same on every table.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    balance_strength : float
        alpha, against the mean squared error of the standardised outcome, or its cross-entropy if it has two values.
    treatment_strength : float
        beta.
    context_weights : bool
        Use omega; without, every omega is 1.
    largest_weight : float, at least 1
        Omega is cut at it.
    weighted : bool
        Weigh the rows so that both arms count alike.
    normalise : bool
        Divide each representation by its length.
    representation : sequence of int
        Widths of the layers of each of the three representations.
    heads : sequence of int
        Widths of the hidden layers of each head.
    head_penalty : float
        lambda, on the weights of the heads.
    epochs : int
        Steps, each on a batch drawn at random.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam; times 0.97 every 100 steps.
    validation : float in (0, 1)
        Share of the rows of each arm held out; the weights with the smallest objective on them are kept.
    look_every : int
        Steps between two looks at the held-out rows.
    patience : int or None
        Looks without a new best after which training ends; None takes all steps.
    propensity : {"logit", "probit"} or classifier
        For the average.
    folds : int, (n,) int array or None
        For the average, which takes one more training for each; None trains once and gives no interval.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    device : str
        Where to compute.
    random_state : int, Generator or None
        Held-out rows, first weights, batches and folds.

    Attributes
    ----------
    contributions_ : mapping of "instrument", "confounder" and "adjuster" to mappings of covariate to float
        Of each covariate to Gamma, Delta and Upsilon, counted as in der-cfr.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(300, 2)), rng.integers(0, 2, 300) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))
    >>> learner = yg.DRCFR(epochs=20, representation=(20,), heads=(10,)).fit(study)
    >>> learner.effect(X[:3]).shape
    (3,)
    """

    capabilities = Capabilities(
        inference=INFERENCE,
        unit_effects="without intervals",
        holds=(),
        all_rows=True,
        trains=True,
    )
    curves_: Any
    name = "dr-cfr"

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        balance_strength: float = 0.01,
        treatment_strength: float = 1e-3,
        context_weights: bool = True,
        largest_weight: float = 10.0,
        weighted: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (200, 200, 200),
        heads: Sequence[int] = (100, 100, 100),
        head_penalty: float = 1e-4,
        epochs: int = 3000,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        validation: float = 0.3,
        look_every: int = 20,
        patience: int | None = 50,
        propensity: Any = "logit",
        folds: Any = 2,
        clip: float = 0.01,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.balance_strength = balance_strength
        self.treatment_strength = treatment_strength
        self.context_weights = context_weights
        self.largest_weight = largest_weight
        self.weighted = weighted
        self.normalise = normalise
        self.representation = representation
        self.heads = heads
        self.head_penalty = head_penalty
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.look_every = look_every
        self.patience = patience
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DRCFR":
        """Estimate on a study; see :class:`DRCFR`."""
        from yinguo.heterogeneity.networks.dr_cfr import train  # PyTorch is loaded when it is needed

        fit_by_training(self, study, train)
        self.contributions_ = named_contributions(self, study)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
