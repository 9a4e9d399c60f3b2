"""Units: the pieces of input that are read, and redone, as a whole; and how inputs become units."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from skypile.errors import InputError, SkyPileError, UsageError
from skypile.io import files
from skypile.io.footers import row_group_runs
from skypile.io.formats import HEAD_BYTES, Compression, Format, is_data_name, is_json_name
from skypile.io.kinds import detect, no_text, no_text_warc, tells
from skypile.io.lines import line_ranges
from skypile.io.names import unique_names
from skypile.io.remote import is_http, shown, why
from skypile.io.trees import Found, is_binary, left_out_warc, walk
from skypile.prog_langs import is_text_name, language_of

__all__ = ["STDIN", "CodeFile", "Plan", "Unit", "plan_units"]

STDIN = "-"
TARGET_BYTES = 64 << 20
MAX_UNIT_FILES = 20_000  # a unit's list of files stays under some megabytes


class CodeFile(NamedTuple):
    """A source or text file of a unit: where it lies, its name in records, and what it was when
    planned.
    """

    path: str
    name: str
    size: int
    mtime_ns: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of input: a byte range of lines, a run of row groups, a whole file, or several files.

    `start` and `end` are bytes of uncompressed JSON Lines, row groups of Parquet, and 0 and the
    file's size or the number of files otherwise. `first_record` is the number in the file of the
    first record that starts in the unit: a line of JSON Lines, a row of Parquet.
    """

    path: str
    name: str  # the prefix of its records' names; the first file's of a unit of source files
    format: Format
    compression: Compression
    start: int
    end: int
    first_record: int
    size: int
    mtime_ns: int
    files: tuple[CodeFile, ...] = ()
    etag: str = ""

    @property
    def text_bytes(self) -> int:
        """About how many bytes of text are in the unit, to share out work by.

        Text compresses to about a quarter; a unit of row groups counts as one of the usual size.
        """
        if self.format == "parquet":
            return min(TARGET_BYTES, 4 * self.size)
        if self.compression != "none":
            return 4 * self.size
        return self.end - self.start if self.format == "jsonl" and self.end else self.size

    def key(self, fingerprint: str) -> str:
        """Return 32 hexadecimal digits for what is read here and done to it (`fingerprint`).

        Holds names, ranges, sizes and times of change, and no absolute path: a corpus that was
        moved as a whole keeps its keys.
        """
        read = [self.name, self.format, self.compression, self.start, self.end, self.first_record]
        names = [file[1:] for file in self.files]
        known = json.dumps([*read, self.size, self.mtime_ns, self.etag, names, fingerprint])
        return hashlib.sha256(known.encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """Return the unit as JSON values."""
        values = asdict(self)
        values["path"] = _path_to_json(self.path)
        values["files"] = [[_path_to_json(file.path), *file[1:]] for file in self.files]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the unit that `to_json` made `values` of."""
        listed = (CodeFile(_path_from_json(path), *rest) for path, *rest in values["files"])
        return cls(**{**values, "path": _path_from_json(values["path"]), "files": tuple(listed)})


def _path_to_json(path: str) -> str | dict[str, str]:
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def _path_from_json(value: str | dict[str, str]) -> str:
    return value if isinstance(value, str) else os.fsdecode(bytes.fromhex(value["hex"]))


@dataclass(frozen=True)
class Plan:
    """All units of a run, ordered by name and start; and how many files were left out for what."""

    units: tuple[Unit, ...]
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass
class _Inputs:
    """Input files by path, each with the longest fixed prefix that leads to it."""

    data: dict[str, files.Entry] = field(default_factory=dict)
    code: dict[str, files.Entry] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)  # number of the first input that named it
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, found: Found, prefix: str, number: int) -> int:
        """Take up what input `number` found below `prefix`; return how many files that were."""
        for kind, entries in ((self.data, found.data), (self.code, found.code)):
            for entry in entries:
                kind[entry.path] = entry
                # The shortest prefix gives the longest name, whatever the order of inputs.
                known = self.prefixes.get(entry.path, prefix)
                self.prefixes[entry.path] = min(known, prefix, key=len)
                self.given.setdefault(entry.path, number)
        self.skipped += found.skipped
        return len(found.data) + len(found.code)


def plan_units(
    inputs: Sequence[str],
    *,
    target_bytes: int = TARGET_BYTES,
    in_order: bool = False,
    origins: Mapping[str, str] | None = None,
) -> Plan:
    """Return the units of `inputs`: files, folders, patterns, URLs, ``-`` for stdin.

    * A folder: trees.py says what of it is read.
    * A pattern: files whose names say JSON Lines, Parquet or WET; ``.json`` files where the
      pattern's last part says ``.json``; text files and files in a known language are documents.
      Folders that match are read as folders, unless the pattern holds ``**``.
    * A file, also by http:// and https://: as what its first bytes or its name say.

    Units are in order of name and start, or, with `in_order`, in that of the inputs that named
    them first. `origins` says of inputs where they were named, for errors. Reads uncompressed
    JSON Lines once, to number lines, but not by HTTP: there a file is one unit. Raises UsageError
    where an input matches nothing or cannot be told, InputError where a file cannot be read.
    """
    found = _Inputs()
    given = list(dict.fromkeys(inputs))
    asked = _asked(given)
    for number, one in enumerate(given):
        try:
            if one != STDIN and not _add_input(one, found, number, asked):
                raise UsageError(_no_match(one, found.skipped))
        except SkyPileError as error:
            origin = (origins or {}).get(one)
            if origin is None:
                raise
            raise type(error)(f"{origin}: {error}") from error
    units = _units(found, target_bytes, in_order=in_order)
    if STDIN in given:
        units.append((given.index(STDIN), Unit(STDIN, "stdin", "jsonl", "none", 0, 0, 0, 0, 0)))
    units.sort(key=lambda one: (one[0] if in_order else 0, one[1].name, one[1].start))
    return Plan(tuple(unit for _, unit in units), dict(sorted(found.skipped.items())))


def _asked(given: Sequence[str]) -> dict[str, files.Entry | InputError]:
    """Return what web servers say of the URLs in `given`, several asked at once."""
    urls = [files.absolute(one) for one in given if is_http(one)]
    if not urls:
        return {}
    from skypile.io.http import about_all

    return {
        url: told if isinstance(told, InputError) else files.web_entry(url, told)
        for url, told in about_all(urls).items()
    }


def _no_match(given: str, skipped: Counter[str]) -> str:
    left_out = ", ".join(f"{count} {cause}" for cause, count in sorted(skipped.items()))
    note = f" (left out: {left_out})" if left_out else ""
    bucket = files.missing_bucket(files.absolute(given))
    if bucket is not None:
        return f"no input matches {given!r}: there is no bucket {bucket}, or it is not yours to see"
    return (
        f"no input matches {given!r}{note}; expected are JSON Lines, Parquet, WARC, WET, text or "
        "source files"
    )


def _add_input(
    given: str, found: _Inputs, number: int, asked: Mapping[str, files.Entry | InputError]
) -> int:
    path = files.absolute(given)
    entry = asked[path] if path in asked else files.stat(path)
    if isinstance(entry, InputError):
        raise entry
    if entry is not None and entry.is_folder:
        return found.add(walk(entry), path, number)
    if entry is not None:
        return found.add(_named_file(entry), shown(path).rpartition("/")[0], number)
    count = 0
    prefix = files.fixed_prefix(path)
    json_asked = ".json" in path.rpartition("/")[2]
    for match in files.matches(path):
        if not match.is_folder:
            count += found.add(_matched_file(match, json_asked=json_asked), prefix, number)
        elif "**" not in path:
            count += found.add(walk(match), prefix, number)
    return count


def _named_file(entry: files.Entry) -> Found:
    found = _matched_file(entry, json_asked=True)
    if found.skipped:
        kind = no_text_warc(files.head_of(entry, HEAD_BYTES))
        if kind is not None:
            raise UsageError(no_text(shown(entry.path), kind))
        raise UsageError(
            f"{shown(entry.path)}: cannot tell what this file is; expected are JSON Lines, WARC "
            "or WET (plain, gzip or zstd), Parquet, text in .txt, or source code with a known "
            "extension"
        )
    return found


def _matched_file(entry: files.Entry, *, json_asked: bool) -> Found:
    if is_data_name(entry.name) or (json_asked and is_json_name(entry.name)):
        return Found(data=[entry])
    if language_of(entry.name) is not None or is_text_name(entry.name):
        if is_binary(entry):
            return Found(skipped=Counter(binary=1))
        return Found(code=[entry])
    head = files.head_of(entry, HEAD_BYTES)
    kind = no_text_warc(head)
    if kind is not None:
        return Found(skipped=Counter({left_out_warc(kind): 1}))
    return Found(data=[entry]) if tells(head) else Found(skipped=Counter(unknown_kind=1))


def _units(found: _Inputs, target_bytes: int, *, in_order: bool) -> list[tuple[int, Unit]]:
    """Return the units of all files, each with the number of the input that named it first."""
    names = unique_names(found.prefixes)
    units = [
        (found.given[entry.path], unit)
        for entry in found.data.values()
        for unit in _data_units(entry, names[entry.path], target_bytes)
    ]
    runs: dict[int, list[CodeFile]] = {}
    for entry in found.code.values():
        if entry.path not in found.data:
            number = found.given[entry.path] if in_order else 0
            file = CodeFile(entry.path, names[entry.path], *entry.version)
            runs.setdefault(number, []).append(file)
    for number, listed in runs.items():
        listed.sort(key=lambda file: file.name)
        units.extend((number, unit) for unit in _code_units(listed, target_bytes))
    return units


def _data_units(entry: files.Entry, name: str, target_bytes: int) -> list[Unit]:
    path, size = entry.path, entry.size
    kind, compression = detect(files.head_of(entry, HEAD_BYTES), entry.name)
    ranges = [(0, size, 0)]
    if kind == "jsonl" and is_http(path):
        # Its lines would have to be fetched twice to be numbered.
        ranges = [(0, 0, 0)]
    elif kind == "parquet" or (kind == "jsonl" and compression == "none"):
        with files.open_input(path) as file:
            try:
                if kind == "parquet":
                    ranges = row_group_runs(file, target_bytes)
                else:
                    ranges = line_ranges(file, size, target_bytes)
            except OSError as error:
                raise InputError(f"{shown(path)}: cannot be read: {why(error)}") from error
    return [
        Unit(path, name, kind, compression, *one, size, entry.mtime_ns, etag=entry.etag)
        for one in ranges
    ]


def _code_units(listed: list[CodeFile], target_bytes: int) -> list[Unit]:
    runs: list[list[CodeFile]] = []
    run_bytes = 0
    for file in listed:
        if not runs or run_bytes >= target_bytes or len(runs[-1]) >= MAX_UNIT_FILES:
            runs.append([])
            run_bytes = 0
        runs[-1].append(file)
        run_bytes += file.size
    return [_code_unit(tuple(run)) for run in runs]


def _code_unit(run: tuple[CodeFile, ...]) -> Unit:
    size = sum(file.size for file in run)
    newest = max(file.mtime_ns for file in run)
    return Unit(run[0].path, run[0].name, "files", "none", 0, len(run), 0, size, newest, run)
