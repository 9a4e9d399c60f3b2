"""Licences by what files say of them, as SPDX identifiers.

Phrases are sought in text without comment markers, signs and line wraps, in small letters. They are
those by which the licences themselves ask to be named, or the sentences that set them apart from
their neighbours (the SPDX list of licences, https://spdx.org/licenses).
"""

from __future__ import annotations

import re

__all__ = ["PUBLIC_DOMAIN", "flat", "license_of", "spdx_expression"]

# SPDX has no identifier for it.
PUBLIC_DOMAIN = "LicenseRef-Public-Domain"

_MARKERS = re.compile(
    r"^[ \t]*(?:(?:///?!?|/\*+|\*+/?|#+[!:]?|--+\[*|;+|%+|<!--+|\(\*|\{-|\"\"\"|'''|\"|'|=begin|\.\.)"
    r"[ \t]*|(?:rem|dnl|@rem|C|!)[ \t])+",
    re.M | re.I,
)
_SIGNS = re.compile(r"(?:[^a-z0-9.+]|\.(?![0-9])|(?<![0-9])\.)+")


def flat(text: str) -> str:
    """Return words and numbers of `text` with one space between, markers of comments left out.

    >>> flat("/*\\n * Licensed under the Apache\\n * License, Version 2.0 (the\\n */")
    'licensed under the apache license version 2.0 the '
    """
    return _SIGNS.sub(" ", _MARKERS.sub(" ", text).lower())


def _named(name: str) -> str:
    """Return a pattern of sentences such as `distributed under the terms of the NAME license`."""
    return (
        r"(?:under|terms of|conditions of|governed by|subject to|uses|is) (?:the |an? |this )?"
        rf"(?:terms (?:and conditions )?of )?(?:the |an? )?{name}"
    )


_BSD = "redistribution and use in source and binary forms with or without modification"
_FREE = "hereby granted free of charge to any person obtaining"
_FEE = "permission to use copy modify and( or)? distribute this software for any purpose with or"
# Identifier -> patterns of which one must be found. Earlier ones are looked for first.
_TEXTS: tuple[tuple[str, str], ...] = (
    ("Apache-2.0 WITH LLVM-exception", r"apache license v2.0 with llvm exceptions?"),
    ("Apache-2.0", r"apache (?:software )?license v(?:ersion )? ?2(?:.0)?\b|apache 2.0 license"
                   r"|apache license 2.0|apache org licenses license 2.0|"
                   + _named(r"apache 2(?:.0)?\b")),
    ("MPL-2.0", r"mozilla public license (?:v|version ) ?2(?:.0)?\b|mozilla.org mpl 2.0"),
    ("MPL-1.1", r"mozilla public license (?:v|version ) ?1.1|mozilla.org mpl 1.1"),
    ("EPL-2.0", r"eclipse public license (?:v|version )? ?2.0|eclipse org legal epl (?:v20|2.0)"),
    ("EPL-1.0", r"eclipse public license (?:v|version )? ?1.0|eclipse org legal epl v10"),
    ("CDDL-1.0", r"common development and distribution license"),
    ("BSL-1.0", r"boost software license(?: version)? 1.0|boost org license 1 0"),
    ("BUSL-1.1", r"business source license 1.1"),
    ("SSPL-1.0", r"server side public license"),
    ("Unlicense", r"this is free and unencumbered software|" + _named("unlicense")),
    ("CC0-1.0", r"cc0 1.0 universal|creative commons (?:cc0|zero)|publicdomain zero 1.0|"
                + _named("cc0")),
    ("CC-BY-SA-4.0", r"creative commons attribution share ?alike 4.0"),
    ("CC-BY-4.0", r"creative commons attribution 4.0"),
    ("OFL-1.1", r"sil open font license version 1.1"),
    ("Zlib", r"altered source versions must be plainly marked|"
             + _named("zlib(?: libpng)? license")),
    ("NCSA", r"university of illinois (?:ncsa )?open source license"),
    ("Artistic-2.0", r"artistic license (?:v|version )? ?2.0"),
    ("PSF-2.0", r"python software foundation license|psf license agreement"),
    ("MS-PL", r"microsoft public license"),
    ("PostgreSQL", r"for any purpose without fee and without a written agreement"),
    ("BSD-4-Clause", _BSD + r".{1,900}all advertising materials mentioning"),
    ("BSD-3-Clause", _BSD + r".{1,1600}(?:neither the names? of|"
                     r"the names? of .{1,120} may not be used)"
                     r"|bsd 3 clause|3 clause bsd|(?:new|modified|revised) bsd license|"
                     + _named(r"bsd style license")),
    ("BSD-2-Clause", _BSD + r"|bsd 2 clause|2 clause bsd|simplified bsd license|"
                     + _named("bsd license")),
    ("MIT", _FREE + r".{1,900}permission notice shall be included|"
            + _named(r"(?:expat |x11 )?mit(?: style| x11| expat)? (?:open source )?licen[sc]e")
            + r"|^ ?mit licensed|(?:or|and) (?:the )?mit(?: style)? licen[sc]e|"
            + _named(r"mit\b")),
    ("MIT-0", _FREE),
    ("ISC", _FEE + r" without fee is hereby granted provided|" + _named("isc license")),
    ("0BSD", _FEE + r" without fee is hereby granted(?! provided)"),
)  # fmt: skip
# A word without which none of an identifier's patterns matches.
_WORDS = {
    "Apache": "apache", "MPL": "mozilla", "EPL": "eclipse", "CDDL": "common development",
    "BSL": "boost", "BUSL": "business", "SSPL": "server side", "CC0": "cc0|creative|publicdomain",
    "CC": "creative", "OFL": "sil open", "Zlib": "plainly marked|zlib", "NCSA": "illinois",
    "Artistic": "artistic", "PSF": "psf|python software", "MS": "microsoft public",
    "PostgreSQL": "without fee", "BSD": "bsd|redistribution", "MIT": "mit|free of charge",
    "ISC": "isc|without fee", "0BSD": "without fee", "Unlicense": "unlicense|unencumbered",
}  # fmt: skip
_PATTERNS = tuple(
    (name, tuple(_WORDS[name.partition("-")[0]].split("|")), re.compile(pattern))
    for name, pattern in _TEXTS
)
# Found, the other one is no second licence: its text holds that one's.
_WITHIN = {
    "Apache-2.0 WITH LLVM-exception": ("Apache-2.0",),
    "BSD-4-Clause": ("BSD-3-Clause", "BSD-2-Clause"),
    "BSD-3-Clause": ("BSD-2-Clause",),
    "MIT": ("MIT-0",),
    "ISC": ("0BSD",),
    "CC-BY-SA-4.0": ("CC-BY-4.0",),
}
_GNU = re.compile(
    r"gnu (affero |lesser |library )?(?:general )?public licen[sc]e|\b(a|l)?gpl(?=v| v|[23]| [23])"
)
_GNU_VERSION = re.compile(r"(?:version|v)? ?([23](?:\.[01])?)\b")
_LATER = re.compile(r"any later version|or later|(?:gpl|version) ?v?[23](?:.[01])? ?\+|or newer")
_DOMAIN = re.compile(
    r"(?:placed|released|put|dedicated|is|are|been) (?:hereby )?(?:in|into|to) the public domain|"
    r"disclaims? (?:all )?copyright to this source"
)
_EITHER = re.compile(r"\beither\b|at your option|alternatively|\bor the\b|dual licen|licenses? or ")
_EXPRESSION = re.compile(
    r"SPDX-License-Identifier[: \t]+((?:\(* *[A-Za-z][A-Za-z0-9.+-]*\)*)"
    r"(?:(?: +(?:AND|OR|WITH) +|/)"
    r"\(* *[A-Za-z][A-Za-z0-9.+-]*\)*)*)"
)


def spdx_expression(text: str) -> str | None:
    """Return what the first line with SPDX-License-Identifier says, None where there is none."""
    match = _EXPRESSION.search(text)
    return match[1].strip().replace("/", " OR ") if match else None


def _gnu(text: str) -> str | None:
    match = _GNU.search(text) if "gnu" in text or "gpl" in text else None
    if match is None:
        return None
    letter = {"affero": "A", "a": "A"}.get((match[1] or match[2] or "").strip(), "")
    letter = letter or ("L" if match[1] or match[2] else "")
    near = text[max(0, match.start() - 120) : match.end() + 220]
    behind = _GNU_VERSION.search(text[match.end() : match.end() + 90])
    version = behind or re.search(r"version ([23](?:\.[01])?)\b", near)
    number = version[1] if version else ""
    number = {"2": "2.1" if letter == "L" and "lesser" in near else "2.0", "3": "3.0"}.get(
        number, number
    )
    if not number:
        return None if letter else "GPL-1.0-or-later"
    return f"{letter}GPL-{number}-{'or-later' if _LATER.search(near) else 'only'}"


def license_of(text: str) -> str | None:
    """Return the licences that a text tells of, as an SPDX expression; None where it tells of none.

    Several are joined by OR where the text gives a choice, else by AND.
    """
    told = spdx_expression(text)
    if told:
        return told
    plain = flat(text)
    found = [
        name for name, words, pattern in _PATTERNS
        if any(word in plain for word in words) and pattern.search(plain)
    ]  # fmt: skip
    if gnu := _gnu(plain):
        found.append(gnu)
    if not found and _DOMAIN.search(plain):
        found = [PUBLIC_DOMAIN]
    hidden = {name for one in found for name in _WITHIN.get(one, ())}
    found = sorted(name for name in found if name not in hidden)
    choice = len(found) > 1 and _EITHER.search(plain)
    return (" OR " if choice else " AND ").join(found) or None
