"""Are false premises rejected more often than true ones? The exact test of Youden's index."""

from collections.abc import Sequence

import numpy as np

from yinguo.language.probes.items import McNemar, ProbeItem, checked, mcnemar, pairs

__all__ = ["rejection_test"]


def rejection_test(items: Sequence[ProbeItem], margins: np.ndarray, *, put: str = "presupposed") -> McNemar:
    """Rejections of a false premise against rejections of the true one beside it.

    The difference is Youden's index. Unlike a comparison of right answers, it is silent on a model that rejects
    everything, or nothing: such a model has no discordant pair.

    Parameters
    ----------
    items : sequence of ProbeItem
        From :func:`yinguo.language.probes.event_items`.
    margins : (n,) array
        Log-probability of the answer that rejects less that of the one that does not.
    put : {"presupposed", "asked"}

    Examples
    --------
    >>> import numpy as np
    >>> from yinguo.language.probes import event_items
    >>> rejection_test(event_items(20), np.ones(80)).p_value
    1.0
    """
    margins = checked(items, margins)
    found = pairs(items, "premise", "false", "true", put=put)
    return mcnemar(margins[found[:, 0]] > 0, margins[found[:, 1]] > 0)
