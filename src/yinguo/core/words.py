"""The question, the answer and the assumptions in words, in the order a person reads them."""

from yinguo.core.capabilities import ASSUMPTIONS

__all__ = ["ESTIMANDS", "answer", "assumptions", "number", "question"]

#: Who is compared with whom, by estimand.
ESTIMANDS = {
    "ATE": "averaged over everybody",
    "ATT": "averaged over those treated",
    "ATC": "averaged over those not treated",
    "LATE": "averaged over those whose treatment the instrument changes",
}


def question(study, estimand: str) -> str:
    """One sentence: what is asked of the data.

    >>> from yinguo import Study
    >>> question(Study({"d": [0, 1], "y": [1, 2]}, treatment="d", outcome="y"), "ATT")
    "How much does 'd' change 'y', averaged over those treated?"
    """
    who = ESTIMANDS.get(estimand, estimand)
    treatment = repr(study.roles["treatment"])
    # A treatment of more than two values is a quantity, and its effect one per unit of it.
    subject = treatment if study.treatment_kind == "binary" else f"one unit more of {treatment}"
    return f"How much does {subject} change {study.roles['outcome']!r}, {who}?"


def assumptions(study, capabilities) -> tuple[str, ...]:
    """What must be true for a method's answer to be causal, in sentences about this study."""
    names = {"treatment": repr(study.roles["treatment"]), "outcome": repr(study.roles["outcome"])}
    return tuple(ASSUMPTIONS[key].format(**names) for key in capabilities.assumes)


def number(value: float | None, digits: int = 4) -> str:
    """A figure for a table: ``digits`` significant places, no exponent in the everyday range."""
    if value is None:
        return "-"
    if value != value:
        return "nan"
    size = abs(float(f"{value:.{digits}g}"))  # 9999.9 is printed as 10000, so it is sized as that
    if size >= 10**digits and size < 1e9:
        return f"{value:.0f}"
    if 0 < size < 1e-4 or size >= 1e9:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".")


def answer(result, level: float = 0.95) -> str:
    """One sentence: what a result says, with what it does not say."""
    who = ESTIMANDS.get(result.estimand, result.estimand)
    head = f"{result.treatment!r} changes {result.outcome!r} by {number(result.estimate)}, {who}"
    if result.se is None:
        return f"{head}. No valid interval: {result.no_inference}"
    low, high = result.ci(level)
    verdict = "the data do not settle its sign" if low <= 0 <= high else "a value of zero is outside the interval"
    return f"{head} ({100 * level:g}% interval {number(low)} to {number(high)}; {verdict})."
