"""What stands around every request: its id, who may ask, headers, the log line, the counters."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skypile.serve.keys import sent_key
from skypile.serve.problems import ErrorBody, Problem
from skypile.serve.service import Service

__all__ = ["Frame", "problem_response", "request_id"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# No script, style, picture or request but the page's own; nobody may frame it.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def request_id(scope: MutableMapping[str, Any]) -> str:
    """Return a request's id: the client's X-Request-ID if that is a plain word, else a new one."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        sent = Headers(scope=scope).get("x-request-id", "")
        state["request_id"] = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
    return str(state["request_id"])


def problem_response(problem: Problem, scope: MutableMapping[str, Any]) -> Response:
    """Return the response that tells a problem."""
    body = ErrorBody(error=problem.told, request_id=request_id(scope))
    return JSONResponse(body.model_dump(), problem.status, problem.headers)


class Frame:
    """Middleware: checks hosts and keys, and accounts for each request."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        name, status = request_id(scope), 500

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for key, value in HEADERS.items():
                    headers.setdefault(key, value)
            await send(message)

        service = self._service
        counted = int(scope["path"].startswith("/v1/"))  # not probes, which a drain still answers
        service.under_way += counted
        service.metrics.under_way.inc(counted)
        try:
            problem = self._refusal(scope)
            if problem is None:
                await self._app(scope, receive, framed)
            else:
                await problem_response(problem, scope)(scope, receive, framed)
        finally:
            service.under_way -= counted
            service.metrics.under_way.dec(counted)
            self._account(scope, status, time.monotonic() - begun)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        hosts = self._service.hosts
        if hosts is not None and _host(headers.get("host", "")) not in hosts:
            # A page of the web that has its name point to this machine would be let in.
            return Problem(
                403, "unknown_host", "the service is not known by this name", where="header Host",
                hint="call it by 127.0.0.1 or localhost, or start it with --api-key-file",
            )  # fmt: skip
        keys = self._service.keys
        if keys is None or not scope["path"].startswith("/v1/"):
            return None
        key = sent_key(headers.get("authorization"), headers.get("x-api-key"))
        if key is None:
            return Problem(
                401, "no_key", "the request carries no API key", where="header Authorization",
                hint="send Authorization: Bearer KEY, or X-API-Key: KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if not keys.open(key):
            return Problem(
                403, "wrong_key", "the API key is not known", where="header Authorization",
                hint="ask who runs the service for a key",
            )  # fmt: skip
        return None

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._service.metrics.requests.labels(route, str(status)).inc()
        self._service.metrics.seconds.labels(route).observe(seconds)
        if route in ("/healthz", "/readyz", "/metrics") and status == 200:
            return
        self._service.log.write(
            "request", request_id=request_id(scope), method=_method(scope), route=route,
            status=status, seconds=round(seconds, 4), **scope["state"].get("told", {}),
        )  # fmt: skip


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method.isalpha() and len(method) <= 10 else "other"


def _host(header: str) -> str:
    """Return the name in a Host header, its port left out."""
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0].lower()
