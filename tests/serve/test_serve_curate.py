"""Documents over HTTP: what is answered, in which order, and that none is lost."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from serve_runs import JSON, LINES, error_of, running

PLAIN = "The river rose slowly over the meadow while nobody on the old bridge was looking."
TWICE = "The same long line stands here two times over.\n" * 2 + "Another line follows them."
WIDE = "The ri\u200bver rose slowly over the meadow while nobody was looking at it at all."
BODY = b"\n".join(
    [
        json.dumps({"id": "a", "text": PLAIN}).encode(),
        b"",
        b'{"id": "b", "text": "This is the end"}',
        b'{"broken": ',
        b'{"id": 7, "text": 7}',
        b'{"text": "\xff"}',
        json.dumps({"id": "c", "text": TWICE, "more": [1, 2]}).encode(),
        b"   ",
    ]
)
WANTED = [
    ("a", "kept", None),
    ("b", "rejected", "too_short"),
    ("body#3", "error", "bad_json"),
    ("body#4", "error", "bad_text_type"),
    ("body#5", "error", "bad_utf8"),
    ("c", "rejected", "repeated"),
]
SUMMARY = {
    "read": 6,
    "kept": 1,
    "rejected": 2,
    "error": 3,
    "rejected_by_reason": {"repeated": 1, "too_short": 1},
    "error_by_reason": {"bad_json": 1, "bad_text_type": 1, "bad_utf8": 1},
    "complete": True,
}


def outcomes(answers):
    return [(each["id"], each["outcome"], each["reason"]) for each in answers]


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_each_line_has_its_answer_and_the_summary_is_their_sum(served, coding):
    packed = {
        "identity": BODY,
        "gzip": gzip.compress(BODY, mtime=0),
        "zstd": zstandard.compress(BODY),
    }[coding]
    *answers, last = served.lines(packed, **{"content-encoding": coding})
    assert outcomes(answers) == WANTED
    assert last == {"summary": SUMMARY}
    assert [each["index"] for each in answers] == list(range(6))
    assert answers[2]["message"].startswith("not JSON")
    assert "message" not in answers[0]


def test_documents_of_json_are_answered_alike(served):
    documents = [
        {"id": "a", "text": PLAIN},
        {"id": "b", "text": "This is the end"},
        {"no": "text"},
        {"id": 12345678901234567890123, "text": TWICE},
    ]
    told = served.client.post("/v1/curate", json={"documents": documents}).json()
    assert outcomes(told["documents"]) == [
        ("a", "kept", None),
        ("b", "rejected", "too_short"),
        ("body#2", "error", "bad_text_type"),
        ("12345678901234567890123", "rejected", "repeated"),
    ]
    assert told["summary"]["read"] == 4
    alone = served.client.post("/v1/curate", json=documents[0]).json()
    assert alone["documents"] == [told["documents"][0]]
    empty = served.client.post("/v1/curate", json={"documents": []}).json()
    assert (empty["documents"], empty["summary"]["read"]) == ([], 0)
    assert served.lines(b"\n\n")[0]["summary"]["read"] == 0


def test_columns_text_and_rules_come_when_they_are_asked_for(served):
    body = json.dumps({"id": "w", "text": WIDE}).encode()
    plain = served.lines(body)[0]
    assert {"words_count", "dup_line_char_frac"} <= set(plain["columns"])
    assert not {"text", "rules"} & set(plain)
    none = served.lines(body, "?columns=none")[0]
    assert "columns" not in none
    some = served.lines(body, "?columns=words_count&columns=chars_count&text=true")[0]
    assert set(some["columns"]) == {"words_count", "chars_count"}
    assert some["text"].startswith("The river")  # as the recipe rewrites it
    told = served.lines(body, "?explain=true&columns=none")[0]
    assert [rule["result"] for rule in told["rules"]] == ["met"] * 4 + ["other_domain"]
    assert told["rules"][1] | {"source": ""} == {
        "reason": "too_short", "column": "words_count", "test": "words_count >= 5 (en)",
        "min": 5.0, "max": None, "allowed": None, "domain": ["en"], "source": "",
        "value": 15, "result": "met",
    }  # fmt: skip


def test_a_rejected_document_is_explained_by_all_rules(served):
    told = served.client.post("/v1/explain", json={"text": TWICE}).json()
    assert (told["outcome"], told["reason"]) == ("rejected", "repeated")
    results = {rule["reason"]: rule["result"] for rule in told["rules"]}
    assert results["repeated"] == "decided"
    # What later rules would say is told as well: nothing of it was computed to decide.
    short = served.client.post("/v1/explain", json={"text": "the end\nthe end"}).json()
    results = {rule["reason"]: rule["result"] for rule in short["rules"]}
    assert (results["too_short"], results["repeated"]) == ("decided", "broken")
    marked = [
        told["text"][each["start"] : each["stop"]] for each in told["spans"] if each["deciding"]
    ]
    assert marked == ["The same long line stands here two times over."]


@pytest.mark.parametrize(
    ("body", "headers", "wanted"),
    [
        (b"{", JSON, (422, "bad_json")),
        (b"\xff", JSON, (422, "bad_json")),
        (b"[" * 100_000, JSON, (422, "bad_json")),
        (b'{"documents": 7}', JSON, (422, "bad_body")),
        (b'{"documents": [7]}', JSON, (422, "bad_body")),
        (b'"text"', JSON, (422, "bad_body")),
        (b"{}", JSON | {"content-encoding": "gzip"}, (422, "bad_compression")),
        (b"{}", LINES | {"content-encoding": "gzip"}, (422, "bad_compression")),
        (
            gzip.compress(BODY, mtime=0)[:20],
            JSON | {"content-encoding": "gzip"},
            (422, "truncated"),
        ),
        (b"{}", LINES | {"content-encoding": "br"}, (415, "unknown_encoding")),
        (b"{}", {"content-type": "text/plain"}, (415, "unknown_type")),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(served, body, headers, wanted):
    assert error_of(served.client.post("/v1/curate", content=body, headers=headers)) == wanted


def test_a_body_that_breaks_off_is_answered_up_to_there(served):
    packed = gzip.compress(BODY * 50, mtime=0)
    *answers, last = served.lines(packed[: len(packed) - 40], **{"content-encoding": "gzip"})
    assert (answers[-1]["outcome"], answers[-1]["reason"]) == ("error", "truncated")
    summary = last["summary"]
    assert summary["read"] == len(answers) == sum(summary[k] for k in ("kept", "rejected", "error"))


def test_bad_parameters_are_named(served):
    for query in ("columns=nope", "text=perhaps"):
        answer = served.client.post(f"/v1/curate?{query}", json={"text": "x"})
        assert error_of(answer)[0] == 422
        assert query.partition("=")[0] in answer.json()["error"]["where"]
    assert error_of(served.client.get("/nowhere")) == (404, "not_found")
    assert error_of(served.client.get("/v1/curate")) == (405, "method_not_allowed")


GZIP, ZSTD = {"content-encoding": "gzip"}, {"content-encoding": "zstd"}
BOUNDS = {
    "max_body_bytes": 4000,
    "max_content_bytes": 20_000,
    "max_json_bytes": 3000,
    "max_documents": 5,
    "max_json_documents": 4,
    "max_document_bytes": 1000,
    "max_explain_bytes": 500,
}


@pytest.fixture(scope="module")
def bounded(small):
    with running(small, **BOUNDS) as found:
        yield found


def many(count, size=10):
    return b'{"text": "%s"}\n' % (b"x" * size) * count


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (many(1, 5000), LINES, "max-body-bytes"),
        (many(6), LINES, "max-documents"),
        (zstandard.compress(many(4, 8000)), LINES | ZSTD, "max-content-bytes"),
        (gzip.compress(many(1, 3000), mtime=0), JSON | GZIP, "max-json-bytes"),
        (json.dumps({"documents": [{}] * 5}).encode(), JSON, "max-json-documents"),
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused_before_anything_is_judged(bounded, body, headers, told):
    before = bounded.client.get("/metrics").text.count("skypile_documents_total{")
    answer = bounded.client.post("/v1/curate", content=body, headers=headers)
    assert error_of(answer) == (413, "too_large")
    assert told in answer.json()["error"]["hint"]
    assert bounded.client.get("/metrics").text.count("skypile_documents_total{") == before


def test_a_body_without_a_length_is_refused_when_it_gets_too_large(bounded):
    parts = iter([many(1, 900)] * 6)
    answer = bounded.client.post("/v1/curate", content=parts, headers=LINES)
    assert error_of(answer) == (413, "too_large")


def test_a_document_that_is_too_large_is_an_error_of_its_own(bounded):
    *answers, last = bounded.lines(many(1) + many(1, 2000) + many(1))
    assert [each["reason"] for each in answers] == ["wrong_language", "too_large", "wrong_language"]
    assert last["summary"]["error_by_reason"] == {"too_large": 1}
    answer = bounded.client.post("/v1/explain", json={"text": "x" * 600})
    assert error_of(answer) == (413, "too_large")
    told = bounded.lines(many(1, 600), "?explain=true")[0]
    assert (told["spans"], told["spans_cut"]) == ([], True)
    assert told["rules"]


def test_one_document_is_explained_at_a_time(served):
    two = served.client.post("/v1/explain", json={"documents": [{"text": "a"}, {"text": "b"}]})
    assert error_of(two) == (422, "bad_body")
    assert error_of(served.client.post("/v1/explain", content=BODY, headers=LINES))[0] == 415
    broken = served.client.post("/v1/explain", json={"text": None}).json()
    assert (broken["outcome"], broken["rules"], broken["spans"]) == ("error", [], [])
