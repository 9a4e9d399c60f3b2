"""What OpenAPI says that FastAPI cannot see: bodies read by hand, answers that are no result."""

from __future__ import annotations

from typing import Any

from skypile.serve.answers import Answer
from skypile.serve.bodies import LINES_TYPES
from skypile.serve.problems import ErrorBody

__all__ = [
    "CURATE_BODY", "CURATE_RESPONSES", "DESCRIPTION", "EXPLAIN_BODY", "EXPLAIN_RESPONSES",
    "KEY_RESPONSES", "READY_RESPONSES", "ExplainAnswer",
]  # fmt: skip

DESCRIPTION = """\
Judges documents by a recipe of SkyPile: which are kept, which are rejected, and why.

A service that was started with keys wants one with every request below /v1: `Authorization: Bearer
KEY` or `X-API-Key: KEY`. Bodies may be compressed (`Content-Encoding: gzip` or `zstd`).
Deduplication and mixtures need a whole corpus and are not applied; see /v1/recipe.
"""
Responses = dict[int | str, dict[str, Any]]

_DOCUMENT: dict[str, Any] = {
    "type": "object",
    "title": "Document",
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "description": "what is judged"},
        "id": {
            "type": ["string", "integer"],
            "description": "comes back with the answer; else the answer's record stands for it",
        },
        "url": {"type": "string"},
        "source": {"type": "string"},
    },
    "additionalProperties": True,
}
_DOCUMENTS: dict[str, Any] = {
    "type": "object",
    "title": "Documents",
    "required": ["documents"],
    "properties": {"documents": {"type": "array", "items": _DOCUMENT}},
}
_LINES = {
    "schema": {"type": "string", "description": "one document a line; see application/json"},
    "example": '{"id": "a", "text": "One page."}\n{"id": "b", "text": "一页。"}\n',
}
CURATE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [_DOCUMENTS, _DOCUMENT]}},
            **dict.fromkeys(LINES_TYPES, _LINES),
        },
    }
}
EXPLAIN_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _DOCUMENT}}}
}

_TOLD = {
    401: "no API key",
    403: "an API key that is not known, or a name of the service that is not",
    408: "the body stopped arriving",
    413: "the body is too large: as sent, decompressed, or in documents",
    415: "a type or an encoding of the body that is not known",
    422: "a body or a parameter that cannot be used",
    429: "too many requests, or a full queue; see Retry-After",
    500: "a fault of the service",
    503: "the service is loading, ending or overloaded; see Retry-After",
    504: "judging took too long; see Retry-After",
}


def _problems(*statuses: int) -> Responses:
    return {status: {"model": ErrorBody, "description": _TOLD[status]} for status in statuses}


class ExplainAnswer(Answer):
    """What was decided on one document, with each rule and the places in the text behind it."""


KEY_RESPONSES = _problems(401, 403, 500)
READY_RESPONSES = _problems(503)
EXPLAIN_RESPONSES = _problems(401, 403, 408, 413, 415, 422, 429, 500, 503, 504)
CURATE_RESPONSES: Responses = {
    200: {
        "description": "one answer for each document, in order. For a body of lines: an answer a "
        'line, and {"summary": …} as the last line, with "error" where it ends too early',
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "one answer a line, then the summary"}
            }
        },
    },
    **EXPLAIN_RESPONSES,
}
