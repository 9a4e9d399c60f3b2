"""How the values of a record's fields become columns, the same for JSON and Parquet."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

import orjson

from skypile.io.rows import ReadOptions

__all__ = ["TooDeepError", "identifier", "may_be_rounded", "meta_json", "take_columns"]

# A number that orjson has rounded because it does not fit into 64 bits stands in its output with
# an exponent of two digits or more; so does much else, which only costs a second look.
EXPONENT = re.compile(rb"[0-9]e\+?[0-9]{2}")


class TooDeepError(Exception):
    """A value is nested too deep to be written as JSON again."""


def identifier(value: object) -> str | None:
    """Return an id as a string: a number as JSON writes it, None for null and empty strings."""
    if value is None or isinstance(value, str):
        return value or None
    return (meta_json(value) or b"").decode()


def take_columns(
    fields: dict[str, Any], options: ReadOptions
) -> tuple[object, str | None, str | None]:
    """Take id, url and source out of `fields` and return them; what stays is meta.

    A url or a source that is not a string stays.
    """
    id_value = fields.pop(options.id_field, None)
    url = _take_string(fields, options.url_field)
    return id_value, url, _take_string(fields, options.source_field)


def _take_string(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        fields.pop(name, None)
        return value
    return None


def meta_json(value: object) -> bytes:
    """Return `value` as compact JSON; dates as ISO 8601, bytes as base64, the rest as strings.

    Raises TooDeepError for more than 254 levels.
    """
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        if isinstance(value, dict | list) and "ecursion" in str(error):
            raise TooDeepError("nested more than 254 levels deep") from error
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return str(value)


def may_be_rounded(id_value: object, meta: bytes | None) -> bool:
    """Tell whether orjson may have rounded an integer of more than 64 bits in a record.

    `id_value` and `meta` are the record's id and other fields as orjson reads and writes them.
    """
    if isinstance(id_value, float | dict | list):
        return True
    return meta is not None and EXPONENT.search(meta) is not None
