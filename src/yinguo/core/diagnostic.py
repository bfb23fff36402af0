"""A diagnostic is a number, what it should be near, a verdict, and one plain sentence."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["VERDICTS", "Diagnostic", "worst"]

#: From harmless to fatal. ``stop`` means: do not act on the estimate before this is resolved.
VERDICTS = ("ok", "look", "stop")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One check and what it says.

    Attributes
    ----------
    name : str
        Short kebab-case name, e.g. ``"balance"``.
    value : float or None
        The measured figure, None where there is none.
    reference : str
        What the figure is held against, in words: ``"below 0.1"``.
    verdict : {"ok", "look", "stop"}
        What to make of it.
    sentence : str
        The same for a reader who knows no statistics.
    """

    name: str
    value: float | None
    reference: str
    verdict: str
    sentence: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r}; it must be one of {VERDICTS}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.verdict}: {self.sentence}"


def worst(diagnostics) -> str:
    """The gravest verdict of several; ``"ok"`` for none."""
    return max((d.verdict for d in diagnostics), key=VERDICTS.index, default="ok")
