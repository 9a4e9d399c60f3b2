"""Read two-line element sets as satellite catalogues publish them.

The format dates from punched cards: fixed columns, an implied decimal point in the eccentricity,
and exponents without the letter E. A wrong checksum is an error here, never a warning, because a
single flipped digit moves a satellite by thousands of kilometres.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class TleError(ValueError):
    """A line that is not an element set; the message names the line and the column."""


class ElementSet(NamedTuple):
    """One satellite: angles in degrees, mean motion in revolutions per day."""

    name: str
    number: int
    epoch: dt.datetime
    drag: float
    inclination: float
    node: float
    eccentricity: float
    perigee: float
    anomaly: float
    motion: float


def checksum(line: str) -> int:
    """Sum the digits of the first 68 columns, a minus counting one, modulo ten."""
    return sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10


def _assumed_decimal(field: str) -> float:
    """Read ' 12345-3' as 0.12345e-3."""
    field = field.strip()
    if not field.strip("0+-"):
        return 0.0
    sign = -1.0 if field[0] == "-" else 1.0
    digits = field.lstrip("+-")
    return sign * float(f"0.{digits[:-2]}e{digits[-2:]}")


def _epoch(field: str) -> dt.datetime:
    """Two digits of the year, then the day of the year with a fraction; 57 is the pivot."""
    short = int(field[:2])
    year = short + (1900 if short >= 57 else 2000)
    start = dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc)
    return start + dt.timedelta(days=float(field[2:]) - 1.0)


def parse(name: str, first: str, second: str) -> ElementSet:
    """Return the element set of one satellite, or raise TleError."""
    for number, line in ((1, first), (2, second)):
        if len(line) < 69 or line[0] != str(number):
            raise TleError(f"{name}: line {number} has {len(line)} columns, expected 69")
        if checksum(line) != int(line[68]):
            raise TleError(f"{name}: line {number} sums to {checksum(line)}, column 69 says {line[68]}")
    if first[2:7] != second[2:7]:
        raise TleError(f"{name}: the lines belong to {first[2:7]} and {second[2:7]}")
    return ElementSet(
        name=name.strip(),
        number=int(first[2:7]),
        epoch=_epoch(first[18:32]),
        drag=_assumed_decimal(first[53:61]),
        inclination=float(second[8:16]),
        node=float(second[17:25]),
        eccentricity=float("0." + second[26:33].strip()),
        perigee=float(second[34:42]),
        anomaly=float(second[43:51]),
        motion=float(second[52:63]),
    )


def read(lines: Iterable[str]) -> Iterator[ElementSet]:
    """Yield the element sets of a three-line catalogue (a name above each pair)."""
    name, first = "", ""
    for line in (raw.rstrip("\r\n") for raw in lines):
        if line.startswith("1 "):
            first = line
        elif line.startswith("2 ") and first:
            yield parse(name, first, line)
            name, first = "", ""
        else:
            name = line
