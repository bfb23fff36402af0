"""The one place where transformers and peft are imported.

Every other module writes ``from yinguo.language.hub import transformers``, so that the absence of the extra is one
error, with the remedy in it. Modules that need only torch import from :mod:`yinguo.nets` and load faster.
"""

from yinguo.errors import MissingExtraError

try:
    import peft
    import transformers
except ModuleNotFoundError as error:
    raise MissingExtraError(f"{error.name} is not installed; run: pip install 'yinguo[llm]'") from error

__all__ = ["peft", "transformers"]
