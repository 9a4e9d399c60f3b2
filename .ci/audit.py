"""Fail where a pinned package has a known vulnerability that nobody has reviewed.

    python .ci/audit.py [--constraints constraints.txt] [--ignore .ci/audit-ignore.yaml]

Asks PyPI's JSON API about each ``NAME==VERSION``. It knows vulnerabilities by release; a mirror may
serve the page of a project alone, which knows those of the newest release: pins of older ones are
then named as not checked. Exit codes: 0 nothing found, or PyPI could not be asked, which is said (1
with --strict); 1 a vulnerability that is not in the list of reviewed ones, or an entry there that
has expired; 2 a file that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

HERE = Path(__file__).parent
API = "https://pypi.org/pypi"
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)")
AT_ONCE = 4
SILENT_SECONDS = 10
ALL_SECONDS = 90  # after which what has not been asked is not checked
TRIES = 2


class Reviewed(BaseModel):
    """A vulnerability that somebody has looked at, why it does not matter here, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    package: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    reviewed: date
    expires: date


@dataclass(frozen=True)
class Pin:
    """A package and the version of it that is installed."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Answer:
    """What PyPI says of a pin: its vulnerabilities, or why none could be told."""

    pin: Pin
    found: tuple[dict[str, Any], ...] = ()
    unknown: str = ""


class UnusableError(Exception):
    """A file of ours that cannot be read."""


def pins_of(path: Path) -> list[Pin]:
    """Return the pins of a file of constraints, in order."""
    pins = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        told = line.partition("#")[0].strip()
        if not told:
            continue
        match = PIN.match(told)
        if match is None:
            raise UnusableError(f"{path}:{number}: {told!r} is not NAME==VERSION")
        pins.append(Pin(match[1].lower().replace("_", "-"), match[2].partition("+")[0]))
    return pins


def reviewed_of(path: Path) -> list[Reviewed]:
    """Return the entries of the list of reviewed vulnerabilities."""
    try:
        data = yaml.safe_load(path.read_text("utf-8")) or []
        return TypeAdapter(list[Reviewed]).validate_python(data)
    except (yaml.YAMLError, ValidationError) as error:
        raise UnusableError(f"{path}: {error}") from error


def _page(url: str) -> dict[str, Any] | int | str:
    """Return the JSON at `url`, the status that came instead, or why nothing came."""
    why = ""
    for number in range(TRIES):
        try:
            with urllib.request.urlopen(url, timeout=SILENT_SECONDS) as response:
                found = json.load(response)
                return found if isinstance(found, dict) else "what came is no answer of PyPI's API"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                return error.code
            why = f"HTTP {error.code}"
        except (OSError, ValueError) as error:
            why = str(getattr(error, "reason", error)) or type(error).__name__
        time.sleep(number)
    return why


def ask(api: str, pin: Pin, *, by_release: bool) -> Answer:
    """Ask about a pin: of its release, or of its project, which tells of the newest one alone."""
    page = _page(f"{api}/{pin.name}/{pin.version}/json" if by_release else f"{api}/{pin.name}/json")
    if isinstance(page, int):
        return Answer(pin, unknown=f"HTTP {page}")
    if isinstance(page, str):
        return Answer(pin, unknown=page)
    newest = str(page.get("info", {}).get("version"))
    if newest != pin.version:
        return Answer(pin, unknown=f"only the newest release, {newest}, is told of")
    if not isinstance(page.get("vulnerabilities"), list):
        return Answer(pin, unknown="the answer has no list of vulnerabilities")
    return Answer(pin, tuple(one for one in page["vulnerabilities"] if not one.get("withdrawn")))


def ask_all(api: str, pins: Sequence[Pin]) -> list[Answer]:
    """Ask about all pins; where nothing answers for the first of them, the others are spared."""
    first = ask(api, pins[0], by_release=True)
    by_release = first.unknown != "HTTP 404"
    if not by_release:
        first = ask(api, pins[0], by_release=False)
    if first.unknown and "newest" not in first.unknown:
        return [Answer(pin, unknown=first.unknown) for pin in pins]
    end = time.monotonic() + ALL_SECONDS

    def one(pin: Pin) -> Answer:
        if time.monotonic() > end:
            return Answer(pin, unknown=f"not asked within {ALL_SECONDS} s")
        return ask(api, pin, by_release=by_release)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [first, *pool.map(one, pins[1:])]


def names_of(found: dict[str, Any]) -> set[str]:
    """Return all ids of a vulnerability."""
    return {str(found.get("id")), *map(str, found.get("aliases") or ())}


def judged(
    answers: Iterable[Answer], reviewed: Sequence[Reviewed], today: date
) -> tuple[list[str], list[str]]:
    """Return what fails the audit, and what is only to be told."""
    wrong, told, used = [], [], set()
    for answer in answers:
        seen: set[str] = set()
        for found in answer.found:
            if names_of(found) & seen:  # the same one from another source
                continue
            seen |= names_of(found)
            entry = next((e for e in reviewed if _concerns(e, answer.pin, found)), None)
            fixed = ", ".join(found.get("fixed_in") or ()) or "no release yet"
            what = f"{answer.pin}: {'/'.join(sorted(names_of(found)))}, fixed in {fixed}"
            if entry is None:
                wrong.append(f"{what}: {' '.join(str(found.get('summary') or '').split())}")
                continue
            used.add(entry)
            if entry.expires < today:
                wrong.append(f"{what}: its review expired on {entry.expires}; review it again")
            else:
                told.append(f"{what}: reviewed on {entry.reviewed}: {entry.reason}")
    told += [f"{e.package} {e.id}: reviewed, and not found" for e in reviewed if e not in used]
    return wrong, told


def _concerns(entry: Reviewed, pin: Pin, found: dict[str, Any]) -> bool:
    return entry.package.lower().replace("_", "-") == pin.name and entry.id in names_of(found)


def report(answers: Sequence[Answer], reviewed: Sequence[Reviewed], *, strict: bool) -> int:
    """Print what was found; return the exit code."""
    unknown = [answer for answer in answers if answer.unknown]
    checked = len(answers) - len(unknown)
    if not checked:
        why = Counter(answer.unknown for answer in unknown).most_common(1)[0][0]
        print(f"audit: PyPI's JSON API cannot be asked ({why}): NOTHING WAS CHECKED")
        return 1 if strict else 0
    wrong, told = judged(answers, reviewed, datetime.now(UTC).date())
    for line in told:
        print(f"audit: {line}")
    for line in wrong:
        print(f"audit: VULNERABLE {line}")
    rest = "" if not unknown else f"; NOT CHECKED {len(unknown)}:"
    print(f"audit: {checked} of {len(answers)} pins checked, {len(wrong)} to be mended{rest}")
    reasons: dict[str, list[str]] = {}
    for answer in unknown:
        why = "an older release" if "newest" in answer.unknown else answer.unknown
        reasons.setdefault(why, []).append(str(answer.pin))
    for why, pins in reasons.items():
        print(f"audit:   {why}: {', '.join(pins)}")
    return 1 if wrong or (strict and unknown) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Audit what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--constraints", type=Path, default=HERE.parent / "constraints.txt")
    parser.add_argument("--ignore", type=Path, default=HERE / "audit-ignore.yaml")
    parser.add_argument("--api", default=API)
    parser.add_argument("--strict", action="store_true", help="what was not checked fails, too")
    args = parser.parse_args(argv)
    try:
        pins, reviewed = pins_of(args.constraints), reviewed_of(args.ignore)
    except (OSError, UnusableError) as error:
        print(f"audit: {error}")
        return 2
    return report(ask_all(args.api, pins), reviewed, strict=args.strict)


if __name__ == "__main__":
    sys.exit(main())
