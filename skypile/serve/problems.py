"""Answers that are no result: what was wrong, where, and what to do."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["ErrorBody", "ErrorTold", "Problem", "busy", "draining", "left", "too_large"]


class ErrorTold(BaseModel):
    """What was wrong, where it was found, and what to do."""

    code: str = Field(description="a word for programs, such as too_large")
    message: str = Field(description="what was wrong")
    where: str = Field(description="the header, field or line that it was found in")
    hint: str = Field(description="what to do")


class ErrorBody(BaseModel):
    """The body of every answer that is no result."""

    error: ErrorTold
    request_id: str = Field(description="also in the header X-Request-ID, and in the service's log")


class Problem(Exception):  # noqa: N818 - an answer, not a fault
    """An answer with an HTTP status, for the one place that turns it into a response."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        where: str,
        hint: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.told = ErrorTold(code=code, message=message, where=where, hint=hint)
        self.headers = headers or {}


def too_large(what: str, size: int | None, limit: int, *, where: str, option: str) -> Problem:
    """Return the answer 413 to what is larger than `limit`; `size` is None where it is not known.

    `what` is counted in what its last word says: bytes or documents.
    """
    told = f"{what}: {size:,}" if size is not None else f"more {what}"
    return Problem(
        413, "too_large", f"{told}; at most {limit:,} are allowed", where=where,
        hint=f"send less in one request, or start the service with a larger --{option}",
    )  # fmt: skip


def busy(message: str, retry_seconds: int) -> Problem:
    """Return the answer 429 to one request too many."""
    return Problem(
        429, "busy", message, where="the service's queue", hint="send it again later, as "
        "Retry-After says", headers={"Retry-After": str(retry_seconds)},
    )  # fmt: skip


def left() -> Problem:
    """Return the answer to a client that has left; only the log and the counters get it."""
    return Problem(
        400, "left", "the client has left", where="the connection", hint="wait for the answer"
    )


def draining() -> Problem:
    """Return the answer 503 of a service that is about to end."""
    return Problem(
        503, "draining", "the service is ending", where="the service",
        hint="send it again: another instance will answer",
        headers={"Retry-After": "1", "Connection": "close"},
    )  # fmt: skip
