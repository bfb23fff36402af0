r"""Other ways between a pre-trained and a tuned model, over state dicts, without training.

With :math:`\delta = \theta_{sft} - \theta_{pre}`:

============== ======================================================================================================
WiSE-FT        :math:`\theta_{pre} + \alpha \delta`
DARE           :math:`\theta_{pre} + b \odot \delta / (1 - p)`, b Bernoulli with chance 1 - p: right on average
grafting       :math:`\delta` where it is largest in the whole model, 0 elsewhere; the mask is not learned here
task arithmetic :math:`\theta_{pre} + \lambda \sum_k \delta_k`
TIES           each :math:`\delta_k` trimmed to its largest share; per weight the sign with the larger sum is elected,
               and the changes that agree with it are averaged
============== ======================================================================================================

Entries that are no floating-point numbers (positions, counters) are those of the tuned model, the first if several.

Sources: Wortsman et al. (2022), Robust fine-tuning of zero-shot models, CVPR; Yu et al. (2024), Language models are
super Mario, ICML; Panigrahi et al. (2023), Task-specific skill localization, ICML; Ilharco et al. (2023), Editing
models with task arithmetic, ICLR; Yadav et al. (2023), TIES-merging, NeurIPS.
"""

from collections.abc import Callable, Mapping, Sequence

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.checks import check_weights
from yinguo.language.tailor.model import check_states
from yinguo.nets import torch

__all__ = ["State", "dare", "graft", "merge_patches", "task_arithmetic", "ties", "wise_ft"]

State = Mapping[str, torch.Tensor]


def wise_ft(pretrained: State, tuned: State, *, alpha: float = 0.5) -> dict[str, torch.Tensor]:
    """On the line between the two: alpha 0 is the pre-trained model, 1 the tuned one.

    Parameters
    ----------
    pretrained, tuned : mapping of name to tensor
    alpha : float in [0, 1]
    """
    check_number("alpha", alpha, least=0, most=1)
    return _each(pretrained, [tuned], lambda pre, changes: pre + alpha * changes[0])


def task_arithmetic(pretrained: State, tuned: Sequence[State], *, scale: float = 1.0) -> dict[str, torch.Tensor]:
    """The changes of several tasks added up.

    Parameters
    ----------
    pretrained : mapping of name to tensor
    tuned : sequence of such
    scale : float
    """
    check_number("scale", scale)
    return _each(pretrained, tuned, lambda pre, changes: pre + scale * torch.stack(changes).sum(0))


def dare(pretrained: State, tuned: State, *, drop: float = 0.9, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Leave out changes at random and scale up the rest.

    Parameters
    ----------
    pretrained, tuned : mapping of name to tensor
    drop : float in [0, 1)
        Chance p that a change is left out.
    generator : torch.Generator
    """
    check_number("drop", drop, least=0, below=1)
    if not isinstance(generator, torch.Generator):
        raise DataError(
            f"generator is {generator!r}; give a torch.Generator, such as torch.Generator().manual_seed(0)."
        )

    def keep(pre: torch.Tensor, changes: list[torch.Tensor]) -> torch.Tensor:
        kept = torch.rand(pre.shape, generator=generator, device=generator.device).to(pre.device) >= drop
        return pre + torch.where(kept, changes[0], 0.0) / (1 - drop)

    return _each(pretrained, [tuned], keep)


def graft(pretrained: State, tuned: State, *, density: float = 0.1) -> dict[str, torch.Tensor]:
    """Tuned where the change is among the largest of the whole model, pre-trained elsewhere.

    Parameters
    ----------
    pretrained, tuned : mapping of name to tensor
    density : float in [0, 1]
    """
    check_number("density", density, least=0, most=1)
    _check(pretrained, [tuned])
    kept = _trimmed(pretrained, tuned, density)
    return {
        name: torch.where(kept[name], value, pretrained[name].to(value.dtype)) if name in kept else value.clone()
        for name, value in tuned.items()
    }


def ties(
    pretrained: State, tuned: Sequence[State], *, density: float = 0.2, scale: float = 1.0
) -> dict[str, torch.Tensor]:
    """Trim, elect the sign, average what agrees with it. With one task nothing is elected: scaled grafting.

    Parameters
    ----------
    pretrained : mapping of name to tensor
    tuned : sequence of such
    density : float in [0, 1]
        Share of each task's changes that is kept, over the whole model.
    scale : float
        Of the merged change.
    """
    check_number("density", density, least=0, most=1)
    check_number("scale", scale)
    _check(pretrained, tuned)
    kept = [_trimmed(pretrained, state, density) for state in tuned]
    merged = {}
    for name, first in tuned[0].items():
        if not first.is_floating_point():
            merged[name] = first.clone()
            continue
        pre = pretrained[name].double()
        changes = torch.stack([
            torch.where(masks[name], state[name].double() - pre, 0.0) for masks, state in zip(kept, tuned, strict=True)
        ])  # fmt: skip
        agree = (changes.sign() == changes.sum(0).sign()) & (changes != 0)
        change = torch.where(agree, changes, 0.0).sum(0) / agree.sum(0).clamp(min=1)
        merged[name] = (pre + scale * change).to(first.dtype)
    return merged


def merge_patches(pretrained: State, tailored: Sequence[State]) -> dict[str, torch.Tensor]:
    """Patches of several tasks in one model, averaged where they overlap.

    Parameters
    ----------
    pretrained : mapping of name to tensor
    tailored : sequence of such
        States of :func:`~yinguo.language.tailor.model.tailor_model`, one for each task; outside its patch each is
        ``pretrained`` to the bit, so the patches need not be passed.

    Source
    ------
    Zhu et al. (2024) state that patches of several tasks can be joined; averaging is our reading.
    """

    def join(pre: torch.Tensor, changes: list[torch.Tensor]) -> torch.Tensor:
        stacked = torch.stack(changes)
        return pre + stacked.sum(0) / (stacked != 0).sum(0).clamp(min=1)

    return _each(pretrained, tailored, join)


def _each(
    pretrained: State,
    tuned: Sequence[State],
    merge: Callable[[torch.Tensor, list[torch.Tensor]], torch.Tensor],
) -> dict[str, torch.Tensor]:
    """One parameter after another, in double precision, so that a whole change added back is the tuned weight."""
    _check(pretrained, tuned)
    merged = {}
    for name, first in tuned[0].items():
        if not first.is_floating_point():
            merged[name] = first.clone()
        else:
            pre = pretrained[name].double()
            merged[name] = merge(pre, [state[name].double() - pre for state in tuned]).to(first.dtype)
    return merged


def _check(pretrained: State, tuned: Sequence[State]) -> None:
    """At least one tuned state, all of one architecture, and changes that are numbers."""
    if isinstance(tuned, Mapping):
        raise DataError("tuned is a single state; pass a list of states, one for each task.")
    if not tuned:
        raise DataError("there is no tuned state to merge; pass at least one.")
    for state in tuned:
        check_states(pretrained, state)
    for when, states in (("pre-trained", [pretrained]), ("tuned", tuned)):
        for state in states:
            for name, value in state.items():
                if value.is_floating_point():
                    check_weights(f"{when} weights of {name!r}", value)


def _trimmed(pretrained: State, tuned: State, density: float) -> dict[str, torch.Tensor]:
    """Where a change is among the largest of the model; of equal ones the first, parameter by parameter."""
    names = [name for name, value in tuned.items() if value.is_floating_point()]
    sizes = [(tuned[name].float() - pretrained[name].float()).abs().flatten() for name in names]
    everything = torch.cat(sizes)
    count = round(density * len(everything))
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[everything.sort(descending=True, stable=True).indices[:count]] = True
    parts = chosen.split([len(size) for size in sizes])
    return {name: part.view(tuned[name].shape) for name, part in zip(names, parts, strict=True)}
