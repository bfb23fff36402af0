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
from yinguo.instruments.treatment_regression import predicted_treatment
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, tensor
from yinguo.nets.club import ConditionalGaussian
from yinguo.nets.outcome_heads import OutcomeHeads
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["CBIV"]

#: Held-out rows beyond this many are not looked at: the transport distance needs all pairs.
MOST_HELD = 2000


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
    ``balance_strength=0``.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart. For a continuous treatment also an effect linear in it:
    the plug-in of its prediction is right for no other (see nn-2sls).

    **Where we differ from the paper or its code, and why**: the authors' first stage takes three passes of plain
    gradient steps and is read off in training mode, its batch normalisation using all rows; ours is fitted to the end
    on other folds and recalibrated, see :mod:`~yinguo.instruments.treatment_regression`, because predictions that are
    too close to the mean, or that have learned the noise of their own rows, shift every effect. On held-out rows the
    authors' programme for IHDP and Twins puts the treatment itself in the place of its prediction; ours does not. The
    outcome and the other columns are standardised, so that strengths mean the same on every table: the published 0.1
    stands against squares in the outcome's own unit, whose variance on IHDP is 5.7. As in their code, and unlike
    the text, the groups that are balanced are those of the treatment taken and not of the predicted one.

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
    epochs : int
        Steps, each on a batch drawn at random.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam; times 0.97 every 100 steps.
    information_steps : int
        Steps of the CLUB networks before each of the others; continuous treatments only.
    treatment_layers : sequence of int
        Widths of the hidden layers of the first stage.
    treatment_folds : int
        Folds of the first stage.
    treatment_epochs : int
        At most so many passes of the first stage.
    treatment_learning_rate : float
        Of Adam in the first stage.
    validation : float in (0, 1) or Study
        Share of the rows, drawn at random, on which the objective is looked at, or a study of further rows for it; the
        weights with the smallest objective are kept.
    look_every : int
        Steps between two looks.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Held-out rows, folds, first weights and batches.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, Z, U = rng.normal(size=(3, 400))
    >>> T = (Z + X + U > 0).astype(float)
    >>> study = yg.Study.from_arrays(X[:, None], T, X + 2 * T + U, Z=Z)
    >>> curve = yg.CBIV(epochs=5, treatment_epochs=5, representation=(20,), heads=(10,)).fit(study)
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
        balance_strength: float = 0.02,
        two_stage: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (200, 200, 200),
        heads: Sequence[int] = (100, 100, 100),
        head_penalty: float = 1e-4,
        epochs: int = 100,
        batch_size: int = 100,
        learning_rate: float = 5e-4,
        information_steps: int = 2,
        treatment_layers: Sequence[int] = (128, 64),
        treatment_folds: int = 5,
        treatment_epochs: int = 100,
        treatment_learning_rate: float = 1e-3,
        validation: Any = 0.3,
        look_every: int = 20,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.balance_strength = balance_strength
        self.two_stage = two_stage
        self.normalise = normalise
        self.representation = representation
        self.heads = heads
        self.head_penalty = head_penalty
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.information_steps = information_steps
        self.treatment_layers = treatment_layers
        self.treatment_folds = treatment_folds
        self.treatment_epochs = treatment_epochs
        self.treatment_learning_rate = treatment_learning_rate
        self.validation = validation
        self.look_every = look_every
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "CBIV":
        """Estimate on a study; see :class:`CBIV`."""
        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        if isinstance(self.validation, Study):
            Y, T, X, Z = _stacked(study, self.validation)
            train, held = np.arange(study.n), np.arange(study.n, len(Y))
        else:
            train, held = split_rows(study.n, self.validation, rng)
        binary, chances = study.treatment_kind == "binary", study.outcome_kind == "binary"
        unchanged = Standardiser(np.array([-1.0, 1.0]))
        self.scales_ = {
            "Y": unchanged if binary and chances else Standardiser(Y[train]),
            "T": unchanged if binary else Standardiser(T),
            "X": Standardiser(X),
        }
        columns = {name: self.scales_[name](values) for name, values in (("Y", Y), ("T", T), ("X", X))}
        generator = make_generator(int(rng.integers(2**63)))
        columns["S"] = columns["T"]
        if self.two_stage:
            columns["S"] = predicted_treatment(
                T=columns["T"], Z=Standardiser(Z)(Z), X=columns["X"], binary=binary, layers=self.treatment_layers,
                folds=self.treatment_folds, epochs=self.treatment_epochs, batch_size=self.batch_size,
                learning_rate=self.treatment_learning_rate, generator=generator, device=self.device,
            )  # fmt: skip
        network = _Balanced(self, X.shape[1], binary, binary and chances, generator)
        looked_at = {name: tensor(values[held[:MOST_HELD]]).to(self.device) for name, values in columns.items()}
        looks = Validation(
            "objective on held-out rows",
            lambda: sum(float(part) for part in network.losses(looked_at).values()),
            every=max(1, min(self.look_every, self.epochs)),
        )
        trainer = Trainer(
            epochs=self.epochs, batch_size=self.batch_size, steps_per_epoch=1, generator=generator, device=self.device
        )
        learned = {name: tensor(values[train]) for name, values in columns.items()}
        self.history_ = trainer.fit(network, learned, looks)
        self.network_ = network.curve
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for balanced representations; bootstrap it, or use 2sls.",
            checks=(first_stage_check,) if self.two_stage else (),
            extras={"predicted_treatment": self.scales_["T"].back(columns["S"])[: study.n]},
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        inputs = (tensor(self.scales_[name](values)).to(self.device) for name, values in (("X", X), ("T", T)))
        with torch.no_grad():
            g = self.network_(*inputs)
        return self.scales_["Y"].back(g[:, 0].cpu().numpy().astype(np.float64))


def _stacked(study: Study, more: Study) -> tuple[np.ndarray, ...]:
    """Outcome, treatment, covariates and instruments of two studies of the same columns, one below the other."""
    for said, of in (("covariates", lambda s: s.covariates), ("instruments", lambda s: s.instruments)):
        if of(study) != of(more):
            raise DataError(f"the study has {said} {of(study)}, validation has {of(more)}; give the same columns.")
    return tuple(np.concatenate([getattr(study, name), getattr(more, name)]) for name in ("Y", "T", "X", "Z"))


class _Balanced(nn.Module):
    """Outcome heads on a representation, with the penalty for what it tells about the treatment."""

    def __init__(self, options: CBIV, covariates: int, binary: bool, chances: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.options, self.binary, self.chances = options, binary, chances
        self.curve = OutcomeHeads(
            covariates, representation=options.representation, heads=options.heads, arms=binary,
            normalise=options.normalise, chances=chances, generator=generator,
        )  # fmt: skip
        width = options.representation[-1]
        self.law = None if binary else ConditionalGaussian(width, 1, hidden=width // 2, generator=generator)

    def phases(self) -> list[Phase]:
        """The law of the treatment given the representation where one is needed, then the outcome."""
        turns = [self.turn("outcome", self.losses, self.curve, 1)]
        if self.law is not None and self.options.balance_strength > 0:
            turns.insert(0, self.turn("information", self.law_losses, self.law, self.options.information_steps))
        return turns

    def turn(self, name: str, losses, module: nn.Module, steps: int) -> Phase:
        """A phase of Adam with the learning rate falling in stairs."""
        adam = torch.optim.Adam(module.parameters(), lr=self.options.learning_rate)
        return Phase(name, losses, adam, steps, schedule=torch.optim.lr_scheduler.StepLR(adam, 100, 0.97))

    def law_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the law predicts the treatment from the representation."""
        return {"likelihood": self.law.likelihood_loss(self.curve.represent(batch["X"]).detach(), batch["T"])}  # type: ignore[union-attr]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The objective on a batch, part by part."""
        r = self.curve.represent(batch["X"])
        m, Y, T = self.curve.outcome(r, batch["S"]), batch["Y"], batch["T"]
        if self.chances:
            parts = {"cross-entropy": nn.functional.binary_cross_entropy(m, Y)}
        else:
            parts = {"squares": (Y - m).square().mean()}
        if self.options.balance_strength > 0:
            if self.law is None:
                distance = sinkhorn(r[T[:, 0] == 1], r[T[:, 0] == 0], **VARIANTS["cfrnet"])
            else:
                distance = self.law.bound(r, T).square()
            parts["balance"] = self.options.balance_strength * distance
        return parts | {"weights": self.options.head_penalty * self.curve.head_weights()}
