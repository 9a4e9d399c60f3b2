"""The statistics kernels said again in plain Python, from characters instead of bytes."""

from __future__ import annotations

import collections
import math
import re

from skypile.kernels import chars, lines, ngrams, phrases, words
from skypile.kernels.counts import CLASS_FIELDS
from skypile.text import CJK_RANGES, SPACES, SYMBOL_RANGES, is_cjk

WIDE_ENDS, ASCII_ENDS, CLOSERS = "。！？；…｡．", ".!?", "\"')]}”’」』）】》"
BULLETS, TERMINALS = "•‣▪▫◦●○■□◆◇►▶▸·・", ".!?\"'。！？；…”’」』"


def within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


def char_class(char: str) -> str:
    code = ord(char)
    if char in SPACES:
        return "space"
    if within(char, chars._CJK_PUNCT_RANGES):
        return "cjk_punct"
    if char in "々〇":
        return "han"
    if (
        (char.isascii() and char.isalpha())
        or within(char, ((0xFF21, 0xFF3A), (0xFF41, 0xFF5A), (0x1E00, 0x1EFF)))
        or (0xC0 <= code <= 0x24F and code not in (0xD7, 0xF7))
    ):
        return "latin"
    if within(char, ((0x30, 0x39), (0xFF10, 0xFF19))):
        return "digit"
    if within(char, ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))):
        return "kana"
    if within(char, ((0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3130, 0x318F))):
        return "hangul"
    if within(char, CJK_RANGES):
        return "han"
    if within(char, ((0x400, 0x52F),)):
        return "cyrillic"
    if 0x21 <= code <= 0x7E:
        return "ascii_punct"
    if code < 0xC0 or within(char, SYMBOL_RANGES):
        return "symbol"
    return "other"


def is_letter(char: str) -> bool:
    return char_class(char) in ("other", "latin", "han", "kana", "hangul", "cyrillic")


def encodes(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def char_fields(text: str) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    found.update(char_class(char) for char in text)
    found["ornaments"] = sum(within(char, chars._ORNAMENT_RANGES) for char in text)
    for char in text:
        if "\u4e00" <= char <= "\u9fff":
            simplified, traditional = encodes(char, "gb2312"), encodes(char, "big5")
            found["hans"] += simplified and not traditional
            found["hant"] += traditional and not simplified
    function = [at for at, each in enumerate(chars.FUNCTION_CHARS) for char in text if char in each]
    found["function"], found["function_distinct"] = len(function), len(set(function))
    found["mojibake"] = sum(
        char in chars.SINGLE_MOJIBAKE
        or (char == "Ã" and "\x80" <= text[at + 1 : at + 2] <= "\xbf")
        or text[at : at + 2] in ("â€", "烫烫")
        for at, char in enumerate(text)
    )
    found["sentences"] = len(
        re.findall(
            f"[{WIDE_ENDS}](?![{WIDE_ENDS}{ASCII_ENDS}])"
            f"|[{ASCII_ENDS}](?=[{re.escape(CLOSERS)}{''.join(SPACES)}]|\\Z)",
            text,
        )
    )
    found["bracketed"] = bracketed(text)
    found["unpunctuated"] = unpunctuated(text)
    return dict(found)


def bracketed(text: str) -> int:
    total, opened = 0, None
    for at, char in enumerate(text):
        if char == "【":
            opened = at
        elif char == "】" and opened is not None:
            total += at - opened - 1
            opened = None
        elif char == "\n":
            opened = None
    return total


def unpunctuated(text: str) -> int:
    kinds = [char_class(char) for char in text]
    runs = "".join(
        "x" if kind in ("han", "kana", "hangul")
        else "|" if kind in ("cjk_punct", "ascii_punct", "symbol") else ""
        for kind in kinds
    )  # fmt: skip
    return max(map(len, runs.split("|")))


def entropy(text: str) -> float:
    times = collections.Counter(char for char in text if char not in SPACES)
    total = sum(times.values())
    if not total:
        return 0.0
    plain = -sum(each / total * math.log(each / total) for each in times.values())
    return plain + (len(times) - 1) / (2 * total)


def word_fields(text: str) -> dict[str, int]:
    found = dict.fromkeys(("words", "alpha", "stop", "plain"), 0)
    seen = set()
    for word in text.split():
        letter = any(is_letter(char) for char in word)
        joints = [c for c in word[1:-1] if char_class(c) == "ascii_punct" and c not in "'-"]
        found["words"] += 1
        found["alpha"] += letter
        found["plain"] += letter and not joints
        core = re.sub(r"\A[^A-Za-z]+|[^A-Za-z]+\Z", "", word).lower()
        if core.isascii() and core in words.STOP_WORDS:
            found["stop"] += 1
            seen.add(core)
    found["stop_distinct"] = len(seen)
    found["hashes"] = text.count("#")
    found["ellipses"] = len(re.findall(r"…+|\.{3,}", text))
    return found


def phrase_hits(line: str) -> tuple[bool, list[str]]:
    """Return whether a boilerplate phrase occurs, and the gambling terms in order."""
    lowered = "".join(char.lower() if char.isascii() else char for char in line)
    every = sorted((*phrases.BOILERPLATE, *phrases.GAMBLING), key=lambda each: -len(each))
    boilerplate, terms, at = False, [], 0
    while at < len(line):
        kind = char_class(line[at])
        inside = kind == "latin" and at > 0 and char_class(line[at - 1]) == "latin"
        allowed = kind in ("latin", "digit", "han", "kana", "hangul") and not inside
        hit = next((each for each in every if lowered.startswith(each, at)), "") if allowed else ""
        if hit in phrases.GAMBLING:
            terms.append(hit)
        elif hit:
            boilerplate = True
        at += len(hit) or 1
    return boilerplate, terms


def line_fields(text: str) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    terms: set[str] = set()
    for raw in text.split("\n"):
        line = raw.strip()
        if not line:
            continue
        boilerplate, hits = phrase_hits(line)
        terms.update(hits)
        chrome = len(line) <= lines.CHROME_CHARS
        found["lines"] += 1
        found["line_chars"] += len(line)
        found["line_max"] = max(found["line_max"], len(line))
        found["short_10"] += len(line) <= 10
        found["short_30"] += len(line) <= 30
        found["bullets"] += line[0] in BULLETS or (line[0] in "-*+" and line[1:2].isspace())
        found["ellipsis_ends"] += chrome and line.endswith(("…", "..."))
        found["terminal_ends"] += line[-1] in TERMINALS
        found["boilerplate"] += chrome and boilerplate
        found["indented"] += raw.startswith(("\t", "  "))
        found["code_ends"] += line[-1] in "{};:),"
        found["gambling_chars"] += sum(not char.isspace() for hit in hits for char in hit)
        bare = char_class(line[-1]) not in ("cjk_punct", "ascii_punct", "symbol")
        found["bare"] += len(line) <= 10 and bare
        found["code_starts"] += bool(re.match(r"//|/\*|\*/|\}|@|#[a-z]", line))
    found["gambling_terms"] = len(terms)
    found["newlines"] = text.count("\n")
    return dict(found)


def counts(text: str) -> dict[str, int]:
    found = dict.fromkeys(CLASS_FIELDS, 0) | char_fields(text)
    return found | word_fields(text) | line_fields(text)


def units(text: str) -> list[str]:
    found = []
    for word in text.split():
        part = ""
        for char in word:
            if is_cjk(char):
                found += [part, char] if part else [char]
                part = ""
            else:
                part += char
        if part:
            found.append(part)
    return found


def repetition(text: str) -> dict[str, int]:
    found = dict.fromkeys(ngrams.FIELDS, 0)
    stripped = [line.strip() for line in text.split("\n")]
    paragraphs = ["\n".join(group) for group in groups(stripped)]
    for name, pieces in (("line", [each for each in stripped if each]), ("paragraph", paragraphs)):
        seen = set()
        for piece in pieces:
            size = len(piece.replace("\n", ""))
            found[f"{name}s"] += 1
            found[f"{name}_chars"] += size
            found[f"dup_{name}s"] += piece in seen
            found[f"dup_{name}_chars"] += size * (piece in seen)
            seen.add(piece)
    sequence = units(text)
    found["unit_chars"] = sum(map(len, sequence))
    for size in ngrams.TOP_SIZES:
        found[f"top_{size}gram_chars"] = top_chars(sequence, size)
    for size in ngrams.DUP_SIZES:
        found[f"dup_{size}gram_chars"] = dup_chars(sequence, size)
    return found


def groups(stripped: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in stripped:
        if line:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [group for group in found if group]


def grams(sequence: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(sequence[at : at + size]) for at in range(len(sequence) - size + 1)]


def top_chars(sequence: list[str], size: int) -> int:
    times = collections.Counter(grams(sequence, size))
    if not times or max(times.values()) < 2:
        return 0
    best = max(times.values())
    first = next(gram for gram in grams(sequence, size) if times[gram] == best)
    return best * sum(map(len, first))


def dup_chars(sequence: list[str], size: int) -> int:
    seen, covered = set(), set()
    for at, gram in enumerate(grams(sequence, size)):
        if gram in seen:
            covered.update(range(at, at + size))
        seen.add(gram)
    return sum(len(sequence[at]) for at in covered)


def source_counts(text: str) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    every = text.split("\n")
    if every[-1] == "":
        every.pop()
    state = "code"
    for line in every:
        found["lines"] += 1
        found["chars"] += len(line)
        found["line_max"] = max(found["line_max"], len(line))
        core = line.lstrip()
        if core:
            comment, state = comment_line(core, state)
            found["full_lines"] += 1
            found["comment_lines"] += comment
            found["data_chars"] += data_chars(line)
        for char in line:
            kind = char_class(char)
            found["solid"] += kind != "space"
            found["letters"] += is_letter(char)
            found["digits"] += kind == "digit"
        found["lexemes"] += lexemes(line)
        spaces = sum(char_class(char) == "space" for char in line)
        long = len(line) >= 256 and spaces * 16 <= len(line) and core
        found["minified"] += len(line) - spaces if long else 0
    outside = re.sub(r"<[^>]*(>|\Z)", "", text)
    found["visible"] = sum(char not in SPACES for char in outside)
    return dict(found)


def comment_line(core: str, state: str) -> tuple[bool, str]:
    if state == "block":
        return True, "code" if "*/" in core else "block"
    odd = core.count('"""') % 2 == 1
    if state in ("docstring", "string"):
        return state == "docstring", "code" if odd else state
    opens = core.startswith('"""')
    if odd:
        return opens, "docstring" if opens else "string"
    opening = (
        r"#(?=[\x00-!#]|\Z)|%(?=[\x00-!%]|\Z)|//|/\*|\*(?=[\x00- /]|\Z)|--(?=[\x00- ]|\Z)|;;|<!--"
    )
    if re.match(opening, core):
        return True, "block" if core.startswith("/*") and "*/" not in core[2:] else "code"
    return opens, "code"


def lexemes(line: str) -> int:
    total, inside = 0, False
    for char in line:
        part = is_letter(char) or char_class(char) == "digit" or char == "_"
        total += char not in SPACES and not (part and inside)
        inside = part
    return total


def data_chars(line: str) -> int:
    solid = sum(char not in SPACES for char in line)
    digits = sum(char_class(char) == "digit" for char in line)
    names = sum(is_letter(char) and char not in "abcdefABCDEFlLuUxX" for char in line)
    if solid >= 16 and digits * 10 >= solid * 3 and names * 10 <= solid:
        return solid
    marks = "".join(
        "x" if char_class(char) in ("latin", "digit") or char in "+/" else " " for char in line
    )
    return sum(len(run) for run in marks.split() if len(run) >= 80)
