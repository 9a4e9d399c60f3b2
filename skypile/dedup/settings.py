"""The section `dedup` of a recipe: how duplicates are found, and which copy stays."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from skypile.dedup.bands import BANDS, ROWS, VALUES, optimal_bands
from skypile.dedup.formats import ALARM, THRESHOLD
from skypile.dedup.preference import DEFAULT_ORDER, META, OWN_KEYS, Key, parse_key, words
from skypile.errors import RecipeError
from skypile.schema import Scheme
from skypile.stage import Stage

__all__ = ["Dedup", "Level", "Within"]

# What makes two documents duplicates: the same page, the same text, nearly the same text.
Level = Literal["url", "exact", "near"]
# What two documents must have in common besides; `site` is the host of the URL.
Within = Literal["domain", "source", "site"]


class Dedup(BaseModel):
    """How duplicates are found: bands of rows over the first values of the signature.

    Bands and rows follow from `threshold` (`skypile.dedup.bands.optimal_bands`) unless both are
    given. Pairs that they propose are verified by the exact Jaccard similarity of their shingle
    sets where the estimate lies within 0.12 of `threshold`. Of two copies the one stays that
    `prefer` puts first, then the one of the smaller address. `sources` lists values of `source`,
    best first. Families of more than `alarm` documents are named as an alarm. `scheme` is that of
    stage `signature`.

    `levels` says what a duplicate is: a document of the same URL (`skypile.dedup.urls`), of the
    same text, or of nearly the same. With `within` only documents that have that in common are
    compared: the domain, the source, the site; those that have none are among themselves. `after`
    says when: with `steps` what the score section rejects may be the copy that stays, and with
    `score` all documents are scored, their copies too, and `prefer` may name scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=THRESHOLD, gt=0, le=1)
    bands: int = Field(default=BANDS, ge=1, le=VALUES)
    rows: int = Field(default=ROWS, ge=1, le=VALUES)
    sources: tuple[str, ...] = ()
    prefer: tuple[Key, ...] = DEFAULT_ORDER
    alarm: int = Field(default=ALARM, ge=1)
    scheme: Scheme = "affine32"
    levels: tuple[Level, ...] = ("exact", "near")
    within: Within | None = None
    after: Literal["steps", "score"] = "steps"

    @model_validator(mode="before")
    @classmethod
    def _bands_of_threshold(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = [name for name in ("bands", "rows") if name in data]
        if len(given) == 1:
            raise ValueError(f"dedup: {given[0]} is given alone; give bands and rows, or neither")
        threshold = data.get("threshold", THRESHOLD)
        if given or threshold == THRESHOLD:
            return data
        if not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            return data
        bands, rows = optimal_bands(threshold)
        return {**data, "bands": bands, "rows": rows}

    @field_validator("prefer", mode="before")
    @classmethod
    def _named_keys(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(parse_key(entry) for entry in value)
        return value

    @field_validator("prefer")
    @classmethod
    def _each_once(cls, value: tuple[Key, ...]) -> tuple[Key, ...]:
        names = [key.column for key in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} stands twice; the second has nothing to decide")
        if "address" in names[:-1] or Key(column="address", order="desc") in value:
            raise ValueError("addresses differ, so address stands last and ascends")
        return value

    @field_validator("levels")
    @classmethod
    def _in_order(cls, value: tuple[Level, ...]) -> tuple[Level, ...]:
        found = tuple(level for level in get_args(Level) if level in value)
        if not found:
            raise ValueError("name one level or more; for none at all write `dedup: null`")
        if "near" in found and "exact" not in found:
            raise ValueError("copies are near duplicates as well: name exact beside near")
        return found

    @model_validator(mode="after")
    def _fits(self) -> Dedup:
        if self.bands * self.rows > VALUES:
            raise ValueError(
                f"dedup: {self.bands} bands of {self.rows} rows need "
                f"{self.bands * self.rows} values; a signature has {VALUES}"
            )
        return self

    @property
    def words(self) -> int:
        """How many 64-bit words the preference of a document takes."""
        return words(self.prefer)

    @property
    def signature(self) -> Stage:
        """The stage whose columns duplicates are found by."""
        # On use: recipes are read without loading Numba.
        from skypile.stages.signature import Signature

        return Signature(scheme=self.scheme)

    @property
    def packed(self) -> list[Any]:
        """What the packed signatures of documents depend on beside their texts, as JSON."""
        return [
            self.sources, [key.model_dump() for key in self.prefer], self.scheme,
            "url" in self.levels, self.within, self.after,
        ]  # fmt: skip

    @property
    def compared_columns(self) -> list[str]:
        """The columns of a document that are compared besides its text."""
        scope = "url" if self.within == "site" else self.within
        url = "url" if "url" in self.levels else None
        return list(dict.fromkeys(name for name in (url, scope) if name is not None))

    @property
    def _before(self) -> str:
        return "steps or score" if self.after == "score" else "steps"

    def with_threshold(self, threshold: float) -> Dedup:
        """Return the same settings with another threshold and the bands that go with it."""
        kept = self.model_dump(exclude={"threshold", "bands", "rows"})
        return Dedup(threshold=threshold, **kept)

    def check_columns(self, known: Mapping[str, pa.DataType]) -> None:
        """Raise RecipeError where `prefer` or `within` names what is not among columns `known`."""
        if self.within == "domain" and "domain" not in known:
            raise RecipeError(
                "dedup.within is domain, which no stage of steps writes; add stage language, or "
                "compare within source or site"
            )
        for key in self.prefer:
            name = key.column
            if name in OWN_KEYS or (name.startswith(META) and len(name) > len(META)):
                continue
            if name not in known:
                near = get_close_matches(name, sorted({*known, *OWN_KEYS}), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise RecipeError(
                    f"dedup.prefer names column {name!r}, which no stage of {self._before} "
                    f"writes{hint}"
                )
            kind = known[name]
            numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
            if not numeric and not pa.types.is_boolean(kind):
                raise RecipeError(
                    f"dedup.prefer names column {name!r}, which holds {kind}; copies are ordered "
                    f"by numbers, by {', '.join(OWN_KEYS)} and by {META}FIELD"
                )
