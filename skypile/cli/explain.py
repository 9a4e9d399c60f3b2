"""``skypile explain``: what decided on one document of a corpus."""

from __future__ import annotations

import argparse
import sys

import orjson

from skypile.cli.terminal import painted, show, table
from skypile.errors import RunError
from skypile.explain.account import Account, RuleResult, account
from skypile.explain.lookup import find
from skypile.io.store import Store
from skypile.verify.manifest import read_manifest

__all__ = ["add_arguments", "run"]

TEXT_CHARS = 300
STYLES = {"decided": "red", "broken": "yellow", "passed": "green", "not computed": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile explain``."""
    add = parser.add_argument
    add("corpus", metavar="DIR", help="the folder of a finished build")
    add("--id", required=True, metavar="ID", help="an id, or a record such as web.jsonl#1841")
    add("--json", action="store_true", help="show it as JSON, one line for each document")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Show every document with the id; RunError where there is none."""
    assert not extra
    store = Store(args.corpus.rstrip("/") or "/")
    manifest = read_manifest(store)
    found = find(store, manifest, args.id)
    if not found:
        hidden = manifest.ledger.surplus if manifest.surplus == "none" else 0
        note = f"; {hidden:,} surplus documents were not written (--surplus=none)" if hidden else ""
        raise RunError(f"{args.corpus}: no document has the id or the record {args.id!r}{note}")
    for number, document in enumerate(found):
        told = account(store, manifest, document)
        if args.json:
            show(orjson.dumps(told.to_json()).decode())
        else:
            show(*([""] if number else []), *_lines(told))
    return 0


def _lines(told: Account) -> list[str]:
    bold = painted(told.decided, "bold", sys.stdout)
    lines = [bold, *table([(name, _one_line(value)) for name, value in told.head.items()])]
    lines.append(f"file  {told.file}")
    if told.rules:
        lines += ["", *_rules(told.rules)]
    rest = [(name, _score(value)) for name, value in told.scores.items() if value is not None]
    if rest:
        lines += ["", "scores that no rule tests", *table(rest, right=[1])]
    if told.text:
        lines += ["", _one_line(told.text)]
    return lines


def _one_line(value: object) -> str:
    text = " ".join(str(value).split())
    shown = text if len(text) <= TEXT_CHARS else text[:TEXT_CHARS] + " …"
    # What a document holds must not steer the terminal.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)


def _score(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else _one_line(value)


def _rules(rules: list[RuleResult]) -> list[str]:
    head = ("reason", "rule", "score", "result")
    rows = [(rule.reason, rule.test, _score(rule.score), rule.result) for rule in rules]
    lines = table([head, *rows], right=[2])
    return lines[:1] + [
        line.removesuffix(rule.result) + painted(rule.result, STYLES[rule.result], sys.stdout)
        for line, rule in zip(lines[1:], rules, strict=True)
    ]
