"""A service in this process, asked without a network."""

from __future__ import annotations

import io
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from skypile.recipe import Recipe
from skypile.serve.app import create_app
from skypile.serve.keys import Keys
from skypile.serve.lanes import Lane, OwnLane
from skypile.serve.metrics import Log
from skypile.serve.service import Service
from skypile.serve.settings import Limits

LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


class Running:
    """A service that has loaded its recipe, a client of it, and its log."""

    def __init__(
        self, recipe: Recipe, *, lanes: list[Lane] | None = None, keys: Keys | None = None,
        hosts: frozenset[str] | None = None, **limits: Any,
    ) -> None:  # fmt: skip
        self.log = io.StringIO()
        self.service = Service(
            recipe, lanes or [OwnLane(recipe)], Limits(**limits), keys=keys, hosts=hosts,
            log=Log(self.log),
        )  # fmt: skip
        self.app = create_app(self.service)
        # What the service answers is looked at, faults too.
        self.client = TestClient(self.app, raise_server_exceptions=False)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def lines(self, body: bytes, query: str = "", **headers: str) -> list[dict[str, Any]]:
        """Return the lines of the answer to a body of JSON Lines, the summary too."""
        answer = self.client.post(f"/v1/curate{query}", content=body, headers=LINES | headers)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


@contextmanager
def running(recipe: Recipe, **options: Any):
    """Start a service, and end it."""
    found = Running(recipe, **options)
    found.service.start()
    until_ready(found.service)
    try:
        yield found
    finally:
        found.service.close()


def until_ready(service: Service) -> None:
    deadline = time.monotonic() + 300
    while not service.ready:
        assert service.batcher.failed is None, service.batcher.failed
        assert time.monotonic() < deadline
        time.sleep(0.005)


def error_of(answer: Any) -> tuple[int, str]:
    """Return status and code of an answer that is no result; it says where, and what to do."""
    told = answer.json()
    assert set(told) == {"error", "request_id"}
    assert all(told["error"][part] for part in ("code", "message", "where", "hint")), told
    assert answer.headers["x-request-id"] == told["request_id"]
    return answer.status_code, told["error"]["code"]


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path
