"""Model Tailor for a whole model in memory: every linear layer, from the first called to the last.

Layers are taken in the order of their calls. With ``recompute`` each layer sees the inputs that the layers before it
give *after* they were tailored, so that it can also make up for what they lost.

What is no linear layer has no inputs to weigh by: of every other matrix (embeddings, tied heads) and of every vector
(biases, norms) the largest changes stay, the same share of each row, a vector being one row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.checks import check_weights
from yinguo.language.tailor.curvature import Forward, call_model, linear_groups, linear_layers, measure_groups
from yinguo.language.tailor.layer import solver_of, top_of_rows
from yinguo.nets import nn, torch

__all__ = ["OTHERS", "LayerReport", "TailoredModel", "check_states", "largest_changes", "tailor_model"]

#: What becomes of parameters that are no weight of a linear layer.
OTHERS = ("largest", "pretrained", "tuned")


@dataclass(frozen=True, slots=True)
class LayerReport:
    """How well one layer was tailored.

    Attributes
    ----------
    name : str
        Of the weight.
    error, uncompensated : float
        Change of the layer's output on the calibration inputs, as a share of the output; see ``TailoredLayer``.
    """

    name: str
    error: float
    uncompensated: float


@dataclass(frozen=True, slots=True)
class TailoredModel:
    """Weights of a tailored model.

    Attributes
    ----------
    state : dict of name to tensor
        For ``model.load_state_dict``.
    layers : tuple of LayerReport
        Linear layers in the order in which they were tailored.
    density : float
        Share of all parameters that are not the pre-trained ones.
    """

    state: dict[str, torch.Tensor]
    layers: tuple[LayerReport, ...]
    density: float


def tailor_model(
    model: nn.Module,
    pretrained: Mapping[str, torch.Tensor],
    batches: Iterable[Any],
    *,
    density: float = 0.1,
    recompute: bool = True,
    others: str = "largest",
    layers: Callable[[str], bool] | None = None,
    forward: Forward = call_model,
    progress: Callable[[int, int, str], None] | None = None,
    **options: Any,
) -> TailoredModel:
    """Keep a small patch of a tuned model, and its pre-trained weights elsewhere.

    **Use it when** a model was tuned on one task and should still do what it could before, there are some inputs of the
    new task, and no more training is wanted. **Not when** the model has forgotten nothing (compare first), when there
    are rows of the old tasks to tune on as well, or when tuning moved the model so far that a tenth of the change is
    not the new task: then raise the density and look at both.

    **Assumes** that what the layer does on the calibration inputs is what the new task needs, and that weights near
    the pre-trained ones mean behaviour near the pre-trained one.

    **Where we differ from the paper's code**: the correction is subtracted, as the derivation has it, not added; the
    score uses the change of a weight and the diagonal of the inverse, not the weight and a Cholesky factor; scores
    are compared over a whole row, not within blocks of 128 columns; layers up to 2,000 inputs are solved exactly;
    all linear layers are tailored, not only the upper ones; an input that never occurs has no special treatment.

    Parameters
    ----------
    model : nn.Module
        Tuned. It has its own weights again when this returns.
    pretrained : mapping of name to tensor
        State of the same model before tuning.
    batches : iterable
        Calibration inputs of the new task, some hundred rows; read into a list.
    density : float in [0, 1]
        Share of each row that stays tuned.
    recompute : bool, default True
        Inputs of a layer under the tailored earlier ones: one run of the batches for each group of layers, ended at
        the group. False measures all layers of the tuned model in one run.
    others : {"largest", "pretrained", "tuned"}
        Parameters that are no weight of a linear layer: the largest changes of each row, none of them, or all.
    layers : callable (name) -> bool, optional
        Which linear layers to tailor; the others count among the ``others``.
    forward : callable (model, batch)
        How the model is called; ``model(**batch)`` for mappings, ``model(batch)`` otherwise.
    progress : callable (done, total, name), optional
    **options
        Of :func:`~yinguo.language.tailor.layer.tailor_layer`.

    Returns
    -------
    TailoredModel

    Raises
    ------
    DataError
        States that do not fit together, no calibration data, or options out of range.

    Source
    ------
    Zhu et al. (2024), Model Tailor, ICML.
    """
    check_number("density", density, least=0, most=1)
    if others not in OTHERS:
        raise DataError(f"others is {others!r}; it must be one of {', '.join(OTHERS)}.")
    if not isinstance(model, nn.Module):
        raise DataError(f"the model is {model!r}; give the tuned one, loaded.")
    tuned = {name: value.detach().clone() for name, value in model.state_dict().items()}
    check_states(pretrained, tuned)
    batches = list(batches)
    if not batches:
        raise DataError("there are no calibration batches; pass some inputs of the new task.")
    found = linear_layers(model, layers)
    reports: list[LayerReport] = []
    state = {
        name: _other(name, pretrained[name].to(value.device), value, density, others) for name, value in tuned.items()
    }
    try:
        groups = linear_groups(model, found, batches[0], forward)
        known = None if recompute else measure_groups(model, found, groups, batches, forward)
        if recompute:  # what embeddings, biases and norms lost is in the inputs of the layers, too
            linear = {f"{name}.weight" for name in found}
            model.load_state_dict({name: tuned[name] if name in linear else value for name, value in state.items()})
        for place, group in enumerate(groups):
            if recompute:
                moments = measure_groups(model, found, [group], batches, forward)[0]
            else:
                assert known is not None
                moments = known[place]
            solver = solver_of(moments.H, density=density, **options)
            for name in group.names:
                key = f"{name}.weight"
                for when, state_of in (("pre-trained", pretrained), ("tuned", tuned)):
                    check_weights(f"{when} weights of {key!r}", state_of[key])
                weight = found[name].weight
                made = solver.tailor(pretrained[key].to("cpu"), tuned[key].to("cpu"))
                state[key] = made.weight.to(weight.device)
                assert made.error is not None
                assert made.uncompensated is not None
                reports.append(LayerReport(key, made.error, made.uncompensated))
                if recompute:
                    with torch.no_grad():
                        weight.copy_(state[key])
            if progress is not None:
                progress(place + 1, len(groups), group.names[-1])
    finally:
        model.load_state_dict(tuned)
    return TailoredModel(state, tuple(reports), _changed(state, pretrained))


def largest_changes(pretrained: torch.Tensor, tuned: torch.Tensor, density: float) -> torch.Tensor:
    """The tuned value where a row changed most, the pre-trained one elsewhere; a vector is one row.

    Parameters
    ----------
    pretrained, tuned : tensors of the same shape
        What comes after the first dimension of a matrix or larger array is its row.
    density : float in [0, 1]
    """
    shape = tuned.shape
    rows = (1, -1) if tuned.ndim < 2 else (shape[0], -1)
    patch = top_of_rows((tuned.float() - pretrained.float()).abs().reshape(rows), density).view(shape)
    return torch.where(patch, tuned, pretrained.to(tuned.dtype))


def check_states(pretrained: Mapping[str, torch.Tensor], tuned: Mapping[str, torch.Tensor]) -> None:
    """Two states are of the same model: the same names, and the same shape under each.

    Raises
    ------
    DataError
    """
    for when, state in (("pre-trained", pretrained), ("tuned", tuned)):
        if not isinstance(state, Mapping) or not state:
            raise DataError(f"the {when} state is {f'a {type(state).__name__}' if state else 'empty'}; give a mapping "
                            "of name to tensor, as model.state_dict() returns it.")  # fmt: skip
        odd = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
        if odd:
            raise DataError(f"{odd[0]!r} of the {when} state is a {type(state[odd[0]]).__name__}; give tensors.")
    odd = sorted(set(pretrained) ^ set(tuned))
    if odd:
        where = "pre-trained" if odd[0] in pretrained else "tuned"
        raise DataError(f"{len(odd)} parameters are in one state only, first {odd[0]!r} ({where}); both must be of the "
                        "same architecture.")  # fmt: skip
    for name, value in tuned.items():
        if pretrained[name].shape != value.shape:
            raise DataError(f"{name!r} has shape {tuple(pretrained[name].shape)} before tuning and "
                            f"{tuple(value.shape)} after it; resize the pre-trained one as tuning did.")  # fmt: skip


def _other(name: str, pretrained: torch.Tensor, tuned: torch.Tensor, density: float, others: str) -> torch.Tensor:
    if others == "tuned" or not tuned.is_floating_point():
        return tuned.clone()
    if others == "pretrained":
        return pretrained.to(tuned.dtype, copy=True)
    for when, weights in (("pre-trained", pretrained), ("tuned", tuned)):
        check_weights(f"{when} weights of {name!r}", weights)
    return largest_changes(pretrained, tuned, density)


def _changed(state: Mapping[str, torch.Tensor], pretrained: Mapping[str, torch.Tensor]) -> float:
    floats = [name for name, value in state.items() if value.is_floating_point()]
    moved = sum(int((state[name].cpu() != pretrained[name].cpu().to(state[name].dtype)).sum()) for name in floats)
    return moved / max(1, sum(state[name].numel() for name in floats))
