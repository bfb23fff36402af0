r"""Confounder-balanced IV regression.

First the treatment is predicted from instruments and covariates, :math:`s(z, x) = P(T = 1 \mid z, x)`. Then a
representation :math:`\phi(x)` and two outcome heads are learned together from

.. math:: \min_{\phi, f_0, f_1} \frac{1}{n} \sum_i L\big(y_i,\; s_i f_1(\phi(x_i)) + (1 - s_i) f_0(\phi(x_i))\big)
   + \alpha\, D\big(\{\phi(x_i)\}_{t_i = 1}, \{\phi(x_i)\}_{t_i = 0}\big) + \tfrac{\lambda}{2} \sum_W \|W\|^2,

with D a blurred transport distance and W the weights of the heads. The first term is two-stage regression; predicted
treatments still go together with the covariates, and the second term takes from the representation what tells the arms
apart. A continuous treatment has one head :math:`f(\phi(x), t)`, fed with its prediction, and for D the square of the
CLUB bound on the information that :math:`\phi(x)` holds about t.

Source: Wu, Kuang, Li & Wu (2022), "Instrumental variable regression with confounder balancing", ICML, and the authors'
published programme.
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

__all__ = ["CBIV"]


class CBIV(StructuralEstimator):
    """Confounder-balanced IV regression.

    With ``two_stage=False`` the treatment itself takes the place of its prediction and the instruments are not used:
    that is counterfactual regression (CFR), and plain outcome heads on a shared representation (DirectRep, TARNet) at
    ``balance_strength=0``. ``balance_strength=0`` alone is two-stage regression with the same networks.

    **Use it when** a treatment of two values has an effect that differs between people in ways no line catches, and
    the instruments may act on some people up and on others down. **Not when** there are only some hundred rows, or a
    line will do: two-stage least squares with products of instruments and covariates is then steadier. Nor when the
    covariates matter much for treatment and outcome alike: what the penalty takes from the representation the heads
    can no longer adjust for, and predicted treatments still go together with the covariates. Compare
    ``balance_strength=0``; the difference is what the penalty costs.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart. For a continuous treatment also an effect linear in it:
    the plug-in of its prediction is right for no other (see nn-2sls).

    **Where we differ from the paper or its code, and why**: the authors' first stage takes three passes of plain
    gradient steps and is read off in training mode, its batch normalisation using all rows; ours is fitted to the end
    on other folds, averaged over three deals of the rows and recalibrated, see
    :mod:`~yinguo.instruments.treatment_regression`, because predictions that are too close to the mean, or that have
    learned the noise of their own rows, shift every effect. On held-out rows the authors' programme for IHDP and Twins
    puts the treatment itself in the place of its prediction; ours does not. It takes 100 or 200 steps there and keeps
    the step with the smallest held-out objective. That objective hardly falls after some 60 steps, while the difference
    of the heads, which is the effect, is learned last: which step is smallest is then chance, and errors of one to two
    units come with it. Ours takes 300 steps with a rate that falls to zero, considers the second half of them only, and
    averages five networks, each with held-out rows of its own. The outcome and the other columns are standardised, so
    that strengths mean the same on every table: the published 0.1 stands against squares in the outcome's own unit,
    whose variance on IHDP is 5.7. As in their code, and unlike the text, the groups that are balanced are those of the
    treatment taken and not of the predicted one. With ``networks=1, epochs=100, schedule="stairs", look_from=0`` the
    second stage is trained as theirs.

    **How the settings were chosen**: on draws of the IHDP design with other seeds and other sizes than the published
    ones (5-1, 3-3, 6-2, 5-0 confounders). By the likelihood of the treatment in rows left out, on four draws: .505
    before, .483 now, .493 for a logistic regression given the right products. By squared errors of the outcome in rows
    left out: flat from 100 steps on in six draws, no better at 800 than at 300 in two. They do not settle the strength
    (.716 without penalty, .720 at 0.004, .708 at 0.02): a curve may predict well and divide the prediction wrongly
    between treatment and covariates. So the strength was chosen by the error against the truth of eight such draws, six
    of them fitted with a constant learning rate: RMSE .28 without penalty, .26 at 0.004, .37 at 0.02, the published
    strength on this scale. That came after five fits at the published strength on the published designs, off by .4 to
    .8, and was not changed when the published designs were then met with the choice: on four reshuffles the RMSE is .59
    on 2-6-0 and .37 on 2-4-2, against .39 and .30 in print, so that the printed figures are **not** met. On 2-6-0 it is
    the penalty that costs (without it the same networks are within .08), on 2-4-2 they are .7 too low without it.
    ``benchmarks/cb_iv_strength.py`` compares strengths on draws with other seeds. Where the penalty leads: a
    representation that tells nothing of the treatment leaves the slope of the outcome on the predicted treatment
    without covariates, off by 1.1 and .7 on designs 2-6-0 and 2-4-2.

    Parameters
    ----------
    balance_strength : float
        alpha, against the mean squared error of the standardised outcome, or its cross-entropy if it has two values.
    two_stage : bool
        Predict the treatment first.
    normalise : bool
        Divide each representation by its length.
    representation : sequence of int
        Widths of the layers of phi.
    heads : sequence of int
        Widths of the hidden layers of each head.
    head_penalty : float
        lambda.
    networks : int
        How many are averaged; the held-out rows are drawn anew for each.
    epochs : int
        Steps of each, every one on a batch drawn at random.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam, in the first step.
    schedule : {"cosine", "stairs"}
        The learning rate falls to zero along a half cosine, or by 3 % every 100 steps as in the authors' programme.
    information_steps : int
        Steps of the CLUB networks before each of the others; continuous treatments only.
    treatment_layers : sequence of int
        Widths of the hidden layers of the first stage.
    treatment_folds : int
        Folds of the first stage.
    treatment_repeats : int
        How often the rows are dealt into folds; the predictions are averaged.
    treatment_epochs : int
        At most so many passes of the first stage.
    treatment_learning_rate : float
        Of Adam in the first stage.
    validation : float in (0, 1) or Study
        Share of the rows, drawn at random, on which the objective is looked at, or a study of further rows for it; the
        weights with the smallest objective are kept.
    look_every : int
        Steps between two looks.
    look_from : float in [0, 1)
        Share of the steps before the first look. The effect is learned last and the objective hardly shows it, so that
        early weights must not be kept for a good look.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Held-out rows, folds, first weights and batches.

    Attributes
    ----------
    curve_ : Curve
        The mean of the networks.
    history_ : tuple of History
        Of the training, one for each network.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, Z, U = rng.normal(size=(3, 400))
    >>> T = (Z + X + U > 0).astype(float)
    >>> study = yg.Study.from_arrays(X[:, None], T, X + 2 * T + U, Z=Z)
    >>> curve = yg.CBIV(networks=1, epochs=5, treatment_epochs=5, representation=(20,), heads=(10,)).fit(study)
    >>> curve.predict(X[:3, None], 1.0).shape
    (3,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments", "covariates"),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "cb-iv"

    def __init__(
        self,
        *,
        balance_strength: float = 0.004,
        two_stage: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (200, 200, 200),
        heads: Sequence[int] = (100, 100, 100),
        head_penalty: float = 1e-4,
        networks: int = 5,
        epochs: int = 300,
        batch_size: int = 100,
        learning_rate: float = 5e-4,
        schedule: str = "cosine",
        information_steps: int = 2,
        treatment_layers: Sequence[int] = (128, 64),
        treatment_folds: int = 10,
        treatment_repeats: int = 3,
        treatment_epochs: int = 60,
        treatment_learning_rate: float = 3e-3,
        validation: Any = 0.2,
        look_every: int = 20,
        look_from: float = 0.5,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.balance_strength = balance_strength
        self.two_stage = two_stage
        self.normalise = normalise
        self.representation = representation
        self.heads = heads
        self.head_penalty = head_penalty
        self.networks = networks
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.information_steps = information_steps
        self.treatment_layers = treatment_layers
        self.treatment_folds = treatment_folds
        self.treatment_repeats = treatment_repeats
        self.treatment_epochs = treatment_epochs
        self.treatment_learning_rate = treatment_learning_rate
        self.validation = validation
        self.look_every = look_every
        self.look_from = look_from
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "CBIV":
        """Estimate on a study; see :class:`CBIV`."""
        from yinguo.instruments.networks.cb_iv import train  # PyTorch is loaded when it is needed

        rows = None
        if self.schedule not in ("cosine", "stairs"):
            raise DataError(f"schedule is {self.schedule!r}; it must be 'cosine' or 'stairs'.")
        Y, T, X, Z = self.take_roles(study)
        if isinstance(self.validation, Study):
            Y, T, X, Z = _stacked(study, self.validation)
            rows = np.arange(study.n), np.arange(study.n, len(Y))
        kinds = study.treatment_kind == "binary", study.outcome_kind == "binary"
        self.curve_, predicted = train(self, Y, T, X, Z, as_rng(self.random_state), rows=rows, kinds=kinds)
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for balanced representations; bootstrap it, or use 2sls.",
            checks=(first_stage_check,) if self.two_stage else (),
            extras={"predicted_treatment": predicted[: study.n]},
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)


def _stacked(study: Study, more: Study) -> tuple[np.ndarray, ...]:
    """Outcome, treatment, covariates and instruments of two studies of the same columns, one below the other."""
    for said, of in (("covariates", lambda s: s.covariates), ("instruments", lambda s: s.instruments)):
        if of(study) != of(more):
            raise DataError(f"the study has {said} {of(study)}, validation has {of(more)}; give the same columns.")
    return tuple(np.concatenate([getattr(study, name), getattr(more, name)]) for name in ("Y", "T", "X", "Z"))
