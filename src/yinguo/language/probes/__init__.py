"""Small sets of questions that a model answers wrongly if it goes by what often stands together.

Three failures of language models, widened from single anecdotes into generated sets. Every item belongs to a base, and
the items of a base differ in named conditions only: one that decides the answer and ones that should not. A model is
scored by which of two fixed answers it finds more likely, so a small one can be probed that cannot hold a conversation.

========== ============================== ====================== ==============================================
probe      decides                        should not             shortcut
========== ============================== ====================== ==============================================
gender     whose changing room it is      occupation, the boss   secretaries are women, engineers men
decimals   numbers or versions            a zero at the end      one rule for both
events     the year                       that it is asked       what is asked about has happened
========== ============================== ====================== ==============================================
"""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "McNemar": "items",
    "ProbeItem": "items",
    "Question": "items",
    "Reading": "items",
    "answer_margins": "scoring",
    "decimal_items": "decimals",
    "event_items": "events",
    "gender_items": "gender",
    "mcnemar": "items",
    "read_decimals": "decimals",
    "read_events": "events",
    "read_gender": "gender",
    "rejection_test": "premises",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
