r"""What is minimised when a language model is tuned to what readers prefer, as functions of log-probabilities.

With :math:`\ell_i = \log P^f(X_i) - \log P^R(X_i)` for texts that were read and
:math:`\tilde\ell_j = \log P^f(\tilde X_j) - \log P^{f_0}(\tilde X_j)` for texts drawn from the fixed model, each
clipped to :math:`\pm c`, and weights :math:`w = \exp(\ell)` divided by their mean over the batch:

* CPO maximises :math:`\overline{w Y}`; DR-CPO :math:`\overline{w (Y - \hat g)} + \overline{\tilde w \hat g}`; the
  outcome-only objective its second term alone (:func:`value_objective`);
* DPO: :math:`-\log\sigma(\beta (\ell_w - \ell_l))` over pairs of a better and a worse text (:func:`dpo_loss`);
* SimPO: :math:`-\log\sigma(\beta (\bar p_w - \bar p_l) - \gamma)`, :math:`\bar p` the log-probability per token
  (:func:`simpo_loss`);
* reward-weighted regression: likelihood with weights :math:`\propto \exp(Y / \tau)`;
* PPO's clipped objective: :math:`-\overline{\min(r A, \mathrm{clamp}(r, 1 \pm \epsilon) A)}` over tokens.

Sources: as :mod:`yinguo.language.off_policy` for the first three; Rafailov et al. (2023), "Direct preference
optimization", NeurIPS; Meng, Xia & Chen (2024), "SimPO", NeurIPS; Peters & Schaal (2007), "Reinforcement learning by
reward-weighted regression", ICML; Schulman et al. (2017), "Proximal policy optimization algorithms", arXiv 1707.06347.
"""

from yinguo.nets import nn, torch

__all__ = [
    "batch_weights", "clipped_ratio_loss", "divergence_estimate", "dpo_loss", "entropy_estimate",
    "reward_weighted_loss", "simpo_loss", "value_objective",
]  # fmt: skip


def batch_weights(log_ratio: torch.Tensor, *, normalise: bool = True, clip: float | None = None) -> torch.Tensor:
    """Weights of a batch, through which gradients flow; one beyond the bound has none.

    Parameters
    ----------
    log_ratio : (B,) tensor
    normalise : bool, default True
        Divide by their mean over the batch.
    clip : float or None, default None
        Bound on the log-ratio, in nats.

    Returns
    -------
    (B,) tensor
    """
    ell = log_ratio if clip is None else log_ratio.clamp(-clip, clip)
    return ell.softmax(dim=0) * len(ell) if normalise else ell.exp()


def value_objective(
    *,
    Y: torch.Tensor | None = None,
    log_ratio: torch.Tensor | None = None,
    g: torch.Tensor | None = None,
    g_drawn: torch.Tensor | None = None,
    log_ratio_drawn: torch.Tensor | None = None,
    c_ipw: float = 1.0,
    c_out: float = 1.0,
    normalise: bool = True,
    clip: float | None = None,
) -> torch.Tensor:
    r"""Estimated value of a model on a batch, to be maximised.

    .. math:: c_{ipw} \overline{w (Y - \hat g)} + c_{out} \overline{\tilde w \hat g}

    Parameters
    ----------
    Y, log_ratio : (B,) tensors, optional
        Outcomes of texts read and their log-ratios; None leaves the first term out.
    g : (B,) tensor, optional
        Predicted outcomes of the texts read; None is 0: the objective of CPO.
    g_drawn, log_ratio_drawn : (K,) tensors, optional
        Of texts drawn; None leaves the second term out.
    c_ipw, c_out : float, default 1.0
        What either term counts; with other values than 1 it is no estimate of the value.
    normalise, clip
        As :func:`batch_weights`, the same for both.

    Returns
    -------
    scalar tensor
    """
    terms = []
    if Y is not None and log_ratio is not None and c_ipw:
        residual = Y if g is None else Y - g
        terms.append(c_ipw * (batch_weights(log_ratio, normalise=normalise, clip=clip) * residual).mean())
    if g_drawn is not None and log_ratio_drawn is not None and c_out:
        terms.append(c_out * (batch_weights(log_ratio_drawn, normalise=normalise, clip=clip) * g_drawn).mean())
    if not terms:
        raise ValueError("neither texts read nor texts drawn are given, or both count for nothing")
    return torch.stack(terms).sum()


def divergence_estimate(log_ratio_drawn: torch.Tensor) -> torch.Tensor:
    r"""Kullback-Leibler divergence of the model from the fixed one, from texts of the fixed one.

    .. math:: KL = \overline{\tilde w \tilde\ell} - \log \overline{\exp \tilde\ell}, \qquad
              \tilde w = \exp \tilde\ell / \overline{\exp \tilde\ell}

    That of the weighted texts from the unweighted ones, so never negative and at most log K; too small where few texts
    hold the weight.
    """
    w = log_ratio_drawn.softmax(dim=0)
    return (w * (w.clamp_min(1e-30) * len(w)).log()).sum()


def entropy_estimate(log_probability_drawn: torch.Tensor, log_ratio_drawn: torch.Tensor) -> torch.Tensor:
    """Entropy of the model, from texts of the fixed one, weighted."""
    return -(log_ratio_drawn.softmax(dim=0) * log_probability_drawn).sum()


def dpo_loss(log_ratio_won: torch.Tensor, log_ratio_lost: torch.Tensor, *, strength: float) -> torch.Tensor:
    """Direct preference optimisation over pairs.

    Parameters
    ----------
    log_ratio_won, log_ratio_lost : (B,) tensors
        log P^f - log P^f0 of the better and of the worse text.
    strength : float
        The paper's beta: the larger, the nearer the model stays to the fixed one.
    """
    return -nn.functional.logsigmoid(strength * (log_ratio_won - log_ratio_lost)).mean()


def simpo_loss(mean_won: torch.Tensor, mean_lost: torch.Tensor, *, strength: float, margin: float) -> torch.Tensor:
    """Simple preference optimisation over pairs, without a reference model.

    Parameters
    ----------
    mean_won, mean_lost : (B,) tensors
        Log-probability per token of the better and of the worse text.
    strength, margin : float
        The paper's beta and gamma.
    """
    return -nn.functional.logsigmoid(strength * (mean_won - mean_lost) - margin).mean()


def reward_weighted_loss(log_probability: torch.Tensor, Y: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """Likelihood of texts, those with higher outcomes counting more.

    Parameters
    ----------
    log_probability, Y : (B,) tensors
    temperature : float
        Unit of the outcome in which a factor e is gained; large is plain fine-tuning.
    """
    return -((Y / temperature).softmax(dim=0) * log_probability).sum()


def clipped_ratio_loss(
    log_ratio_by_token: torch.Tensor, scored: torch.Tensor, advantage: torch.Tensor, *, clip: float
) -> torch.Tensor:
    """PPO's clipped objective over the tokens of texts drawn from the fixed model.

    Parameters
    ----------
    log_ratio_by_token : (B, T) tensor
        log P^f - log P^f0 of each token given those before it.
    scored : (B, T) boolean tensor
        Tokens that count.
    advantage : (B,) tensor
        What the whole text is predicted to be worth more than the average one.
    clip : float
        The paper's epsilon.
    """
    ratio = log_ratio_by_token.exp()
    gain = advantage[:, None]
    kept = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    return -(kept * scored).sum() / scored.sum()
