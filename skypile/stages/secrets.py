"""Secrets: keys, tokens and passwords are counted and, unless asked otherwise, replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from skypile.kernels import secrets as shapes
from skypile.kernels.buffers import utf8_view
from skypile.kernels.secrets import secret_candidates
from skypile.stage import Stage
from skypile.stages import secret_rules
from skypile.stages.masking import Masked, apart, key_hash, keyed, rewritten
from skypile.stages.pii_near import Find, Near

__all__ = ["KINDS", "Secrets", "secrets"]

Kind = Literal[
    "private_key", "aws_key_id", "aws_secret", "github_token", "gitlab_token", "slack_token",
    "stripe_key", "google_key", "llm_key", "hf_token", "npm_token", "pypi_token", "vendor_token",
    "jwt", "url_password", "password", "secret",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

# Shape -> the rule that judges it; `assigned` takes the name before the value besides.
RULES: dict[int, Callable[[Near], list[Find]]] = {
    shapes.PEM: secret_rules.pem,
    shapes.TOKEN: secret_rules.token,
    shapes.URL: secret_rules.url,
    shapes.BEARER: secret_rules.bearer,
}
_BEFORE_BYTES, _BEHIND_BYTES = 128, 16


def secrets(texts: pa.Array, kinds: Collection[str] = KINDS) -> list[Masked]:
    """Return all secrets of these kinds, in order, no two of which overlap."""
    data, offsets = utf8_view(texts)
    places, _ = secret_candidates(data, offsets)
    wanted = frozenset(kinds)
    found = [
        each
        for row, start, stop, shape, name in places.tolist()
        for each in _judged(data, offsets, (row, start, stop, shape, name))
        if each.kind in wanted
    ]
    # Of two finds that begin at one place the longer one counts; then a token before a password.
    found.sort(key=lambda each: (each.row, each.start, -each.stop, KINDS.index(each.kind)))
    return list(apart(found))


def _judged(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], place: tuple[int, ...]
) -> Iterator[Masked]:
    row, start, stop, shape, name = place
    begin, end = int(offsets[row]), int(offsets[row + 1])
    first, last = max(begin, start - _BEFORE_BYTES), min(end, stop + _BEHIND_BYTES)
    text = data[first:last].tobytes()
    near = Near(text, start - first, stop - first)
    told = (
        secret_rules.assigned(near, text[: max(name - first, 0)])
        if shape == shapes.ASSIGNED
        else RULES[shape](near)
    )
    for each in told:
        value = text[each.start : each.stop]
        yield Masked(row, each.kind, first - begin + each.start, first - begin + each.stop, value)


class Secrets(Stage):
    """Secrets of every document are counted, and replaced in its text unless `replace: none`.

    `secret_KIND_count` for each of `kinds`; `secrets_count` all of them; `secrets_removed_chars`
    the characters that were taken out. `private_key`: a whole PEM block; `password`,
    `secret`: a value that a name such as `password` or `api_key` is given, or that stands behind
    `Basic` and `Bearer`; `url_password`: only the password in ``scheme://user:password@host``.
    Placeholders, UUIDs, hashes and words are left alone.

    `replace: keyed` puts ``<KIND_tag>`` (`skypile.stages.masking`): one value has one placeholder
    under one `key`. `fixed` puts ``<KIND>``.
    """

    version: ClassVar[int] = 1

    kinds: tuple[Kind, ...] = Field(default=KINDS, min_length=1)
    replace: Literal["keyed", "fixed", "none"] = "keyed"
    key: str = ""

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns, all int64; and `text` where it is rewritten."""
        names = [f"secret_{kind}_count" for kind in self.kinds]
        columns = dict.fromkeys((*names, "secrets_count"), pa.int64())
        if self.replace != "none":
            columns |= {"secrets_removed_chars": pa.int64(), "text": pa.string()}
        return columns

    def fingerprint_data(self) -> dict[str, Any]:
        """Return the stage's options, with a hash in place of the key."""
        return super().fingerprint_data() | {"key": key_hash(self.key)}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns."""
        texts = batch.column("text")
        found = secrets(texts, self.kinds)
        counts = {name: np.zeros(len(texts), np.int64) for name in self.writes if name != "text"}
        for each in found:
            counts[f"secret_{each.kind}_count"][each.row] += 1
            counts["secrets_count"][each.row] += 1
            if self.replace != "none":
                counts["secrets_removed_chars"][each.row] += len(each.value.decode())
        columns = {}
        if self.replace != "none":
            columns["text"] = rewritten(texts.cast(pa.string()), found, self._placeholder)
        return {name: pa.array(counts[name]) for name in counts} | columns

    def _placeholder(self, each: Masked) -> bytes:
        if self.replace == "fixed":
            return f"<{each.kind.upper()}>".encode()
        return keyed(each.kind, each.value, self.key)
