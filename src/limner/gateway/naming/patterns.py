"""Names of models, and the patterns that an operator writes for them, like "openai/*". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["fits", "is_pattern", "may_be_named"]


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether `name` is one of `patterns` or like one; upper and lower case differ."""
    return any(fnmatchcase(name, each) for each in patterns)


def may_be_named(name: str, patterns: Sequence[str]) -> bool:
    """Whether clients may say `name`: all may be said where there are no patterns."""
    return not patterns or fits(name, patterns)


def is_pattern(name: str) -> bool:
    """Whether it stands for other names than itself."""
    return any(each in name for each in "*?[")
