"""Licences by what files say, and headers cut off."""

from __future__ import annotations

import random
import re
import textwrap

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_batches import batch_of
from stage_texts import PYTHON, C

from skypile.schema import set_columns
from skypile.stages.license import License
from skypile.stages.license_texts import license_of

# The sentences by which each is known, between words of ours.
BSD = ("Redistribution and use in source and binary forms, with or without modification, are "
       "permitted where the notice above is kept.")  # fmt: skip
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy, to deal in it. "
    "The above copyright notice and this permission notice shall be included in copies."
)
FEE = ("Permission to use, copy, modify, and/or distribute this software for any purpose with or "
       "without fee is hereby granted")  # fmt: skip
TEXTS = {
    "MIT": MIT,
    "MIT-0": MIT.partition(" The above")[0],
    "BSD-2-Clause": BSD,
    "BSD-3-Clause": f"{BSD} Neither the name of the harbour nor ours may be used to promote it.",
    "BSD-4-Clause": f"{BSD} All advertising materials mentioning it must say so. Neither the name "
    "of the harbour nor ours may be used.",
    "Apache-2.0": 'Licensed under the Apache License, Version 2.0 (the "License").',
    "Apache-2.0 WITH LLVM-exception": "Under the Apache License v2.0 with LLVM Exceptions.",
    "ISC": f"{FEE}, provided that the notice above appears in all copies.",
    "0BSD": f"{FEE}.",
    "MPL-2.0": "Subject to the terms of the Mozilla Public License, v. 2.0.",
    "EPL-1.0": "Made available under the terms of the Eclipse Public License v1.0.",
    "EPL-2.0": "Made available under the terms of the Eclipse Public License 2.0.",
    "BSL-1.0": "Distributed under the Boost Software License, Version 1.0.",
    "Unlicense": "This is free and unencumbered software released into the public domain.",
    "CC0-1.0": "Released under CC0 1.0 Universal, no rights reserved.",
    "Zlib": "No warranty. Altered source versions must be plainly marked as such.",
    "GPL-2.0-or-later": "Under the terms of the GNU General Public License as published by the "
    "FSF; either version 2 of the License, or (at your option) any later version.",
    "GPL-2.0-only": "This file is under the GNU General Public License version 2.",
    "GPL-3.0-only": "Released under the GPL v3, and no other.",
    "LGPL-2.1-or-later": "Under the GNU Lesser General Public License; either version 2.1 of the "
    "License, or any later version.",
    "LGPL-3.0-only": "Under the GNU Lesser General Public License version 3 alone.",
    "AGPL-3.0-or-later": "Under the GNU Affero General Public License, version 3 or later.",
    "LicenseRef-Public-Domain": "This file has been placed in the public domain.",
    "Apache-2.0 OR MIT": "Licensed under either of the Apache License, Version 2.0, or the MIT "
    "license, at your option.",
    "BSD-3-Clause AND MIT": f"{BSD} Neither the name of us may be used. The table below: {MIT}",
}  # fmt: skip
NOTICE = "Copyright (c) 2031 The Harbour Office"
STYLES = (
    ("/*\n", " * ", " */\n"), ("", "// ", ""), ("", "# ", ""), ("", "-- ", ""), ("", ";; ", ""),
    ("<!--\n", "  ", "-->\n"), ('"""\n', "", '"""\n'), ("(*\n", " ", "*)\n"), ("", "% ", ""),
    ("/**\n", " ** ", " **/\n"), ("", "dnl ", ""), ("--[[\n", "", "]]\n"),
)  # fmt: skip


def header(text: str, style: tuple[str, str, str], width: int) -> str:
    opens, prefix, closes = style
    lines = [NOTICE, "", *textwrap.wrap(text, width)]
    return opens + "".join(f"{prefix}{line}".rstrip() + "\n" for line in lines) + closes


def told(texts: list[str], **options: bool) -> list[dict[str, object]]:
    batch = batch_of(texts)
    batch = set_columns(batch, {"domain": pa.array(["code"] * len(texts), pa.string())})
    columns = License(**options)(batch)
    return pa.RecordBatch.from_pydict(columns).to_pylist()


@pytest.mark.parametrize("name", TEXTS)
def test_wraps_and_comment_markers_change_nothing(name):
    rng = random.Random(name)
    texts = [header(TEXTS[name], style, rng.randrange(28, 100)) + "\nx = 1\n" for style in STYLES]
    rows = told(texts, cut=True)
    assert [row["license"] for row in rows] == [name] * len(STYLES)
    assert [row["text"] for row in rows] == ["x = 1\n"] * len(STYLES)
    for text, row in zip(texts, rows, strict=True):
        assert row["license_removed_chars"] == len(text) - len("x = 1\n")
        # The blank line behind is cut with the header and no part of it.
        assert row["license_header_chars"] == row["license_removed_chars"] - 1


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("// SPDX-License-Identifier: MIT", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */",
         "GPL-2.0-only WITH Linux-syscall-note"),
        ("# SPDX-License-Identifier: (MIT OR Apache-2.0)", "(MIT OR Apache-2.0)"),
        ("<!-- SPDX-License-Identifier: CC-BY-4.0 -->", "CC-BY-4.0"),
        ("; SPDX-License-Identifier: MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("# This source code is licensed under the MIT license found in LICENSE.", "MIT"),
        ("// Use of this source code is governed by a BSD-style license.", "BSD-3-Clause"),
        ("# the license of a boat is checked by the harbour office", None),
        ("classifiers = ['License :: OSI Approved :: MIT License']", None),
        ("// Copyright 2031 The Harbour Office. All rights reserved.", None),
        ("x = 'mit'  # licensed boats only", None),
        ("", None),
    ],
)  # fmt: skip
def test_lines(line, wanted):
    assert license_of(line) == wanted
    assert told([f"{line}\nx = 1\n"])[0]["license"] == wanted


CUTS = [
    ("#!/bin/sh\n# Copyright 2031 A\n# Licensed under MIT\n\n# Starts the clock.\nrun\n",
     "#!/bin/sh\n\n# Starts the clock.\nrun\n"),
    ("/* Copyright (C) 2031 A. All rights reserved.\n *\n * Clocks of the harbour.\n */\nint x;\n",
     "/*\n *\n * Clocks of the harbour.\n */\nint x;\n"),
    ('"""Clocks.\n\nCopyright (c) 2031 A. Licensed under the MIT license.\n"""\nx = 1\n',
     '"""Clocks.\n\n"""\nx = 1\n'),
    ("<?php\n// Copyright 2031 A\n\n/* Clocks. */\necho 1;\n", "<?php\n\n/* Clocks. */\necho 1;\n"),
    ("// Copyright 2031 A\n\n// Package tide reads tables.\npackage tide\n",
     "// Package tide reads tables.\npackage tide\n"),
    ("# Reads licence plates of boats.\nx = 1\n", "# Reads licence plates of boats.\nx = 1\n"),
    ("x = 1\n# Copyright 2031 A\n", "x = 1\n# Copyright 2031 A\n"),
    ("/* Copyright 2031 A */ int x;\n", "/* Copyright 2031 A */ int x;\n"),
    ("/* Copyright 2031 A, never closed\nint x;\n", "/* Copyright 2031 A, never closed\nint x;\n"),
    (PYTHON, PYTHON), (C, C), ("", ""), ("\n", "\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), CUTS)
def test_what_is_cut(text, wanted):
    row = told([text], cut=True)[0]
    assert row["text"] == wanted
    assert row["license_removed_chars"] == len(text) - len(wanted)


def test_a_second_cut_takes_nothing():
    texts = [text for text, _ in CUTS]
    once = [row["text"] for row in told(texts, cut=True)]
    assert [row["text"] for row in told(once, cut=True)] == once


def test_only_code_is_looked_at():
    batch = set_columns(batch_of(["# Copyright 2031 A\n# MIT licensed\n"] * 2),
                        {"domain": pa.array(["en", None], pa.string())})  # fmt: skip
    columns = License(cut=True)(batch)
    assert columns["license"].to_pylist() == [None, None]
    assert columns["license_header_chars"].to_pylist() == [None, None]
    assert columns["text"].equals(batch.column("text"))


UNICODE = st.text(st.one_of(
    st.characters(codec="utf-8"), st.sampled_from("/*#\n -\"'©licencopyr(c)İſK"),
), max_size=80)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", *(text for text, _ in CUTS)]), UNICODE), max_size=4))
def test_any_unicode_is_accepted_and_cuts_only_take_away(parts):
    texts = [more + text for text, more in parts] + [text + more for text, more in parts]
    for text, row in zip(texts, told(texts, cut=True) if texts else [], strict=True):
        assert row["license_removed_chars"] == len(text) - len(row["text"]) >= 0
        lines = re.split("\n", text)
        assert all(line in lines or line.strip() in text for line in row["text"].split("\n"))
