"""The scan for secrets against its plain twin, and the work that hostile texts make."""

from __future__ import annotations

import pyarrow as pa
import pytest
import secrets_twin
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.secrets import PREFIXES, secret_candidates

PIECES = st.sampled_from([
    *PREFIXES, "github", "password", "PassWord", "passphrase", "pwd", "secret", "token", "api_key",
    "Bearer ", "basic ", "key", "keys", "-----BEGIN RSA ", "PRIVATE KEY-----", "-----END", "-----",
    "://", ":", "@", "=", " = ", ": ", ":=", "=>", ">", "<", "(", "[", "{", '"', "'", "`", "\\",
    "\\n",
    "\n", "\t", " ", "/", ".", ",", ";", "-", "_", "b", "u", "str", "&str", "a1" * 4, "0123456789",
    "Ab9" * 12, "x" * 40, "é", "中", "\x00", "~+", "==",
])  # fmt: skip
TEXT = st.lists(PIECES, max_size=14).map("".join)


def found(texts: list[str]) -> list[tuple[int, ...]]:
    data, offsets = utf8_view(pa.array(texts, pa.string()))
    rows, _ = secret_candidates(data, offsets)
    rows[:, [1, 2, 4]] -= offsets[rows[:, 0], None]
    return [tuple(row) for row in rows.tolist()]


@settings(max_examples=600, deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_the_scan_equals_its_twin(texts):
    wanted = [
        (row, *one) for row, text in enumerate(texts)
        for one in secrets_twin.secret_candidates(text.encode())
    ]  # fmt: skip
    assert found(texts) == wanted


def test_a_find_does_not_depend_on_where_windows_end():
    text = 'api_key = "3f9a0c77d1e2b6485ad0"'
    for shift in range(130):
        assert found([" " * shift + text])[-1][1:3] == (shift + 11, shift + 31)


HOSTILE = (
    "password=", "eyJ", "-----BEGIN PRIVATE KEY-----\n", "://a:", "sk-", "ghp_", "token: '", "key",
    "bearer ", "xox-", "\\nghp_", "secret secret_", "-----END",
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_as_long_is_twice_the_work(piece):
    def work(size: int) -> int:
        return secret_candidates(*utf8_view(pa.array([piece * (size // len(piece))])))[1]

    assert work(200_000) < 2.1 * work(100_000)
    assert work(100_000) < 60 * 100_000
