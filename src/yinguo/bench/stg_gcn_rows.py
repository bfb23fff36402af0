"""Rows of the table `stg` whose decoder has two-hop attention, and the one-hop one with as many parameters."""

from yinguo.bench.stg_rows import Tuned
from yinguo.language.gcn_attention import GCNCausalAttention, parameter_matched_attention

__all__ = ["TunedGCN", "TunedOneHop"]


class TunedGCN(Tuned):
    """A decoder whose attention is two graph convolutions; its pre-training is its own."""

    attention = GCNCausalAttention


class TunedOneHop(Tuned):
    """As many parameters and non-linear steps, one hop: what the second hop is to be compared with."""

    attention = staticmethod(parameter_matched_attention)
