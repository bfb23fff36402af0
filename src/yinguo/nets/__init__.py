"""Networks: building blocks, penalties, and the one trainer.

PyTorch is an extra. It is imported here and nowhere else: every other module writes
``from yinguo.nets import nn, torch``, so that its absence is one error, with the remedy in it.
"""

from yinguo.errors import MissingExtraError

try:
    import torch
    from torch import nn
except ModuleNotFoundError as error:
    raise MissingExtraError(f"{error.name} is not installed; run: pip install 'yinguo[nets]'") from error

__all__ = ["nn", "torch"]
