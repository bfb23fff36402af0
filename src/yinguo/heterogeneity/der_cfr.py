r"""DeR-CFR: representations of instruments, confounders and adjusters, held apart by their weights on the covariates.

Three representations of the covariates, I of what drives the treatment alone, C of what drives both and A of what
drives the outcome alone, are learned in turns with a weight :math:`\omega_i` for every row. The networks minimise
:math:`L_R + L_A + L_I + L_O` and a penalty, the weights :math:`L_R + L_{C}`:

.. math::
   L_R &= \frac1n \sum_i \omega_i\, \ell\big(y_i, h_{t_i}(C(x_i), A(x_i))\big) \\
   L_A &= \alpha \Big[ \|\bar A_1 - \bar A_0\|^2 + \frac1n \sum_i \ell\big(y_i, h'_{t_i}(A(x_i))\big) \Big] \\
   L_I &= \beta \Big[ \sum_t \|\overline{\omega I}_{t,\mathrm{high}} - \overline{\omega I}_{t,\mathrm{low}}\|^2
          - \frac1n \sum_i \log \pi(t_i \mid I(x_i)) \Big] \\
   L_C &= \gamma \Big[ \|\overline{\omega C}_1 - \overline{\omega C}_0\|^2
          + (\bar\omega_1 - 1)^2 + (\bar\omega_0 - 1)^2 \Big] \\
   L_O &= \mu \Big[ \sum_k (w_I w_C + w_I w_A + w_C w_A)_k + \sum_{R} \big(\textstyle\sum_k w_{R,k} - 1\big)^2 \Big],

bars being means over the rows of an arm, high and low those of an outcome above and below its median. A must not tell
the arms apart and must predict the outcome; I must predict the treatment and say nothing of the outcome within an arm;
the weights balance C. The contribution :math:`w_{R,k}` of covariate k to the representation R is the mean absolute
entry of the product of the weight matrices of R in the column of k, activations ignored: no two representations are to
use one covariate.

Source: Wu, Yuan, Kuang, Li, Wu, Zhu, Zhuang & Wu (2023), "Learning decomposed representations for treatment effect
estimation", IEEE TKDE 35(5), and the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training, named_contributions

__all__ = ["DeRCFR"]


class DeRCFR(EffectLearner):
    """Counterfactual regression on representations that share no covariate.

    **Use it when** it is not known which covariates move the treatment alone and which the outcome alone, and their
    separation is of interest besides the effect: ``contributions_`` tells it. **Not when** that separation has to be
    right: on the authors' own design it is not (``yinguo bench decomposition``), where two plain regressions tell every
    covariate's part. One reason is in the objective: within an arm, instruments and confounders are related, for both
    drove the treatment, so that instruments do say something of the outcome, and a representation that must not avoids
    them; ``gap_strength=0`` takes that demand away. Nor when a line or trees will do (see t-learner, d2vd).

    **Assumes** unconfoundedness and overlap.

    **Where we differ from the paper or its code, and why**: the groups of high and low outcomes in an arm are
    intersections; the programme takes unions, so that what it holds independent is something else. The weights of rows
    are kept positive; in the programme they have any sign, and then :math:`L_R`, which is linear in each, has no least
    value. The held-out rows are judged by the objective with all weights 1; the programme takes a nearest-neighbour
    estimate of the error of the effect, or the accuracy for an outcome of two values. Strengths are the published ones;
    widths, first weights, steps and weights of the arms are those of counterfactual regression: with the programme's
    two layers of 256 and five of 128, Xavier's first weights and no normalisation the outcome heads alone, all
    strengths 0, do worse on held-out rows of IHDP. The outcome and the covariates are standardised, so that strengths
    mean the same on every table. A head for the treatment on I and C that the programme computes and does not use is
    left out.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    adjuster_strength : float
        alpha, against the mean squared error of the standardised outcome, or its cross-entropy if it has two values.
    instrument_strength : float
        beta.
    gap_strength : float
        Of the distance of I between high and low outcomes, within beta; 1 is the paper's.
    balance_strength : float
        gamma.
    orthogonality_strength : float
        mu.
    row_weights : bool
        Learn omega; without, every omega is 1 and gamma means nothing.
    weighted : bool
        Weigh the rows so that both arms count alike as well.
    normalise : bool
        Divide each representation by its length.
    representation : sequence of int
        Widths of the layers of each of the three representations.
    heads : sequence of int
        Widths of the hidden layers of each outcome head.
    treatment_layers : sequence of int
        Widths of the hidden layers of the network of the treatment on I.
    first_weights : {"xavier", "small-normal"}
        Drawn uniformly as Xavier's rule has it, as the authors' programme does, or normal and a tenth as large, as that
        of counterfactual regression does. Small ones begin at an outcome that is nearly constant.
    head_penalty : float
        Half of it times the squared weights of the networks of outcome and treatment is added.
    epochs : int
        Steps, each on a batch drawn at random, of the networks and of the row weights.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam, its momentum weighing 0.5.
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
        Contribution of each covariate to I, C and A.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(300, 2)), rng.integers(0, 2, 300) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))
    >>> small = {"representation": (20,), "heads": (10,), "treatment_layers": (10,)}
    >>> learner = yg.DeRCFR(epochs=20, **small).fit(study)
    >>> learner.effect(X[:3]).shape
    (3,)
    >>> list(learner.contributions_["confounder"])
    ['x1', 'x2']
    """

    capabilities = Capabilities(
        inference=INFERENCE,
        unit_effects="without intervals",
        holds=(),
        all_rows=True,
        trains=True,
    )
    curves_: Any
    name = "der-cfr"

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        adjuster_strength: float = 0.1,
        instrument_strength: float = 1.0,
        gap_strength: float = 1.0,
        balance_strength: float = 1.0,
        orthogonality_strength: float = 10.0,
        row_weights: bool = True,
        weighted: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (200, 200, 200),
        heads: Sequence[int] = (100, 100, 100),
        treatment_layers: Sequence[int] = (100, 100, 100),
        first_weights: str = "small-normal",
        head_penalty: float = 1e-3,
        epochs: int = 3000,
        batch_size: int = 100,
        learning_rate: float = 5e-4,
        validation: float = 0.3,
        look_every: int = 20,
        patience: int | None = 20,
        propensity: Any = "logit",
        folds: Any = 2,
        clip: float = 0.01,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.adjuster_strength = adjuster_strength
        self.instrument_strength = instrument_strength
        self.gap_strength = gap_strength
        self.balance_strength = balance_strength
        self.orthogonality_strength = orthogonality_strength
        self.row_weights = row_weights
        self.weighted = weighted
        self.normalise = normalise
        self.representation = representation
        self.heads = heads
        self.treatment_layers = treatment_layers
        self.first_weights = first_weights
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

    def fit(self, study: Study) -> "DeRCFR":
        """Estimate on a study; see :class:`DeRCFR`."""
        from yinguo.heterogeneity.networks.der_cfr import train  # PyTorch is loaded when it is needed

        if self.first_weights not in ("xavier", "small-normal"):
            raise DataError(f"first_weights is {self.first_weights!r}; it must be 'xavier' or 'small-normal'.")
        fit_by_training(self, study, train)
        self.contributions_ = named_contributions(self, study)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
