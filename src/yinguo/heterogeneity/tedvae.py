r"""TEDVAE: latent factors of the treatment, of the outcome and of both, by a variational autoencoder.

With latent :math:`z_t, z_c, z_y`, independent and standard normal, decoders :math:`p(x \mid z_t, z_c, z_y)`,
:math:`p(t \mid z_t, z_c)`, :math:`p(y \mid t, z_c, z_y)` and encoders :math:`q(z_\cdot \mid x)` are learned from

.. math:: \max E_q\big[\log p(x, t, y \mid z)\big] - \mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big)
   + \alpha_t E_q\big[\log q(t \mid z_t, z_c)\big] + \alpha_y E_q\big[\log q(y \mid t, z_c, z_y)\big],

the last two being predictions by networks of their own, which keep in the factors what predicts treatment and outcome.
The effect is the mean difference of :math:`E[y \mid t, z_c, z_y]` over draws of the factors from the encoders.

Measured covariates and outcomes are normal given the factors, those of two values a toss of a coin.

Source: Zhang, Liu & Li (2021), "Treatment effect estimation with disentangled latent factors", AAAI 35(12), and the
authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training

__all__ = ["TEDVAE"]


class TEDVAE(EffectLearner):
    """Effects through latent factors of the treatment, of the outcome and of both.

    **Use it when** the covariates are noisy pictures of a few factors, and outcome and treatment follow the factors.
    **Not when** the covariates themselves are the confounders and there are many: what the encoders lose of them is not
    adjusted for. Nor when the factors are to be named: rotated or mixed they fit as well. Nor when a line or trees will
    do (see t-learner).

    **Assumes** unconfoundedness given the covariates, and overlap. That hidden factors are recovered from the
    covariates is a hope and not a theorem.

    **Where we differ from the paper or its code, and why**: the programme keeps the logits of binary covariates within
    [0, 11], so that no chance is below one half; ours are free. It trains on all rows and keeps the last weights; we
    hold rows out and keep the best. Draws of a prediction are the same for every unit and come in pairs of opposite
    sign, so that an effect depends neither on a stream of random numbers nor on who else is asked about. Its weight
    decay of 1e-4 stands against losses summed over the rows and is nothing against means; it is left out, as is its
    clipping of gradients. Covariates are standardised, those of two values become 0 and 1 whatever they were.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    treatment_factors, shared_factors, outcome_factors : int
        Dimensions of z_t, z_c and z_y.
    hidden : sequence of int
        Widths of the hidden layers of the decoders; encoders and predictions have all but the first.
    treatment_strength, outcome_strength : float
        alpha_t and alpha_y.
    draws : int
        Draws of the factors in a prediction, each used with both signs.
    epochs : int
        Passes over the rows.
    batch_size : int or None
        Rows in a batch, about; None is all.
    learning_rate : float
        Of Adam, in the first step.
    final_rate : float in (0, 1]
        Share of it in the last; it falls by the same factor each step.
    validation : float in (0, 1)
        Share of the rows of each arm held out; the weights with the smallest objective on them are kept.
    look_every : int
        Passes between two looks at the held-out rows.
    patience : int or None
        Looks without a new best after which training ends; None takes all passes.
    propensity : {"logit", "probit"} or classifier
        For the average.
    folds : int, (n,) int array or None
        For the average, which takes one more training for each; None trains once and gives no interval.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    device : str
        Where to compute.
    random_state : int, Generator or None
        Held-out rows, first weights, batches, draws of the factors and folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(300, 2)), rng.integers(0, 2, 300) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))
    >>> learner = yg.TEDVAE(epochs=20, hidden=(20, 20)).fit(study)
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
    name = "tedvae"

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        treatment_factors: int = 10,
        shared_factors: int = 20,
        outcome_factors: int = 10,
        hidden: Sequence[int] = (200, 200, 200),
        treatment_strength: float = 100.0,
        outcome_strength: float = 100.0,
        draws: int = 10,
        epochs: int = 200,
        batch_size: int | None = 1000,
        learning_rate: float = 1e-3,
        final_rate: float = 0.01,
        validation: float = 0.3,
        look_every: int = 5,
        patience: int | None = None,
        propensity: Any = "logit",
        folds: Any = 2,
        clip: float = 0.01,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.treatment_factors = treatment_factors
        self.shared_factors = shared_factors
        self.outcome_factors = outcome_factors
        self.hidden = hidden
        self.treatment_strength = treatment_strength
        self.outcome_strength = outcome_strength
        self.draws = draws
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.final_rate = final_rate
        self.validation = validation
        self.look_every = look_every
        self.patience = patience
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "TEDVAE":
        """Estimate on a study; see :class:`TEDVAE`."""
        from yinguo.heterogeneity.networks.tedvae import train  # PyTorch is loaded when it is needed

        fit_by_training(self, study, train)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
