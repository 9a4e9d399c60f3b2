"""Changes to JSON records leave every other byte as it was."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.cli.jsonlines import extended, with_text

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def test_only_the_text_changes():
    line = b' { "a" : 1.00 , "text":"old \\u4f60" , "z":[ {"text": 1} ] , "big":1e400 } '
    assert with_text(line, "text", 'n"e\n\u4f60') == (
        b' { "a" : 1.00 , "text":"n\\"e\\n\xe4\xbd\xa0" , "z":[ {"text": 1} ] , "big":1e400 } '
    )


def test_of_equal_names_the_last_one_changes():
    assert with_text(b'{"text":"1","text":"2"}', "text", "3") == b'{"text":"1","text":"3"}'
    assert with_text(b'{"te\\u0078t":"1"}', "text", "3") == b'{"te\\u0078t":"3"}'


@given(
    st.dictionaries(st.text().filter(lambda name: name != "text"), VALUES), st.text(), st.booleans()
)
def test_any_record_has_the_new_text(fields, text, escaped):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    record = {**fields, "text": "old"}
    line = json.dumps(record, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    try:
        line.decode()
    except UnicodeDecodeError:
        return
    assert json.loads(with_text(line, "text", text)) == record | {"text": text}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{}", b'{"outcome":"kept","score":null}'),
        (b" { } ", b' {"outcome":"kept","score":null}'),
        (b'{"a": 1.0 }\t', b'{"a": 1.0,"outcome":"kept","score":null}'),
        (b'{"a": {}}', b'{"a": {},"outcome":"kept","score":null}'),
        (b'{"score": 1.00, "b": 2}', b'{"input_score":1.00,"b":2,"outcome":"kept","score":null}'),
        (b'{"b": "score"}', b'{"b":"score","outcome":"kept","score":null}'),
    ],
)
def test_values_stand_behind_the_fields(line, expected):
    found = extended(line, {"outcome": "kept", "score": None})
    assert found == expected
    assert orjson.loads(found)["outcome"] == "kept"
