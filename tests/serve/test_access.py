"""Who may ask, what is counted, what is logged, and what the pages may load."""

from __future__ import annotations

import re
import sys

import pytest
from serve_runs import LINES, error_of, running

from skypile.cli.main import guarded
from skypile.cli.main import run as skypile
from skypile.errors import UsageError
from skypile.serve.keys import Keys, keys_from_text

KEY, OTHER = "k" * 20, "another-key-0123456789"
SECRET = "A secret sentence that must not be logged by anyone at all."


@pytest.fixture(scope="module")
def locked(small):
    with running(small, keys=Keys([OTHER, KEY])) as found:
        yield found


def test_a_key_opens_what_is_below_v1_and_the_rest_is_open(locked):
    ask = locked.client.get
    assert error_of(ask("/v1/recipe")) == (401, "no_key")
    assert ask("/v1/recipe").headers["www-authenticate"] == "Bearer"
    for bad in ("wrong", KEY[:-1], KEY + "k"):
        assert error_of(ask("/v1/recipe", headers={"authorization": f"Bearer {bad}"}))[0] == 403
        assert error_of(ask("/v1/recipe", headers={"x-api-key": bad})) == (403, "wrong_key")
    assert error_of(ask("/v1/recipe", headers={"authorization": f"Basic {KEY}"}))[0] == 401
    for good in ({"authorization": f"bearer {KEY}"}, {"x-api-key": OTHER}):
        assert ask("/v1/recipe", headers=good).status_code == 200
    for path in ("/healthz", "/readyz", "/metrics", "/", "/docs", "/openapi.json", "/page/page.js"):
        assert ask(path).status_code == 200, path
    assert error_of(locked.client.post("/v1/curate", json={"text": "x"}))[0] == 401


@pytest.mark.parametrize("text", ["", "# nothing\n", "short", "with a space in its middle"])
def test_keys_that_are_none_are_refused_without_being_shown(text):
    with pytest.raises(UsageError) as told:
        keys_from_text(text, "FILE")
    assert "FILE" in str(told.value)
    assert not text.strip("# \n") or text not in str(told.value)


def test_comments_and_several_keys():
    keys = keys_from_text(f"# old\n{KEY}\n\n{OTHER}\n", "FILE")
    assert keys.open(KEY)
    assert keys.open(OTHER)
    assert not keys.open("")
    assert KEY not in repr(keys)


def test_a_service_of_this_machine_is_not_called_by_other_names(small):
    with running(small, hosts=frozenset(("127.0.0.1", "localhost", "[::1]"))) as found:
        for name in ("127.0.0.1:8000", "LOCALHOST", "[::1]:80"):
            assert found.client.get("/v1/recipe", headers={"host": name}).status_code == 200
        for name in ("rebound.example", "127.0.0.1.example:80", "[::2]"):
            answer = found.client.get("/v1/recipe", headers={"host": name})
            assert error_of(answer) == (403, "unknown_host")


def test_what_needs_a_whole_corpus_is_said_not_to_be_applied(served):
    told = served.client.get("/v1/recipe").json()
    assert [part["part"] for part in told["not_applied"]] == ["dedup", "mix"]
    stages = [s["stage"] for step in told["applied"]["steps"] for s in step["stages"]]
    assert stages == ["normalize", "counts", "language", "repetition", "chinese", "pii"]
    assert told["fingerprint"] == served.service.recipe.fingerprint()
    assert told["columns"]["words_count"] == "int64"


def test_the_log_has_counts_and_ids_and_neither_texts_nor_keys(locked):
    body = b'{"text": "%s"}\n{"text": 7}\n{"%s' % (SECRET.encode(), SECRET.encode())
    headers = LINES | {"x-api-key": KEY, "x-request-id": "mine-1"}
    locked.client.post("/v1/curate?columns=none", content=body, headers=headers)
    locked.client.post(f"/v1/{SECRET}?q={SECRET}", headers=headers | {"x-request-id": 'a"\n b'})
    line = next(event for event in locked.events if event.get("request_id") == "mine-1")
    assert line | {"seconds": 0, "time": ""} == {
        "time": "", "event": "request", "request_id": "mine-1", "method": "POST",
        "route": "/v1/curate", "status": 200, "seconds": 0, "bytes": len(body),
        "documents": {"read": 3, "kept": 1, "rejected": 0, "error": 2, "complete": True},
    }  # fmt: skip
    assert re.fullmatch("[0-9a-f]{32}", locked.events[-1]["request_id"])
    text = locked.log.getvalue()
    for word in ("secret", KEY, OTHER, "logged by"):
        assert word not in text


def test_a_fault_is_told_without_its_message(small, monkeypatch):
    with running(small) as found:
        monkeypatch.setattr(found.service, "admit", lambda: {}[SECRET])
        answer = found.client.post("/v1/curate", json={"text": SECRET})
        assert error_of(answer) == (500, "fault")
        assert "secret" not in answer.text + found.log.getvalue()


def test_metrics_count_requests_documents_and_batches(small):
    with running(small) as found:
        found.lines(b'{"text": "%s"}\n{"text": ""}\n{' % SECRET.encode())
        text = found.client.get("/metrics").text
    for line in (
        'skypile_requests_total{route="/v1/curate",status="200"} 1.0',
        'skypile_documents_total{outcome="kept",reason=""} 1.0',
        'skypile_documents_total{outcome="rejected",reason="empty"} 1.0',
        'skypile_documents_total{outcome="error",reason="bad_json"} 1.0',
        "skypile_batch_documents_sum 3.0",
        "skypile_queue_documents 0.0",
        "skypile_ready 1.0",
        "skypile_requests_under_way 0.0",
    ):
        assert line in text, line


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(served, path):
    page = served.client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for link in re.findall(r'(?:src|href)="([^"]*)"', page.text):
        assert link.startswith("/") and not link.startswith("//"), link
        assert served.client.get(link).status_code == 200, link
    assert not re.search(r"<script>|<style|\son\w+=|style=", page.text)


def test_scripts_make_no_markup_of_what_they_are_given(served):
    for name in ("page.js", "docs.js"):
        script = served.client.get(f"/page/{name}").text
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script)
        assert "http" not in re.sub(r"//.*", "", script)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "--no-api-key"),
        (["--host", "example.invalid"], "--no-api-key"),
        (["--max-documents", "0"], "--max-documents"),
        (["--port", "70000"], "--port"),
        (["--workers", "-1"], "--workers"),
        (["--api-key-file", "/nowhere"], "/nowhere"),
        (["--recipe", "webb"], "web"),
        (["--host", "192.0.2.1", "--no-api-key"], "--host 192.0.2.1"),
    ],
)
def test_the_command_refuses_what_cannot_be(options, told, capsys, monkeypatch):
    monkeypatch.delenv("SKYPILE_API_KEY", raising=False)
    assert guarded("skypile", lambda: skypile(["serve", *options])) == 2
    assert told in capsys.readouterr().err


def test_a_key_and_no_key_exclude_each_other(capsys, monkeypatch):
    monkeypatch.setenv("SKYPILE_API_KEY", KEY)
    assert skypile(["serve", "--no-api-key"]) == 2
    assert KEY not in capsys.readouterr().err


def test_the_command_names_the_extra_that_it_needs(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "skypile.serve.server", raising=False)
    assert skypile(["serve", "--recipe", "gopher"]) == 2
    assert "pip install 'skypile[serve]'" in capsys.readouterr().err
