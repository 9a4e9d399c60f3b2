"""The kernel that looks URLs up: equal to its twin, and linear."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import url_twin as twin
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile.kernels import urls
from skypile.kernels.buffers import utf8_view
from skypile.kernels.hash_table import hash_table

DOMAINS = ("example.com", "a.b.example.org", "com.cn", "1.2.3.4", "[::1]", "xn--fiqs8s", "b.c")
ADDRESSES = (
    "example.net/a/b",
    "example.net/a?x=1",
    "1.2.3.4/x",
    "b.d/%E4%B8%AD",
    "b.d/~u",
    "[::1]/y",
)


def table() -> np.ndarray:
    data, offsets = utf8_view(pa.array([f"//{each}" for each in (*DOMAINS, *ADDRESSES)]))
    keys, outcomes = urls.entry_keys(data, offsets[:-1].copy(), offsets[1:].copy())
    assert not outcomes.any()
    paths = keys[:, 1] != 0
    values = np.where(paths, urls.PATHS, np.uint64(1))
    return hash_table(np.r_[keys[:, 0], keys[paths, 1]],
                      np.r_[values, np.ones(int(paths.sum()), np.uint64)])  # fmt: skip


TABLE = table()
HOSTS = st.lists(
    st.sampled_from(["www", "a", "b", "c", "example", "EXAMPLE", "com", "org", "net", "cn", "d",
                     "1", "2", "3", "4", "", "%61", "not-", "x" * 63, "x" * 64, "_", " ",
                     "xn--fiqs8s"]),
    max_size=6,
).map(".".join)  # fmt: skip
PATHS = st.lists(
    st.sampled_from(["/", "a", "b", "?", "x=1", "&", "#", "%2F", "%62", "%e4%b8%ad", "中", "~u",
                     "%", "%7Eu", "\\", "x", "y", "@", ":"]), max_size=8,
).map("".join)  # fmt: skip
URLS = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(
        ["http://", "HTTPS://", "//", "", "http:", "ftp://", ":", " http://", "1+.://"]
    ),
    st.sampled_from(["", "", "u@", "u:p@", "a@b@", "example.com@"]),
    HOSTS
    | st.sampled_from([*DOMAINS, "example.net", "www.example.net", "b.d", "[::1", "[x]", "[]"]),
    st.sampled_from(["", "", ":80", ":", ":99999", ":8a", ".", "..", ":123456"]),
    PATHS | st.sampled_from(["/a/b/", "/a/b/c?d", "/a/bc", "/a?x=1&y", "/x", "/y#z"]),
)


@settings(max_examples=600, deadline=None)
@example(["http://b.d/%e4%b8%ad\\", "http://b.d/%e4%b8%ad\\x"])
@given(st.lists(URLS | st.text("htp:/.@[]%0a \\", max_size=12), min_size=1, max_size=5))
def test_urls_equal_the_twin(found):
    counts, outcomes = urls.url_counts(*utf8_view(pa.array(found)), TABLE, 1)
    for url, (count,), outcome in zip(found, counts.tolist(), outcomes.tolist(), strict=True):
        if not url.strip("".join(map(chr, range(0x21)))):
            assert outcome == urls.EMPTY_URL
            continue
        wanted = twin.listed(url, DOMAINS, ADDRESSES)
        assert (outcome in (urls.BAD, urls.NOT_ASCII)) == (wanted is None), url
        assert count == (wanted or 0), url


@pytest.mark.parametrize("piece", ["a.", "/", "a/", "%41", "@", "http://", "[", "?", "a"])
def test_long_urls_end(piece):
    for url in (piece * 300_000, f"http://example.com/{piece * 300_000}"):
        counts, _ = urls.url_counts(*utf8_view(pa.array([url])), TABLE, 1)
        assert counts[0, 0] <= 1


def test_plain_lines():
    text = b"a.com\r\n\nB_-.x\n a\nb c\n#\n\r\nlast"
    data = np.zeros(len(text) + 72, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    found = [(text[a:b], bool(p), n) for a, b, p, n in urls.plain_lines(data, len(text)).tolist()]
    assert found == [
        (b"a.com", True, 1), (b"B_-.x", True, 3), (b" a", False, 4), (b"b c", False, 5),
        (b"#", False, 6), (b"last", True, 8),
    ]  # fmt: skip
