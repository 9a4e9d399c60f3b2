"""``skypile forget``: documents are taken out of a finished corpus."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import orjson

from skypile.cli.terminal import say, show
from skypile.errors import InputError, RunError, UsageError
from skypile.forget import Forgotten, Wanted, forget

__all__ = ["add_arguments", "run"]

EPILOG = """\
Only files that hold such a document are written anew, and the manifest, so that `skypile verify`
holds afterwards. What is forgotten counts as rejected: forgotten; its record (file and number) and
its domain stay, nothing else. Ids and URLs that no document has are named on stderr; where none was
found at all the exit code is 1.
"""
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile forget``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("corpus", metavar="DIR", help="the folder of a finished build")
    add("--id", action="append", default=[], metavar="ID", help="an id, or a record; repeatable")
    add("--url", action="append", default=[], metavar="URL", help="a URL as it stands; repeatable")
    add("--ids", type=Path, metavar="FILE", help="ids or records, one a line (-: stdin)")
    add("--urls", type=Path, metavar="FILE", help="URLs, one a line (-: stdin)")
    add("--copies", action="store_true", help="with all documents that are duplicates of one")
    add("--dry-run", action="store_true", help="only say which documents there are")
    add("--json", action="store_true", help="show the result as JSON")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Forget; return 1 where no document was found."""
    assert not extra
    if args.ids is not None and args.urls is not None and str(args.ids) == str(args.urls) == "-":
        raise UsageError("--ids and --urls cannot both be read from stdin")
    wanted = Wanted(
        ids=frozenset(args.id) | _lines(args.ids),
        urls=frozenset(args.url) | _lines(args.urls),
        copies=args.copies,
    )
    if not wanted.ids and not wanted.urls:
        raise UsageError("nothing to forget: give --id, --url, --ids or --urls")
    told = forget(args.corpus, wanted, dry_run=args.dry_run)
    if args.json:
        data = {
            "documents": told.documents,
            "by_outcome": dict(sorted(told.by_outcome.items())),
            "files": told.files,
            "missing": told.missing,
            "removed_files": told.swept,
            "dry_run": args.dry_run,
        }
        show(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
    else:
        show(*_report(told, dry_run=args.dry_run))
    _say_missing(told)
    if not told.documents:
        raise RunError(f"{args.corpus}: no document has one of these ids or URLs")
    return 0


def _lines(path: Path | None) -> frozenset[str]:
    """Return the lines of a file that are not blank."""
    if path is None:
        return frozenset()
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return frozenset(line.rstrip("\r") for line in text.split("\n") if line.strip())


def _report(told: Forgotten, *, dry_run: bool) -> list[str]:
    done = "would be forgotten" if dry_run else "forgotten"
    lines = [f"{name}: removed, left by a run that was killed" for name in told.swept]
    counts = ", ".join(f"{n:,} {name}" for name, n in sorted(told.by_outcome.items()))
    what = f"{told.documents:,} documents {done}" + (f" ({counts})" if counts else "")
    return [*lines, f"{what}, in {len(told.files):,} files"]


def _say_missing(told: Forgotten) -> None:
    if told.missing:
        rest = len(told.missing) - SHOWN
        named = ", ".join(map(repr, told.missing[:SHOWN])) + (
            f" and {rest:,} more" if rest > 0 else ""
        )
        say(f"no document has the id or URL {named}")
