"""Transitional."""

from yinguo.errors import *  # noqa: F403
