"""The service fuzzed from its own OpenAPI description: no fault, and every answer in its schema."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from serve_runs import running

# Keywords that the generator below and the description know; another one would be passed over.
KNOWN = {
    "type", "title", "description", "default", "properties", "required", "additionalProperties",
    "items", "anyOf", "enum", "const", "$ref", "minLength", "maxLength",
}  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TEXTS = st.text(max_size=80) | st.sampled_from(
    ["the river " * 20, "今天天气很好，我们去公园。" * 9, "x" * 3000, "\0", "\u2028", "a\n" * 99]
)


@pytest.fixture(scope="module")
def fuzzed(small):
    bounds = {"max_body_bytes": 20_000, "max_json_bytes": 10_000, "max_documents": 20}
    with running(small, max_document_bytes=2000, max_explain_bytes=1500, **bounds) as found:
        yield found, found.client.get("/openapi.json").json()


def resolved(told: dict, schema: dict) -> dict:
    while "$ref" in schema:
        place: Any = told
        for step in schema["$ref"].split("/")[1:]:
            place = place[step]
        schema = place
    return schema


def values(told: dict, schema: dict) -> st.SearchStrategy[Any]:
    """Return what a schema allows."""
    schema = resolved(told, schema)
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "anyOf" in schema:
        return st.one_of([values(told, each) for each in schema["anyOf"]])
    kinds = schema.get("type", "any")
    if isinstance(kinds, list):
        return st.one_of([values(told, schema | {"type": kind}) for kind in kinds])
    if kinds == "object":
        return objects(told, schema)
    if kinds == "array":
        return st.lists(values(told, schema["items"]), max_size=5)
    return {
        "string": TEXTS, "integer": st.integers(), "number": st.floats(), "boolean": st.booleans(),
        "null": st.none(), "any": ANY,
    }[kinds]  # fmt: skip


def objects(told: dict, schema: dict) -> st.SearchStrategy[dict]:
    known = schema.get("properties", {})
    required = {k: values(told, v) for k, v in known.items() if k in schema.get("required", ())}
    optional = {k: values(told, v) for k, v in known.items() if k not in required}
    found = st.fixed_dictionaries(required, optional=optional)
    if schema.get("additionalProperties"):
        more = st.dictionaries(st.text(max_size=8), ANY, max_size=3)
        return st.builds(lambda extra, own: extra | own, more, found)
    return found


def requests(told: dict) -> st.SearchStrategy[dict[str, Any]]:
    """Return requests of every route: what the description allows, and what it does not."""
    made = []
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            query = {
                each["name"]: values(told, each["schema"]) | TEXTS
                for each in operation.get("parameters", ())
            }
            content = operation.get("requestBody", {}).get("content", {None: {}})
            bodies = [body(told, kind, each.get("schema")) for kind, each in content.items()]
            made.append(
                st.fixed_dictionaries(
                    {
                        "method": st.just(method.upper()), "path": st.just(path),
                        "query": st.fixed_dictionaries({}, optional=query),
                        "body": st.one_of(bodies),
                        "coding": st.sampled_from(["", "", "gzip", "zstd", "lying", "br"]),
                    }
                )
            )  # fmt: skip
    return st.one_of(made)


def body(told: dict, kind: str | None, schema: dict | None) -> st.SearchStrategy[Any]:
    if kind is None:
        return st.just((None, b""))
    lines = resolved(told, schema or {}).get("type") == "string"
    known = told["paths"]["/v1/explain"]["post"]["requestBody"]["content"]["application/json"]
    good = values(told, known["schema"] if lines else schema).map(lambda each: dumped(each))
    anything = ANY.map(dumped) | st.binary(max_size=60)
    if lines:
        good = st.lists(good | anything, max_size=6).map(b"\n".join)
    wrong = st.sampled_from(["text/plain", "", "application/json; charset=utf-16", "\xe4"])
    return st.tuples(st.just(kind), good | anything) | st.tuples(wrong | st.just(kind), anything)


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def sent(client: Any, request: dict[str, Any]) -> Any:
    kind, content = request["body"]
    headers = {} if kind is None else {"content-type": kind.encode("latin-1")}
    if request["coding"]:
        name = "gzip" if request["coding"] == "lying" else request["coding"]
        headers["content-encoding"] = name
        pack = {"gzip": gzip.compress, "zstd": zstandard.compress}.get(request["coding"])
        content = pack(content) if pack else content
    return client.request(
        request["method"], request["path"], params=request["query"], content=content,
        headers=headers,
    )  # fmt: skip


def test_no_request_finds_a_fault_and_every_answer_is_as_described(fuzzed):
    found, told = fuzzed
    seen: dict[int, int] = {}

    @given(requests(told))
    @settings(max_examples=100, deadline=None)
    def fuzz(request: dict[str, Any]) -> None:
        answer = sent(found.client, request)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (answer.status_code, answer.text)
        described = told["paths"][request["path"]][request["method"].lower()]["responses"]
        assert str(answer.status_code) in described, answer.status_code
        check(told, described[str(answer.status_code)], answer)

    fuzz()
    assert {200, 415, 422} <= set(seen), seen
    # Nothing is left behind: the service answers as before.
    assert found.service.under_way == found.service.batcher.waiting_documents == 0


def check(told: dict, described: dict, answer: Any) -> None:
    """Hold an answer to its schema; each line of NDJSON to that of one document, or the summary."""
    media = answer.headers["content-type"].partition(";")[0]
    content = {kind.partition(";")[0]: each for kind, each in described["content"].items()}
    assert media in content, (media, list(content))
    schema = content[media]["schema"]
    if media == "application/json":
        valid(told, schema, answer.json())
    elif media == "application/x-ndjson":
        *documents, last = [json.loads(line) for line in answer.text.splitlines()]
        for each in documents:
            valid(told, {"$ref": "#/components/schemas/Answer"}, each)
        valid(told, {"$ref": "#/components/schemas/Summary"}, last["summary"])
        parts = ("kept", "rejected", "error")
        assert last["summary"]["read"] == len(documents) == sum(last["summary"][p] for p in parts)


def valid(told: dict, schema: dict, value: Any) -> None:
    """Hold a value to a schema; no field stands in it that the schema does not name."""
    whole = closed({**schema, "components": told["components"]})
    Draft202012Validator(whole).validate(value)


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(each) for key, each in schema.items()}
    if "properties" in found and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found
