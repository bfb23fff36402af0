"""What a test of a null hypothesis hands back: figures, the null in words, or the reason why there is no test."""

from dataclasses import dataclass

__all__ = ["HypothesisTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisTest:
    """One test.

    Attributes
    ----------
    name : str
        As the literature names it, ``"Hansen J"``.
    null : str
        What is true if the test does not reject, in words.
    statistic, p_value : float or None
        None where the test cannot be made.
    df : int, (int, int) or None
        Degrees of freedom: of a chi-squared statistic, or of an F statistic.
    reason : str or None
        Why there is no test.
    """

    name: str
    null: str
    statistic: float | None = None
    df: int | tuple[int, int] | None = None
    p_value: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.statistic is None) == (self.reason is None):
            raise ValueError("a test has either a statistic or the reason why there is none")

    @property
    def valid(self) -> bool:
        """Whether the test could be made."""
        return self.reason is None

    @property
    def figures(self) -> str:
        """Statistic, degrees of freedom and p-value in one phrase; the reason if there is no test."""
        if self.statistic is None or self.p_value is None:
            return f"{self.name}: {self.reason}"
        law = f"F({self.df[0]}, {self.df[1]})" if isinstance(self.df, tuple) else f"chi-squared({self.df})"
        p = f"p = {self.p_value:.3g}" if self.p_value >= 1e-4 else "p < 0.0001"
        return f"{self.name} {self.statistic:.4g}, {law}, {p}"

    def __str__(self) -> str:
        return f"{self.figures}. Null: {self.null}" if self.valid else self.figures
