"""``skypile verify``: a corpus against its manifest."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from skypile.cli.terminal import painted, show
from skypile.verify import Findings, verify

__all__ = ["add_arguments", "run"]

EPILOG = """\
Reads every file of the corpus. Exit code 1 where anything is off; one line then names each file and
the numbers.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile verify``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("corpus", metavar="DIR", help="the folder of a finished build")
    add("--recount", action="store_true", help=(
        "count the tokens of all texts, and sign all that the index holds, not 1 in 1,000"
    ))  # fmt: skip
    add("--tokenizer", type=Path, metavar="FILE", help="a corpus's own tokenizer.json")
    add("--json", action="store_true", help="show the findings as JSON")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Verify; return 1 where something is off."""
    assert not extra
    findings = verify(args.corpus, recount=args.recount, tokenizer=args.tokenizer)
    if args.json:
        data = {"ok": not findings.problems, **asdict(findings)}
        show(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
    else:
        show(*_report(args.corpus, findings))
    return 1 if findings.problems else 0


def _report(corpus: str, findings: Findings) -> list[str]:
    if findings.problems:
        wrong = painted("off", "red", sys.stdout)
        return [
            *(f"{wrong}: {problem}" for problem in findings.problems),
            f"{corpus}: {len(findings.problems):,} things are off",
        ]
    fine = painted("OK", "green", sys.stdout)
    checked = [
        f"files     {findings.files:,} with {findings.bytes:,} bytes: sizes, SHA-256, footers",
        f"ledger    {findings.documents:,} documents in them; every record read has one outcome",
        f"tokens    {findings.tokens:,} in kept documents; {findings.recounted:,} documents "
        "counted again",
        "mixture   shares, subsets and targets",
        "recipe    fingerprint, of the definition and in every file",
    ]
    if findings.index_files:
        checked.append(
            f"index     {findings.index_files:,} files; {findings.signed:,} documents signed again"
        )
    return [*(f"{fine}  {line}" for line in checked), *findings.notes]
