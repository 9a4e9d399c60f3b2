"""A folder that ``skypile tokenize`` wrote, opened: its streams by domain and subset."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import InputError
from skypile.guard import inside
from skypile.pretrain.token_file import TokenFile, open_tokens

__all__ = ["Stream", "TokenSet", "open_token_set"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Tokenizer(_Part):
    sha256: str
    vocab_size: int = Field(ge=2)
    bos: str | None
    eos: str


class _Stream(_Part):
    split: Literal["train", "validation"]
    domain: str
    subset: str | None
    path: Annotated[str, AfterValidator(inside)]
    documents: int
    tokens: int
    xxh3: str = ""


class _Manifest(_Part):
    format_version: Literal[1]
    corpus: dict[str, Any]
    tokenizer: _Tokenizer
    validation: dict[str, Any]
    streams: tuple[_Stream, ...]


@dataclass(frozen=True)
class Stream:
    """The tokens of one domain and subset; `name` is `en/main`, or `en` among validation's."""

    name: str
    domain: str
    subset: str
    file: TokenFile


@dataclass(frozen=True)
class TokenSet:
    """All streams of a folder, mapped. `facts` is what a run must find again to be resumed."""

    path: Path
    train: tuple[Stream, ...]
    validation: tuple[Stream, ...]
    vocabulary_count: int
    facts: dict[str, str]

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer.json that made the tokens."""
        return self.path / "tokenizer.json"


def open_token_set(folder: Path) -> TokenSet:
    """Return the tokens of a folder; raises InputError where files are missing, torn or mixed up.

    Token files themselves are compared with their manifests by length only; the hashes of their
    ids that stand there are among `facts`, so that other tokens of the same lengths are told.
    """
    path = folder / "manifest.json"
    try:
        manifest = _Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: is not that of a tokenize ({place}: {first['msg']})") from error
    except OSError as error:
        raise InputError(
            f"{folder}: holds no tokens of a finished skypile tokenize ({error.strerror}: "
            "manifest.json)"
        ) from error
    train: list[Stream] = []
    validation: list[Stream] = []
    for entry in manifest.streams:
        stream = _opened(folder, entry, manifest.tokenizer)
        (train if entry.split == "train" else validation).append(stream)
    sizes = [(one.path, one.documents, one.tokens, one.xxh3) for one in manifest.streams]
    facts = {
        "tokenizer": manifest.tokenizer.sha256,
        "corpus": str(manifest.corpus.get("digest")),
        "streams": hashlib.sha256(json.dumps(sizes).encode()).hexdigest(),
        "bos": manifest.tokenizer.bos or "",
        "eos": manifest.tokenizer.eos,
    }
    return TokenSet(
        folder, tuple(train), tuple(validation), manifest.tokenizer.vocab_size, facts,
    )  # fmt: skip


def _opened(folder: Path, entry: _Stream, tokenizer: _Tokenizer) -> Stream:
    file = open_tokens(folder / entry.path)
    found = file.manifest
    if (found.token_count, found.document_count) != (entry.tokens, entry.documents):
        raise InputError(
            f"{folder / entry.path}: holds {found.token_count:,} tokens of "
            f"{found.document_count:,} documents, but {folder}/manifest.json says "
            f"{entry.tokens:,} of {entry.documents:,}; tokenize again"
        )
    if found.tokenizer_sha256 != tokenizer.sha256:
        raise InputError(
            f"{folder / entry.path}: its tokens are of tokenizer {found.tokenizer_sha256[:12]}, "
            f"those of {folder}/manifest.json of {tokenizer.sha256[:12]}; tokenize again"
        )
    subset = entry.subset or "main"
    if entry.split == "train":
        name = f"{entry.domain}/{subset}"
    else:
        name = entry.domain if subset == "main" else f"{entry.domain}-{subset}"
    return Stream(name, entry.domain, subset, file)
