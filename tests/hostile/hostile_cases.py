"""What a hostile file is, and what must come out of it."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["CASES", "Case", "Document", "Expected", "Lines", "Size", "hostile", "sha", "told_name"]

# heavy: needs more memory or time than others; many: too many records to look at each.
Size = Literal["small", "heavy", "many"]

ENGLISH = """\
The ferry left the harbour an hour late because the pilot had overslept.
Nobody in the village remembered who had planted the row of old chestnut trees.
A good map says as much about its maker as it does about the land.
The engineer measured the crack twice before she wrote anything down.
In the spring the river rises above the lower steps of the market square.
Most of the letters in the archive were never answered by anyone.
The bakery on the corner opens at five and has sold out by noon.
He kept a small notebook in which every repair of the clock was listed.
The second experiment failed for the same reason as the first one.
Wool from these islands is coarse, but it keeps out the rain for years.
The committee met for three days and agreed on little more than a date.
She learned to read the weather from the colour of the hills at dusk.
Every bridge on this road was rebuilt after the great flood of that year.
The museum keeps the broken half of the bell in a room without windows.
They carried the piano up four flights of stairs and then down again.
An honest account of the voyage would have needed another two volumes.
The apprentice sharpened the same chisel until his master was satisfied.
Some of the orchards were given up when the railway came to the valley.
The paper describes a method that had been known to sailors for a century.
Their neighbour grows beans along the wall that divides the two gardens.
The train stops there only if somebody on the platform raises an arm.
A lamp was left burning in the window until the last boat came home.
The dictionary took forty years, and its first page was then out of date.
Half of the class could explain the proof, and the other half could use it.
""".splitlines()
CHINESE = """\
村口的石桥是三百年前修的，桥下的水一直流到镇上的磨坊。
他把每一次修钟的日期都写在一个小本子里，从来没有漏过。
春天的时候，河水常常漫过集市最低的几级台阶。
这份报告的第二部分说明了测量的方法和误差的来源。
渡船晚了一个小时才离开码头，因为领航员睡过了头。
博物馆的一间没有窗户的屋子里保存着那口破钟的一半。
铁路修到山谷以后，有些果园就没有人再去照看了。
词典编了四十年，出版的那一天第一页已经过时了。
邻居沿着两家之间的矮墙种了一排豆角和几棵向日葵。
最后一条船回来之前，窗口总是留着一盏灯。
""".splitlines()
HAN = "".join(CHINESE).replace("，", "").replace("。", "")


def sha(data: bytes) -> str:
    """Return a short name for `data`: expectations need not hold texts of 50 MB."""
    return hashlib.sha256(data).hexdigest()[:24]


@dataclass(frozen=True)
class Document:
    """A record that must be delivered; `line` is that of JSON Lines, None of other inputs."""

    record: str
    id: str | None  # None: the record's name stands in for it
    text: str  # sha
    line: str | None = None  # sha


@dataclass
class Expected:
    """What must come out of a file: records that are delivered, and the others by reason.

    What is in `good` is kept, byte for byte.
    """

    good: list[Document] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return len(self.good) + self.rejected.total() + self.errors.total()

    def losing(self, reason: str) -> Expected:
        """Return this with one error more: for what is lost of a container."""
        self.errors[reason] += 1
        return self

    def of(self, command: str) -> Expected:
        """Return what must come out of `command`: a build rejects texts that occurred before."""
        if command == "filter":
            return self
        first = {document.text: document for document in reversed(self.good)}
        good = [document for document in self.good if first[document.text] is document]
        copies = Counter(exact_duplicate=len(self.good) - len(good))
        return Expected(good, self.rejected + copies, self.errors)

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Return (outcome, reason) -> records."""
        found = Counter({("kept", ""): len(self.good)})
        found += Counter({("rejected", reason): n for reason, n in self.rejected.items()})
        return found + Counter({("error", reason): n for reason, n in self.errors.items()})


@dataclass(frozen=True)
class Case:
    """A hostile file (or folder): `make` writes it at a path and says what must come out."""

    name: str
    what: str
    make: Callable[[Path], Expected]
    size: Size

    @property
    def told(self) -> str:
        """How records of the file name it."""
        return told_name(self.name)


CASES: list[Case] = []


def told_name(name: str) -> str:
    """Return a file's name as records tell it: bytes that are no UTF-8 are escaped."""
    return os.fsencode(name).decode(errors="backslashreplace")


def hostile(
    name: str, what: str, *, size: Size = "small"
) -> Callable[[Callable[[Path], Expected]], Callable[[Path], Expected]]:
    """Register a maker of the hostile file `name`."""

    def register(make: Callable[[Path], Expected]) -> Callable[[Path], Expected]:
        CASES.append(Case(name, what, make, size))
        return make

    return register


class Lines:
    """The lines of a hostile file, and what must come out of each."""

    def __init__(self, name: str) -> None:
        self.name = told_name(name)
        self.lines: list[bytes] = []
        self.expected = Expected()
        self._prose = random.Random(self.name)

    def text(self, *, chinese: bool = False, sentences: int = 9) -> str:
        """Return prose in a known language; no two texts are alike."""
        chosen = self._prose.choices(CHINESE if chinese else ENGLISH, k=sentences)
        if not chinese:
            return " ".join(chosen)
        # Of so few sentences, many texts would be near duplicates.
        return "".join(one + "".join(self._prose.choices(HAN, k=10)) for one in chosen)

    def record(self, **fields: Any) -> dict[str, Any]:
        """Return a good record; `fields` replace its own or come behind."""
        number = len(self.lines)
        return {"id": f"{self.name}:{number}", "text": self.text(chinese=number % 3 == 2)} | fields

    def good(self, count: int = 1, **fields: Any) -> None:
        """Append `count` good records."""
        for _ in range(count):
            record = self.record(**fields)
            self.raw(json.dumps(record, ensure_ascii=False).encode(), record["id"], record["text"])

    def raw(self, line: bytes, id_: str | None, text: str) -> None:
        """Append a line that must be delivered as it is, with this id and text.

        A byte order mark and a carriage return belong to the file, not to the line.
        """
        self.add(id_, text, line.removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf"))
        self.lines.append(line)

    def add(self, id_: str | None, text: str, line: bytes | None) -> None:
        """Expect a document with the number of the next line."""
        told = None if line is None else sha(line)
        record = f"{self.name}#{len(self.lines)}"
        document = Document(record, id_, sha(text.encode()), told)
        self.expected.good.append(document)

    def row(self, **fields: Any) -> dict[str, Any]:
        """Return a good row of a table, and expect it."""
        record = self.record(**fields)
        self.add(record["id"], record["text"], None)
        self.lines.append(b"")
        return record

    def rows(self, count: int) -> dict[str, list[Any]]:
        """Return the columns of `count` good rows, and expect them."""
        found = [self.row() for _ in range(count)]
        return {"id": [row["id"] for row in found], "text": [row["text"] for row in found]}

    def bad(self, reason: str, *lines: bytes) -> None:
        """Append lines that are one error each."""
        self.lines.extend(lines)
        self.expected.errors[reason] += len(lines)

    def refused(self, reason: str, *lines: bytes) -> None:
        """Append lines that are read and rejected."""
        self.lines.extend(lines)
        self.expected.rejected[reason] += len(lines)

    def blank(self, *lines: bytes) -> None:
        """Append lines that are no records."""
        self.lines.extend(lines)

    def data(self, *, end: bytes = b"\n", last: bytes | None = None) -> bytes:
        """Return all lines; `last` is what ends the last one."""
        return end.join(self.lines) + (end if last is None else last)

    def write(self, path: Path, **options: Any) -> Expected:
        """Write the lines as `path` and return what must come out."""
        path.write_bytes(self.data(**options))
        return self.expected
