"""Second moments of the inputs of every linear layer of a model, gathered by hooks while it reads calibration batches.

Layers that are handed the very same tensor (query, key and value of attention) share one matrix. The layers of a group
can be measured alone, the run ending as soon as all of them have been called.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yinguo.errors import DataError
from yinguo.nets import nn, torch

__all__ = ["Forward", "Group", "Moments", "call_model", "linear_groups", "linear_layers", "measure_groups"]

Forward = Callable[[nn.Module, Any], Any]


class Moments:
    """Running H = 2/N sum x x' over the rows x that a layer is given.

    Parameters
    ----------
    width : int
        Inputs of the layer.

    Examples
    --------
    >>> moments = Moments(1)
    >>> moments.add(torch.tensor([[1.0], [3.0]]))
    >>> moments.add(torch.tensor([[2.0]]))
    >>> moments.count, round(moments.H.item(), 4)
    (3, 9.3333)
    """

    def __init__(self, width: int) -> None:
        self.H = torch.zeros(width, width, dtype=torch.float64)
        self.count = 0

    def add(self, x: torch.Tensor) -> None:
        """Rows (n, in) more."""
        self.count += len(x)
        if len(x):
            # Renormalised as it grows, so that N is not needed beforehand and no sum grows without bound.
            self.H *= (self.count - len(x)) / self.count
            rows = x.detach().float()
            self.H += (rows.T @ rows).double().cpu() * (2 / self.count)


@dataclass(frozen=True, slots=True)
class Group:
    """Linear layers that read the same tensor.

    Attributes
    ----------
    names : tuple of str
        Names of the modules, in the order in which they are called.
    calls : int
        How often the last of them is called in one pass.
    """

    names: tuple[str, ...]
    calls: int


class _Enough(Exception):
    """All layers asked for have seen the batch."""


def call_model(model: nn.Module, batch: Any) -> Any:
    """``model(**batch)`` for a mapping, ``model(batch)`` otherwise."""
    return model(**batch) if isinstance(batch, Mapping) else model(batch)


def linear_layers(model: nn.Module, chosen: Callable[[str], bool] | None = None) -> dict[str, nn.Linear]:
    """Linear layers by name, without those whose weight is also that of another module (tied embeddings).

    Parameters
    ----------
    model : nn.Module
    chosen : callable (name) -> bool, optional
        Which to take; all by default.
    """
    owners: dict[int, int] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners[id(parameter)] = owners.get(id(parameter), 0) + 1
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and owners[id(module.weight)] == 1 and (chosen is None or chosen(name))
    }


def linear_groups(model: nn.Module, layers: Mapping[str, nn.Linear], batch: Any, forward: Forward) -> list[Group]:
    """Layers in the order in which the model calls them, those with the same input together.

    Raises
    ------
    DataError
        A layer that the model does not call on this batch.
    """
    order: list[list[str]] = []
    calls: dict[str, int] = {}
    last: list[Any] = [None]

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple) -> None:
            calls[name] = calls.get(name, 0) + 1
            if calls[name] == 1:
                # The tensor is held on to, so that another cannot take its place in memory and look the same.
                if order and args[0] is last[0]:
                    order[-1].append(name)
                else:
                    order.append([name])
            last[0] = args[0]

        return hook

    _run(model, [batch], forward, {layer: note(name) for name, layer in layers.items()})
    silent = [name for name in layers if name not in calls]
    if silent:
        raise DataError(f"{len(silent)} linear layers are not called on the calibration data, first {silent[0]!r}; "
                        "leave them out with layers=.")  # fmt: skip
    return [Group(tuple(names), calls[names[-1]]) for names in order]


def measure_groups(
    model: nn.Module,
    layers: Mapping[str, nn.Linear],
    groups: Sequence[Group],
    batches: Iterable[Any],
    forward: Forward,
) -> list[Moments]:
    """Moments of the input of each group, the model being as it is now.

    Rows of padding, where a batch is a mapping with an ``attention_mask``, are left out.

    Parameters
    ----------
    model : nn.Module
    layers : mapping of name to nn.Linear
    groups : sequence of Group
        In the order of the calls; the run of a batch ends after the last of them.
    batches : iterable
    forward : callable (model, batch)

    Raises
    ------
    DataError
        No batch, or a group without a row.
    """
    found = [Moments(layers[group.names[0]].in_features) for group in groups]
    mask: list[Any] = [None]
    left = [0]

    def gather(moments: Moments) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple) -> None:
            moments.add(_real_rows(args[0], mask[0]))

        return hook

    def stop(module: nn.Module, args: tuple) -> None:
        left[0] -= 1
        if not left[0]:
            raise _Enough

    def watched() -> Iterable[Any]:
        for batch in batches:
            mask[0] = batch.get("attention_mask") if isinstance(batch, Mapping) else None
            left[0] = groups[-1].calls
            yield batch

    hooks = [(layers[group.names[0]], gather(moments)) for group, moments in zip(groups, found, strict=True)]
    _run(model, watched(), forward, [*hooks, (layers[groups[-1].names[-1]], stop)])
    for group, moments in zip(groups, found, strict=True):
        if not moments.count:
            raise DataError(f"the calibration data gave {group.names[0]!r} no input; pass at least one batch.")
    return found


def _real_rows(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is not None and mask.shape == x.shape[:2] and x.ndim == 3:
        return x[mask.bool()]
    return x.reshape(-1, x.shape[-1])


def _run(model: nn.Module, batches: Iterable[Any], forward: Forward, hooks: Any) -> None:
    pairs = hooks.items() if isinstance(hooks, Mapping) else hooks
    handles = [layer.register_forward_pre_hook(hook) for layer, hook in pairs]
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                try:
                    forward(model, batch)
                except _Enough:
                    continue
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
