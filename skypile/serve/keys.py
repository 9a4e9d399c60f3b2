"""API keys: read from a file or the environment, compared in constant time, never shown."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from skypile.errors import UsageError

__all__ = ["ENVIRONMENT", "Keys", "keys_from_file", "keys_from_text", "sent_key"]

ENVIRONMENT = "SKYPILE_API_KEY"
MIN_CHARS = 16
# What a header can carry without being quoted.
_KEY = re.compile(r"[\x21-\x7e]+")


class Keys:
    """The keys that open the service; only their SHA-256 is kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        assert self._digests

    def __repr__(self) -> str:
        return f"Keys({len(self._digests)})"

    def open(self, key: str) -> bool:
        """Tell whether `key` is one of them, in a time that does not depend on which."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return found


def keys_from_file(path: Path) -> Keys:
    """Return the keys of a file: one a line, blank lines and those that begin with # skipped.

    More than one lets a new key in before the old one goes. Raises UsageError, which never holds a
    key.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path}: the API keys cannot be read: {why}") from None
    return keys_from_text(text, str(path))


def keys_from_text(text: str, where: str) -> Keys:
    """Return the keys that stand in `text`, one a line; `where` names it in errors."""
    lines = [line.strip() for line in text.splitlines()]
    found = [(at, line) for at, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not found:
        raise UsageError(f"{where}: holds no API key; write one of {MIN_CHARS} characters or more")
    for at, key in found:
        if len(key) < MIN_CHARS or not _KEY.fullmatch(key):
            raise UsageError(
                f"{where}, line {at}: an API key has {MIN_CHARS} or more printable ASCII "
                "characters and no space; make one by: openssl rand -hex 32"
            )
    return Keys(key for _, key in found)


def sent_key(authorization: str | None, x_api_key: str | None) -> str | None:
    """Return the key that the headers of a request carry, None where they carry none."""
    if authorization is not None:
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "bearer" and rest.strip():
            return rest.strip()
    return x_api_key or None
