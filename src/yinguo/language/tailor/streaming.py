r"""The ways between two checkpoints on some rows at a time; each object meets the rows of one tensor, in order.

The largest changes of a whole model are found without sorting them: the bits of a positive float, read as a whole
number, have its order, so two passes that count (first the upper 16 bits, then the lower 16 of those at the border)
give the smallest change that is kept.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from yinguo.core.checks import check_number
from yinguo.language.tailor.compensation import output_error
from yinguo.language.tailor.layer import LayerTailor, top_of_rows
from yinguo.nets import torch

__all__ = ["Dare", "Graft", "LargestChanges", "Moved", "Tailor", "Way", "find_border"]

#: Gives the changes of the whole model once more, block by block.
Changes = Callable[[], Iterable[torch.Tensor]]


class Way(Protocol):
    """What becomes of the next rows of a tensor."""

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """New rows, in the type of the tuned ones."""
        ...


class LargestChanges:
    """The tuned value at the largest changes of each row."""

    def __init__(self, density: float) -> None:
        self.density = density

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """See :class:`Way`."""
        patch = top_of_rows((tuned.float() - pretrained.float()).abs(), self.density)
        return torch.where(patch, tuned, pretrained.to(tuned.dtype))


class Tailor:
    """Model Tailor with the moments of the layer's inputs; keeps the errors of the parts."""

    def __init__(self, solver: LayerTailor) -> None:
        self.solver = solver
        self._parts: list[tuple[float, float, float]] = []

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """See :class:`Way`."""
        made = self.solver.tailor(pretrained, tuned)
        assert made.error is not None
        assert made.uncompensated is not None
        size = output_error(torch.zeros_like(tuned), tuned, self.solver.damped)
        self._parts.append((size, made.error, made.uncompensated))
        return made.weight

    def errors(self) -> tuple[float, float]:
        """Relative change of the layer's output, with and without compensation, over the rows so far."""
        total = sum(size for size, _, _ in self._parts) or 1.0
        squares = (sum(part[0] * part[k] ** 2 for part in self._parts) / total for k in (1, 2))
        first, second = (square**0.5 for square in squares)
        return first, second


class Moved:
    """On the line between the two: WiSE-FT."""

    def __init__(self, alpha: float) -> None:
        check_number("alpha", alpha, least=0, most=1)
        self.alpha = alpha

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """See :class:`Way`."""
        pre = pretrained.double()
        return (pre + self.alpha * (tuned.double() - pre)).to(tuned.dtype)


class Dare:
    """Changes left out at random, the rest scaled up."""

    def __init__(self, drop: float, generator: torch.Generator) -> None:
        self.drop = drop
        self.generator = generator

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """See :class:`Way`."""
        pre = pretrained.double()
        kept = torch.rand(pre.shape, generator=self.generator) >= self.drop
        return (pre + torch.where(kept, tuned.double() - pre, 0.0) / (1 - self.drop)).to(tuned.dtype)


class Graft:
    """The largest changes of the whole model, scaled; made once for all tensors, which must come in one order.

    Parameters
    ----------
    border : (bits, equal)
        From :func:`find_border`.
    scale : float
        1 for grafting.
    """

    def __init__(self, border: tuple[int, int], scale: float = 1.0) -> None:
        self.bits, self.equal = border
        self.scale = scale

    def rows(self, pretrained: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
        """See :class:`Way`."""
        pre = pretrained.double()
        bits = _bits(tuned.float() - pretrained.float())
        kept = bits > self.bits
        if self.equal:
            at_border = (bits == self.bits).nonzero()[: self.equal]
            kept[at_border[:, 0], at_border[:, 1]] = True
            self.equal -= len(at_border)
        moved = (pre + self.scale * (tuned.double() - pre)).to(tuned.dtype)
        return torch.where(kept, moved, pretrained.to(tuned.dtype))


def find_border(changes: Changes, density: float) -> tuple[int, int]:
    """The smallest change that is kept, as bits, and how many of that very size are kept, first come first served.

    Parameters
    ----------
    changes : callable () -> iterable of tensors
        Called twice.
    density : float in [0, 1]

    Examples
    --------
    >>> blocks = lambda: [torch.tensor([1.0, -3.0]), torch.tensor([0.5, 1.0])]
    >>> bits, equal = find_border(blocks, 0.5)
    >>> torch.tensor(bits, dtype=torch.int32).view(torch.float32).item(), equal
    (1.0, 1)
    """
    check_number("density", density, least=0, most=1)
    upper = _count((_bits(change) >> 16 for change in changes()), 2**15)
    wanted = round(density * int(upper.sum()))
    if wanted == 0:
        return 2**31 - 1, 0
    high, above = _place(upper, wanted)
    lower = _count((bits[(bits >> 16) == high] & 0xFFFF for bits in map(_bits, changes())), 2**16)
    low, more = _place(lower, wanted - above)
    return (high << 16) | low, wanted - above - more


def _bits(change: torch.Tensor) -> torch.Tensor:
    return change.float().abs().view(torch.int32)


def _count(values: Iterable[torch.Tensor], size: int) -> torch.Tensor:
    total = torch.zeros(size, dtype=torch.int64)
    for part in values:
        total += torch.bincount(part.flatten(), minlength=size)
    return total


def _place(counts: torch.Tensor, wanted: int) -> tuple[int, int]:
    """The bin that the wanted-th largest falls into, and how many are in the bins above it."""
    from_top = counts.flip(0).cumsum(0)
    place = int((from_top >= wanted).nonzero()[0, 0])
    above = int(from_top[place - 1]) if place else 0
    return len(counts) - 1 - place, above
