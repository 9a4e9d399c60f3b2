"""manifest.json as typed values: what a finished corpus says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import RunError, UsageError, VerifyError
from skypile.guard import inside
from skypile.io.store import Store, is_remote
from skypile.policy import Rule

__all__ = [
    "MANIFEST",
    "IndexFile",
    "LeftOut",
    "Manifest",
    "Mixture",
    "PoolData",
    "Shard",
    "read_manifest",
    "rules_of",
]

MANIFEST = "manifest.json"
# A corpus may be somebody else's, and forget removes files that its manifest names.
Inside = Annotated[str, AfterValidator(inside)]


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class IndexFile(_Known):
    """The signatures of a shard's documents, row for row."""

    path: Inside
    bytes: int
    sha256: str


class Shard(_Known):
    """A file of kept documents of one domain."""

    path: Inside
    domain: str
    documents: int
    tokens: int
    bytes: int
    sha256: str
    index: IndexFile | None = None


class LeftOut(_Known):
    """A file of documents with another outcome; surplus ones have their tokens counted."""

    path: Inside
    outcome: str
    documents: int
    bytes: int
    sha256: str
    tokens: int | None = None


class LedgerData(_Known):
    """What became of the records read."""

    read: int
    kept: int
    surplus: int
    rejected: dict[str, int]
    error: dict[str, int]
    by_domain: dict[str, dict[str, int]]
    removed_chars: dict[str, int] = Field(default={})


class Asked(_Known):
    """The weights that were asked for, as given and divided by their sum."""

    weights: dict[str, float]
    weights_sum: float
    normalized: dict[str, float]
    tokens: int | None = None


class Reached(_Known):
    """What a domain came to."""

    documents: int
    tokens: int
    share: float
    subsets: dict[str, int] = Field(default={})


class CutData(_Known):
    """The place of a domain's last kept document, as `skypile.mix.Cut`."""

    bucket: int
    key: int
    address: int


class PoolData(_Known):
    """What one pool of a divided domain may hold (null where no mixture was asked), and holds."""

    available_tokens: int
    target_tokens: int | None
    cap_tokens: int | None
    documents: int
    tokens: int
    share: float

    def shares_common(self, domain: str, name: str) -> bool:
        """Tell whether the pool stands in the common order of its domain."""
        return name == domain or self.cap_tokens is not None


class WithinData(_Known):
    """How a domain's tokens were divided by the values of a column."""

    column: str
    pools: dict[str, PoolData]


class Mixture(_Known):
    """The token mixture, asked and reached; the cuts are there where one was asked."""

    asked: Asked | None
    reached: dict[str, Reached]
    target_tokens: dict[str, int] = Field(default={})
    cuts: dict[str, CutData] = Field(default={})
    within: dict[str, WithinData] = Field(default={})
    seed: int


class ForgottenData(_Known):
    """What `skypile forget` took out: documents, and tokens of kept ones by domain and by pool."""

    documents: int = 0
    tokens: dict[str, int] = Field(default={})
    pool_tokens: dict[str, int] = Field(default={})


class AgainstData(_Known):
    """An earlier corpus that the documents were compared with.

    `label` stands behind ``against/`` in `duplicate_of` where there were several corpora.
    """

    path: str
    label: str = ""
    recipe: str
    digest: str
    documents: int
    matched: int


class RecipeData(_Known):
    """The recipe that the corpus was built with."""

    name: str
    fingerprint: str
    definition: dict[str, Any]


class Input(_Known):
    """A unit of input and the records read of it; `files` where it is a run of source files."""

    unit: str
    read: int
    files: int | None = None


class Manifest(_Known):
    """What manifest.json holds; what is not named here is kept as it stands."""

    recipe: RecipeData
    inputs: list[Input]
    ledger: LedgerData
    mixture: Mixture
    surplus: str
    shards: list[Shard]
    left_out: list[LeftOut]
    versions: dict[str, str]
    digest: str
    forgotten: ForgottenData = Field(default=ForgottenData())
    against: list[AgainstData] = Field(default=[])

    @property
    def files(self) -> list[Shard | LeftOut]:
        """All files of the corpus, those of kept documents first."""
        return [*self.shards, *self.left_out]

    @property
    def index_files(self) -> list[IndexFile]:
        """The files of the index, where the corpus has one."""
        return [shard.index for shard in self.shards if shard.index is not None]


def read_manifest(store: Store) -> Manifest:
    """Return the manifest of the corpus in the folder `store`.

    Raises UsageError where there is no such folder, VerifyError where there is no manifest in it
    (the build has not ended) or one that is not what SkyPile writes.
    """
    if not is_remote(store.root) and not Path(store.path("")).is_dir():
        raise UsageError(
            f"{store.root}: there is no such folder; expected is the folder of a build"
        )
    try:
        return Manifest.model_validate(json.loads(store.read(MANIFEST)))
    except RunError as error:
        raise VerifyError(
            f"{store.root}: holds no {MANIFEST}: this is no corpus, or its build has not ended"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise VerifyError(
            f"{MANIFEST}: {place}: {first['msg']}; it is not as SkyPile writes it"
        ) from error
    except (OSError, ValueError) as error:
        raise VerifyError(f"{MANIFEST}: cannot be read: {error}") from error


def rules_of(manifest: Manifest, section: str) -> list[Rule]:
    """Return the rules of the recipe's `section` (``steps`` or ``score``), in order.

    Raises VerifyError where the manifest does not hold them as SkyPile writes them.
    """
    try:
        steps = manifest.recipe.definition[section]
        return [Rule(**rule) for step in steps for rule in step["rules"]]
    except (KeyError, TypeError, ValidationError) as error:
        raise VerifyError(f"{MANIFEST}: recipe.definition.{section}: {error!r}") from error
