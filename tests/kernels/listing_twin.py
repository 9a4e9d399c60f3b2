"""The kernel `listing` said again in plain Python, from characters instead of bytes."""

from __future__ import annotations

import collections
import re

from statistics_twin import char_class, is_letter

from skypile.kernels.code_lines import KEYWORDS
from skypile.text import SPACES

MARKS = "().,:!?\"'“”‘’"
SPACE = "".join(SPACES)
CJK = ("han", "kana", "hangul", "cjk_punct")


def solid(text: str) -> int:
    return len("".join(text.split()))


def named(char: str) -> bool:
    return bool(char) and (is_letter(char) or char_class(char) == "digit" or char == "_")


def letter(char: str) -> bool:
    return bool(char) and is_letter(char)


def is_hash(line: str) -> bool:
    spaced = line[1:2] == "" or line[1] in SPACES
    if line[0] in "#%;":
        return spaced or line[1] == line[0] or line.startswith("#!")
    if line[0] in '"!':
        return spaced
    return line.startswith("--") and (line[2:3] == "" or line[2] in SPACES)


def is_slash(raw: str, line: str) -> bool:
    if line[0] == "/":
        return line[1:2] in ("/", "*") and len(line) > 1
    indent = raw[: len(raw) - len(raw.lstrip(SPACE))]
    if line[0] != "*" or not indent.endswith(" "):
        return False
    odd = len(indent) % 2 == 1 or indent[0] == "\t"
    return odd and (len(line) == 1 or line[1] in SPACES or line[1] == "/")


def scan(line: str, quote: str) -> tuple[str, int]:
    end, run = len(line), 0
    for i, char in enumerate(line):
        if char in "\"'":
            run = run + 1 if run and line[i - 1] == char else 1
            if run == 3:
                run = 0
                quote = "" if quote == char else (quote or char)
            continue
        run = 0
        opens = line[i : i + 2] in ("//", "/*", "# ")
        if opens and not quote and end == len(line) and i > 0 and line[i - 1] in SPACES:
            end = i
    return quote, end


def is_quoted(line: str, quote: str) -> bool:
    if line[:3] not in ('"""', "'''"):
        return False
    return quote != "" or (len(line) >= 6 and line.endswith(line[:3]))


def is_plain(word: str) -> bool:
    word = word.strip(MARKS)
    small = False
    for i, char in enumerate(word):
        if is_letter(char):
            if small and "A" <= char <= "Z":
                return False
            small = "a" <= char <= "z"
        elif char in "'-’" and 0 < i < len(word) - 1:
            small = False
        else:
            return False
    return word != ""


def is_keyword(line: str) -> bool:
    match = re.match(r"[a-z]+", line) or re.match(r"[A-Z]+", line)
    if match is None or not 2 <= len(match[0]) <= 12:
        return False
    follows = line[match.end() : match.end() + 1]
    return follows in ("", *" (:;{.") and match[0].lower() in KEYWORDS.split()


def is_prose(line: str, *, keyword: bool) -> bool:
    halves = chars = 0
    for word in line.split():
        cjk = sum(char_class(char) in CJK for char in word)
        if cjk >= 2:
            halves, chars = halves + cjk, chars + cjk
        elif is_plain(word):
            halves, chars = halves + 2, chars + len(word)
    whole = solid(line)
    if halves < 10 or chars * 10 < whole * 6 or (keyword and line[-1] in ":)"):
        return False
    string = line[-1] in ");" or (line[-1] == "," and line[-2] == line[0])
    if line[0] in "\"'`" and string:
        return False
    return (halves >= 16 and chars * 10 >= whole * 7) or line[-1] not in ";{}(["


def is_markup(line: str) -> bool:
    if line[0] == "\\" or line.startswith(".. ") or line == "..":
        return True
    if line[0] == ":" and letter(line[1:2]):
        return True
    return line[-1] not in ";{}([" and re.search(r"\]\([h/#.]", line) is not None


def starts(line: str) -> bool:
    if line[0] == "#":
        return re.match(r"#[a-z]", line) is not None
    if line[0] == "$":
        return line[1:2] in (" ", "")
    return line[0] in "})]{@." or line.startswith(">>>")


def signs(line: str, out: collections.Counter[str]) -> bool:
    found = False
    for i, char in enumerate(line):
        before, after = line[i - 1] if i else " ", line[i + 1 : i + 2] or " "
        name, next_letter = i > 0 and named(before), letter(line[i + 1 : i + 2])
        if char == "(":
            found |= name and not (after == "s" and line[i + 2 : i + 3] == ")") and (
                after not in "0123456789"
            )  # fmt: skip
        elif char == "=":
            found |= before != "="
        elif char == ">":
            found |= before == "-"
        elif char == ":":
            scope = after == ":" and before != ":"
            out["scopes"] += scope
            found |= scope
        elif char in "&|":
            found |= after == char and before != char
        elif char == "_":
            digit = char_class(after) == "digit"
            out["names"] += name and (next_letter or digit)
        elif char == "$":
            out["math"] += (name or before in ")}'") and not next_letter and after not in "{_"
        elif char == '"':
            out["quotes"] += 1
        elif "A" <= char <= "Z":
            out["names"] += "a" <= before <= "z"
    return found


def bare_line(raw: str, line: str, out: collections.Counter[str]) -> None:
    letters = [char for char in line if is_letter(char)]
    out["bare"] += solid(line)
    out["bare_lines"] += 1
    out["foreign"] += sum(char_class(char) != "latin" for char in letters)
    out["indented"] += raw.startswith(("\t", "  "))
    keyword = is_keyword(line)
    if is_prose(line, keyword=keyword):
        out["prose"] += solid(line)
        return
    if is_markup(line):
        out["markup"] += solid(line)
        return
    capital = all((is_letter(c) or c in " /") and not "a" <= c <= "z" for c in line)
    if capital and len(letters) >= 4:
        out["heads"] += raw.startswith(line[0])
        return
    opens, begins = line[-1] in ";{}([", starts(line)
    if not letters and solid(line) > 1 and not opens and not begins:
        return
    code = signs(line, out) | keyword | opens | begins
    out["keywords"] += keyword
    out["ends"] += line[-1] in ";{}([,):"
    out["starts"] += begins
    out["code"] += solid(line) * code
    out["code_lines"] += code


def open_line(raw: str, line: str, out: collections.Counter[str]) -> str:
    for fence in "`~":
        if line.startswith(fence * 3):
            return fence
    if is_slash(raw, line):
        out["comment"] += solid(line)
        return "*" if line.startswith("/*") and "*/" not in line[2:] else ""
    state, end = scan(line, "")
    if is_quoted(line, state):
        out["quoted"] += solid(line)
        return state
    if is_hash(line):
        out["hash"] += solid(line)
        out["hash_lines"] += 1
        return ""
    comment = line[end:]
    out["comment"] += solid(comment)
    if comment.startswith("/*") and "*/" not in comment[2:]:
        state = "*"
    bare_line(raw, line[:end].rstrip(SPACE), out)
    return state


def listing_counts(text: str) -> collections.Counter[str]:
    out: collections.Counter[str] = collections.Counter()
    state = ""
    for raw in text.split("\n"):
        line = raw.strip(SPACE)
        if not line:
            continue
        out["solid"] += solid(line)
        if state == "":
            state = open_line(raw, line, out)
        elif state == "*":
            out["comment"] += solid(line)
            state = "" if "*/" in line else state
        elif state in "\"'":
            out["quoted"] += solid(line)
            state = scan(line, state)[0]
        elif line.startswith(state * 3):
            state = ""
    return out
