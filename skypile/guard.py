"""What keeps foreign files from naming others, and secrets from being shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

__all__ = ["inside", "scrubbed"]

HIDDEN = "***"
# Names of variables that hold secrets, and from which length on: shorter values are words.
SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|PRIVATE_KEY)$", re.I)
SECRET_CHARS = 8
# What stands in front of the host: all of it by http, what holds a password elsewhere. A number
# behind the colon, up to a slash, is a port.
WEB_USER = re.compile(r"(https?://)[^\s/@'\"]+@", re.I)
PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s@'\"/]*:(?!\d+(?:/|$))[^\s@'\"]*@", re.I)
# The query of a URL: signatures, tokens. What ends a sentence does not belong to it.
QUERY = re.compile(r"(https?://[^\s?#'\"]+\?)[^\s'\"]*[^\s'\":;,.)]", re.I)
# Libraries tell the path of a URL alone; there only what is named like a secret is one.
PARAMETER = re.compile(
    r"([?&][\w.-]*(?:sig|token|key|secret|passw|credential|auth)[\w.-]*=)[^\s&'\")]+", re.I
)


def inside(path: str) -> str:
    """Return `path` as it is: a relative path that leads to nothing outside of its folder.

    Raises ValueError for any other one: absolute, with an empty part, ``.`` or ``..``, with a
    backslash, a NUL or a scheme. For paths that a file names which somebody else may have written.

    >>> inside("data/domain=en/part-00000.parquet")
    'data/domain=en/part-00000.parquet'
    """
    parts = path.split("/")
    if {"", ".", ".."} & set(parts) or "\\" in path or "\0" in path or ":" in parts[0]:
        raise ValueError(f"{path!r} is no path within the folder")
    return path


def scrubbed(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return `text` without what may be secret in it.

    That are users and queries of http URLs, passwords of others, and the values of variables of
    the environment that are named like secrets.

    >>> scrubbed("https://me:key@host/a.jsonl?signature=1: cannot be read", {})
    'https://***@host/a.jsonl?***: cannot be read'
    >>> scrubbed("s3://KEY:se/cret@bucket and hdfs://host:8020/a@b", {})
    's3://***@bucket and hdfs://host:8020/a@b'
    """
    for pattern, instead in ((WEB_USER, "@"), (PASSWORD, "@"), (QUERY, ""), (PARAMETER, "")):
        text = pattern.sub(rf"\g<1>{HIDDEN}{instead}", text)
    secrets = {
        value
        for name, value in environment.items()
        if SECRET_NAME.search(name) and len(value) >= SECRET_CHARS
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
