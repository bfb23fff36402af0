r"""Re-Attention: a loss that asks the rows which predict the answer to look at the tokens that cause it.

For sample b let :math:`\bar A` be its attention and M the tokens known to matter (``supervision``): :math:`M_{ij}`
is true where position i, which predicts token i + 1, ought to look at token j. Over the columns :math:`j \le i`

.. math:: a^1_i = \mathrm{mean}(\bar A_{ij} : M_{ij}), \quad a^0_i = \mathrm{mean}(\bar A_{ij} : \neg M_{ij}), \quad
          \rho_i = a^1_i / a^0_i,

and the hinge asks each row with both kinds of columns for a ratio of at least :math:`\alpha`,

.. math:: L = \frac{1}{\#\text{rows}} \sum_i \max(\alpha - \rho_i, 0), \qquad
          L_{\text{total}} = L_{\text{LM}} + \gamma_t\, L, \quad \gamma_t = \gamma_0 r^t.

Source: Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535; the forms other
than the hinge are those of the code the authors released.
"""

from collections.abc import Sequence

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.nets import torch

__all__ = ["FORMS", "causal_attention_mass", "gamma_schedule", "mean_attention", "re_attention_loss"]

#: Ways to punish a row whose ratio is below alpha.
FORMS = ("hinge", "div", "div2", "nll")
#: Added to a0: where a head puts everything on the causal tokens, rho would overflow.
_TINY = 1e-6


def re_attention_loss(
    attention: torch.Tensor,
    supervision: torch.Tensor,
    *,
    alpha: float = 2.0,
    form: str = "hinge",
    smoothed: bool = False,
    skip_first: bool = False,
    real: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""How far the supervised rows of attention are from preferring their causal tokens by a factor of alpha.

    **Use it when** the tokens that matter for an answer are known in the training rows. **Not when** they are guessed
    from the labels: a wrong mask teaches a wrong shortcut.

    **Where we differ from the released code, and why**: the default is the hinge, since ``"div"`` has no lower bound;
    all rows at once, where that code loops over them; ``a0 + 1e-6`` in place of ``a0``, so that nothing overflows; the
    smoothed variant of the other forms averages over the rows of a sample, where that code takes its last row; it
    divides by all samples with a valid row, where that code counts those below alpha alone.

    Parameters
    ----------
    attention : (B, T, T) or (B, H, T, T) tensor
        Row i says where position i looks; entries right of the diagonal are ignored. With heads, each head has a ratio
        of its own; for the average of the paper pass :func:`mean_attention`.
    supervision : (B, T, T) boolean tensor
        M above. Rows without a true entry, or with nothing else to look at, do not count.
    alpha : float, default 2.0
        The ratio asked for; a row that has it costs nothing.
    form : {"hinge", "div", "div2", "nll"}
        What a row below alpha costs: :math:`\alpha - \rho`; :math:`-\log(1 + a^1) / \log(1 + a^0)`;
        :math:`-\log(1 + a^1 / (1 + a^0))`; :math:`-a^1 / (a^1 + a^0)`. The last three jump to zero at alpha.
    smoothed : bool, default False
        Judge a sample (and head) by the mean of rho over its rows, instead of each row.
    skip_first : bool, default False
        Leave the first real token out of both means: decoders park attention there.
    real : (B, T) boolean tensor, optional
        False at padding, on either side: neither a row nor a column then.

    Returns
    -------
    loss : scalar tensor
        Mean over valid rows (samples where ``smoothed``) and heads; 0, with gradient 0, where there is none.

    Raises
    ------
    DataError
        Something else than tensors, shapes that do not fit, an unknown form, an alpha that is not positive.
    """
    if form not in FORMS:
        raise DataError(f"form is {form!r}; it must be one of {', '.join(FORMS)}.")
    check_number("alpha", alpha, above=0)
    heads, sample, row, marked, other = _valid_rows(attention, supervision, real, skip_first)
    looks = _single(heads[sample, :, row])  # (R, H, T)
    a1, a0 = _mean_where(looks, marked), _mean_where(looks, other) + _TINY  # (R, H)
    rho = a1 / a0
    costs = _costs(form, a1, a0, rho, alpha)
    if smoothed:
        costs, rho = (_mean_by_sample(values, sample) for values in (costs, rho))
    # A ratio that is no number must cost no number: it is not "at least alpha" either.
    costs = torch.where(rho >= alpha, torch.zeros_like(costs), costs)
    return costs.sum() / max(costs.numel(), 1)


def mean_attention(attentions: Sequence[torch.Tensor]) -> torch.Tensor:
    """Average over all heads of all layers: (B, H, T, T) tensors, one for each layer, to one (B, T, T)."""
    if not attentions or any(layer is None for layer in attentions):
        raise DataError("no attention was given; ask for it (output_attentions=True, attn_implementation='eager').")
    return torch.stack([layer.mean(dim=1) for layer in attentions]).mean(dim=0)


def causal_attention_mass(
    attention: torch.Tensor, supervision: torch.Tensor, *, real: torch.Tensor | None = None
) -> torch.Tensor:
    """Share of attention, in the supervised rows, that falls on their causal tokens: a number from 0 to 1.

    Parameters
    ----------
    attention : (B, T, T) or (B, H, T, T) tensor
    supervision : (B, T, T) boolean tensor
    real : (B, T) boolean tensor, optional
        As in :func:`re_attention_loss`.

    Returns
    -------
    mass : scalar tensor
        Mean over valid rows and heads; not a number where there is none.
    """
    heads, sample, row, marked, _ = _valid_rows(attention, supervision, real, False)
    return (_single(heads[sample, :, row]) * marked[:, None]).sum(dim=-1).mean()


def gamma_schedule(gamma_0: float, decay: float, epoch: int) -> float:
    """Weight of the loss in an epoch counted from 0: ``gamma_0 * decay**epoch``."""
    check_number("gamma_0", gamma_0, least=0)
    check_number("decay", decay, above=0, most=1)
    check_whole("epoch", epoch, least=0)
    return gamma_0 * decay**epoch


def _valid_rows(
    attention: torch.Tensor, supervision: torch.Tensor, real: torch.Tensor | None, skip_first: bool
) -> tuple[torch.Tensor, ...]:
    """Attention with a head axis; sample and position of each valid row (R,); its two kinds of columns (R, T)."""
    for name, given in (("attention", attention), ("supervision", supervision)):
        if not isinstance(given, torch.Tensor) or given.ndim < 3:
            said = f"shape {tuple(given.shape)}" if hasattr(given, "shape") else f"type {type(given).__name__}"
            raise DataError(f"{name} has {said}; give a tensor of shape (B, T, T), or (B, H, T, T) for attention.")
    heads = attention[:, None] if attention.ndim == 3 else attention
    batch, length = supervision.shape[0], supervision.shape[-1]
    if supervision.shape != (batch, length, length) or heads.ndim != 4 or heads[:, 0].shape != supervision.shape:
        raise DataError(
            f"attention has shape {tuple(attention.shape)} and supervision {tuple(supervision.shape)}; they must be "
            "(B, T, T) or (B, H, T, T), and (B, T, T)."
        )
    if real is None:
        real = torch.ones(batch, length, dtype=torch.bool, device=supervision.device)
    elif real.shape != (batch, length):
        raise DataError(f"real has shape {tuple(real.shape)}; it must be {(batch, length)}, one entry a token.")
    real = real.bool()
    # Few rows are supervised, as a rule those that predict the answer: nothing is computed for the others.
    sample, row = (supervision.any(dim=-1) & real).nonzero(as_tuple=True)
    places = torch.arange(length, device=supervision.device)
    allowed = (places <= row[:, None]) & real[sample]
    if skip_first:
        allowed &= places != real.int().argmax(dim=1)[sample][:, None]
    chosen = supervision[sample, row].bool()
    marked, other = allowed & chosen, allowed & ~chosen
    valid = marked.any(dim=-1) & other.any(dim=-1)
    return heads, sample[valid], row[valid], marked[valid], other[valid]


def _mean_where(looks: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Mean of (R, H, T) over the columns (R, T) of each row: (R, H)."""
    shares = columns.to(looks.dtype) / columns.sum(dim=-1, keepdim=True)
    return torch.einsum("rht,rt->rh", looks, shares)


def _costs(form: str, a1: torch.Tensor, a0: torch.Tensor, rho: torch.Tensor, alpha: float) -> torch.Tensor:
    if form == "hinge":
        return alpha - rho
    if form == "div":
        return -torch.log1p(a1) / torch.log1p(a0)
    if form == "div2":
        return -torch.log1p(a1 / (1 + a0))
    return -a1 / (a1 + a0)


def _mean_by_sample(values: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
    """Mean of (R, H) over the rows of each sample that has one."""
    present, place = sample.unique(return_inverse=True)
    sums = values.new_zeros(len(present), values.shape[1]).index_add(0, place, values)
    return sums / torch.bincount(place, minlength=len(present))[:, None]


def _single(values: torch.Tensor) -> torch.Tensor:
    """At least single precision: means of half-precision attention lose the ratio."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()
