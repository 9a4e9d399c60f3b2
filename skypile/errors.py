"""The error tree: everything that a user can cause is a SkyPileError."""

from __future__ import annotations

__all__ = [
    "InputError",
    "OutputError",
    "RecipeError",
    "RunError",
    "SkyPileError",
    "TokenizerError",
    "UsageError",
    "VerifyError",
]


class SkyPileError(Exception):
    """Something outside the program is wrong; the message says what, where and what to do."""

    exit_code = 1


class UsageError(SkyPileError):
    """The command line asks for something that cannot be; exit code 2."""

    exit_code = 2


class RecipeError(SkyPileError):
    """A recipe cannot be loaded or does not hold together; exit code 2."""

    exit_code = 2


class InputError(SkyPileError):
    """An input as a whole (not one record of it) cannot be read."""


class OutputError(SkyPileError):
    """An output cannot be written."""


class RunError(SkyPileError):
    """A run broke one of its bounds, or its ledger does not balance."""


class TokenizerError(SkyPileError):
    """A tokenizer cannot be loaded, or two engines disagree on its ids."""


class VerifyError(SkyPileError):
    """A corpus is not what its manifest says."""
