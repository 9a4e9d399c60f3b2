"""Hostile trees of source files."""

from __future__ import annotations

import os
from pathlib import Path

from hostile_cases import Document, Expected, hostile, sha, told_name

SOURCE = '''\
"""Count the words of a text."""


def count_words(text: str) -> dict[str, int]:
    """Return how often each word stands in `text`."""
    found: dict[str, int] = {}
    for word in text.split():
        found[word] = found.get(word, 0) + 1
    return found


def most_frequent(text: str, count: int) -> list[str]:
    """Return the `count` most frequent words of `text`, the first of equals first."""
    found = count_words(text)
    ordered = sorted(found, key=lambda word: -found[word])
    return ordered[:count]
'''


class Tree:
    """A folder of source files, and what must come out of it."""

    def __init__(self, path: Path) -> None:
        # Records of a folder are named relative to it; the folder within says whose they are.
        self.root = path / path.name
        self.root.mkdir(parents=True)
        self.expected = Expected()

    def good(self, name: str | bytes, text: str, data: bytes | None = None) -> None:
        """Write a file that must be delivered as `text`."""
        self.write(name, text.encode() if data is None else data)
        shown = name if isinstance(name, str) else told_name(os.fsdecode(name))
        record = f"{self.root.name}/{shown}#0"
        self.expected.good.append(Document(record, None, sha(text.encode())))

    def write(self, name: str | bytes, data: bytes) -> None:
        place = os.path.join(os.fsencode(self.root), os.fsencode(name))
        folder = os.fsencode(self.root)
        for part in os.fsencode(name).split(b"/")[:-1]:  # os.makedirs recurses, too deep here
            folder += b"/" + part
            if not os.path.isdir(folder):
                os.mkdir(folder)
        with open(place, "wb") as file:
            file.write(data)


def source(number: int) -> str:
    return SOURCE.replace("count_words", f"count_words_{number}")


@hostile("tree-odd", "source files in odd encodings and with odd names, links, pipes, binaries")
def tree_odd(path: Path) -> Expected:
    tree = Tree(path)
    tree.good("plain.py", source(1))
    tree.good("bom.py", source(2), b"\xef\xbb\xbf" + source(2).encode())
    tree.good("crlf.py", source(3).replace("\n", "\r\n"))
    tree.good("late-nul.py", source(4) * 20 + "# \0\n")
    for number, name in enumerate((b"new\nline.py", b"es\x1b[31mcape.py", b"\xff\xfe.py", b"-.py")):
        tree.good(name, source(10 + number))
    tree.good("a/" * 60 + "below.py", source(20))
    for name, broken in (("a.py", b"\xff"), ("b.py", b"\xed\xa0\x80"), ("c.py", b"\xe4\xb8")):
        tree.write(f"broken/{name}", source(5).encode() + b"# " + broken)
    tree.write("broken/gb18030.py", ("# 注释\n" + source(6)).encode("gb18030"))
    tree.expected.errors["bad_utf8"] += 4
    tree.write("empty.py", b"")
    tree.expected.rejected["empty"] += 1
    # Left out: not even records.
    tree.write("utf16.py", source(7).encode("utf-16"))
    tree.write("program.py", b"\x7fELF" + bytes(100))
    tree.write(".git/config.py", source(8).encode())
    (tree.root / "loop").symlink_to(tree.root)
    (tree.root / "self.py").symlink_to("self.py")
    (tree.root / "broken.py").symlink_to("nothing.py")
    os.mkfifo(tree.root / "pipe.py")
    return tree.expected


@hostile("tree-deep", "a file below 1,200 folders")
def tree_deep(path: Path) -> Expected:
    tree = Tree(path)
    tree.good("a.py", source(30))
    tree.good("d/" * 1200 + "below.py", source(31))
    return tree.expected


@hostile("tree-ignore", "a .gitignore of broken, endless and exponential patterns")
def tree_ignore(path: Path) -> Expected:
    tree = Tree(path)
    patterns = [b"*a" * 25 + b"b", b"**/" * 300 + b"x", b"[", b"[z-a]", b"!", b"\\", b"/"]
    patterns += [b"\xff\xfe", b"\0", b"x" * 100_000, b"[!", b"a[]", b"ignored.py", b"{a,b"]
    tree.write(".gitignore", b"\n".join(patterns))
    tree.write("ignored.py", source(40).encode())
    tree.good("a" * 200 + ".py", source(41))
    tree.good("a/" * 30 + "a.py", source(42))
    return tree.expected


@hostile("tree-line", "a source file of one line of 20 MB", size="heavy")
def tree_line(path: Path) -> Expected:
    tree = Tree(path)
    tree.good("a.js", source(50))
    tree.good("bundle.min.js", "var a=[" + "function(e,t){return e+t}," * 800_000 + "0];")
    return tree.expected
