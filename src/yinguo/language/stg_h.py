r"""The harder Spurious Token Game: an air quality index from six causes, among five companions and three bystanders.

Six causes are uniform plus normal noise; with :math:`u = .3 f_1 + .25 f_2 + .2 f_3 + .15 f_4 - .2 f_5 - .3 f_6` clipped
to :math:`[-20, 30]` the answer is :math:`100 (u + 20) / 50`, rounded. Companions follow :math:`f_6, f_4, f_1, f_2,
f_5` while training. In the shifted rows they are independent uniform numbers, the first and third of them also smaller
by a factor of 4 and 11: the shift is not only a broken link. The order of the items never changes, and the answer is a
whole number from 0 to 100.

The authors set no seed, so their rows cannot be drawn again; ours are of the same law and in the same words.

Source: Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535.

>>> row = stg_h_rows(1, random_state=0)[0]
>>> row.prompt.split(";")[0].split(":")[0], 0 <= row.answer <= 100, len(row.causes)
('Industrial Emissions', True, 6)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.core.random import as_rng

__all__ = ["STGHRow", "stg_h_rows"]

#: Low and high end of each cause, spread of its noise, and its weight in the index.
_CAUSES = np.array([
    (30, 70, 2.0, 0.30), (20, 60, 2.0, 0.25), (10, 50, 1.5, 0.20),
    (10, 30, 1.0, 0.15), (40, 80, 3.0, -0.20), (50, 90, 3.0, -0.30),
])  # fmt: skip
#: Cause that each companion follows (counted from 0), factor, spread of its noise, and factor of its shifted range.
_COMPANIONS = ((5, 0.4, 2.0, 0.1), (3, 0.2, 3.0, 0.2), (0, 1.1, 1.5, 0.1), (1, 0.15, 2.0, 0.15), (4, -0.1, 1.0, -0.1))
_TEMPLATE = (
    "Industrial Emissions: {c[0]}; Vehicle Emissions: {c[1]}; Coal Dependency: {c[2]}; Agricultural Burning: {c[3]}; "
    "Urban Green Coverage: {c[4]}; Meteorological Dispersion: {c[5]}. Ice Cream Sales Index: {s[0]:.1f}; Allergy "
    "Complaints Level: {s[1]:.1f}; Renewable Stock Index: {s[2]:.0f}; Public Transport Subscriptions (k): {s[3]:.1f}; "
    "Water Awareness Score: {s[4]:.1f}. City Anniversary: {anniversary}th; Average Internet Speed: {speed:.1f}Mbps; "
    "Number of Libraries: {libraries}. Given these diverse conditions, what is the projected Air Quality Index (AQI) "
    "on a 0-100 scale? Answer: "
)


@dataclass(frozen=True, slots=True)
class STGHRow:
    """One city.

    Attributes
    ----------
    prompt : str
        The question as the model reads it; the answer follows.
    answer : int
        From 0 to 100.
    causes : tuple of str
        Printed values of the six causes, in the order in which they occur. Bare numbers: the same digits may stand
        elsewhere in the prompt, so match them by place.
    values : tuple of float
        Six causes and five companions, before rounding.
    """

    prompt: str
    answer: int
    causes: tuple[str, ...]
    values: tuple[float, ...]

    def record(self) -> dict[str, Any]:
        """Keys ``input``, ``target`` and ``important``, the causes of "Answer: <index>"."""
        return {"input": self.prompt, "target": self.answer,
                "important": [{f"Answer: {self.answer}": list(self.causes)}]}  # fmt: skip


def stg_h_rows(n: int, *, shifted: bool = False, random_state: Any = 0) -> tuple[STGHRow, ...]:
    """Fresh rows.

    Parameters
    ----------
    n : int
    shifted : bool, default False
        Whether the companions are drawn on their own.
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    rows : tuple of STGHRow
    """
    check_whole("n", n)
    rng = as_rng(random_state)
    low, high, noise, weight = _CAUSES.T
    causes = rng.uniform(low, high, (n, 6)) + noise * rng.normal(size=(n, 6))
    index = np.clip(causes @ weight, -20, 30)
    answers = np.round(100 * (index + 20) / 50).astype(int)
    companions = np.column_stack([_companion(rng, causes, *law, shifted) for law in _COMPANIONS])
    bystanders = zip(
        rng.integers(1, 101, n), rng.uniform(80, 120, n) + 3 * rng.normal(size=n), rng.integers(10, 51, n), strict=True
    )
    return tuple(
        _row(*row) for row in zip(causes.tolist(), companions.tolist(), bystanders, answers.tolist(), strict=True)
    )


def _companion(
    rng: np.random.Generator, causes: np.ndarray, cause: int, factor: float, noise: float, scale: float, shifted: bool
) -> np.ndarray:
    if shifted:
        low, high = sorted(scale * _CAUSES[cause, :2])
        return rng.uniform(low, high, len(causes))
    return factor * causes[:, cause] + noise * rng.normal(size=len(causes))


def _row(causes: list[float], companions: list[float], bystanders: tuple, answer: int) -> STGHRow:
    anniversary, speed, libraries = bystanders
    # The third and the fifth are percentages.
    printed = tuple(f"{value:.1f}{'%' if place in (2, 4) else ''}" for place, value in enumerate(causes))
    prompt = _TEMPLATE.format(c=printed, s=companions, anniversary=anniversary, speed=speed, libraries=libraries)
    return STGHRow(prompt, answer, printed, (*causes, *companions))
