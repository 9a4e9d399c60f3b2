"""The programming language of code without a name, and of names that several languages share."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_batches import batch_of
from stage_texts import GO, PYTHON, SHELL, SQL, C

from skypile.schema import set_columns
from skypile.stages.code_lang import CodeLang
from skypile.stages.code_signs import language_told, renamed

JAVA = """package harbour.tides;

import java.util.ArrayList;
import java.util.List;

/** Keeps the heights of a day. */
public final class TideTable {
    private final List<Integer> heights = new ArrayList<>();

    public void add(int height) {
        if (height < 0) {
            throw new IllegalArgumentException("below the chart: " + height);
        }
        heights.add(height);
    }

    @Override
    public String toString() {
        return "TideTable" + heights;
    }
}
"""
RUST = """use std::collections::HashMap;

/// Heights by hour.
pub struct Tides {
    heights: HashMap<u32, f64>,
}

impl Tides {
    pub fn new() -> Self {
        Tides { heights: HashMap::new() }
    }

    pub fn lowest(&self) -> Option<f64> {
        self.heights.values().cloned().fold(None, |low, h| match low {
            Some(l) if l < h => Some(l),
            _ => Some(h),
        })
    }
}
"""
JAVASCRIPT = """'use strict';

const fs = require('fs');

function readTides(path, callback) {
  fs.readFile(path, 'utf8', (err, text) => {
    if (err) {
      return callback(err);
    }
    const rows = text.split('\\n').map((line) => line.trim()).filter(Boolean);
    callback(null, rows);
  });
}

module.exports = { readTides };
"""


def told(texts: list[str], names: list[str | None] | None = None, domain: str = "code"):
    batch = set_columns(batch_of(texts, names),
                        {"domain": pa.array([domain] * len(texts), pa.string())})  # fmt: skip
    return CodeLang()(batch)["code_lang"].to_pylist()


@pytest.mark.parametrize(
    ("text", "language"),
    [(PYTHON, "python"), (C, "c"), (GO, "go"), (JAVA, "java"), (RUST, "rust"),
     (JAVASCRIPT, "javascript"), (SHELL, "shell"), (SQL, "sql")],
)  # fmt: skip
def test_programs_without_names(text, language):
    assert told([text]) == [language]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("#!/usr/bin/env node\nx", "javascript"),
        ("#! /bin/bash -e\n", "shell"),
        ("#!/usr/bin/env -S python3.11 -u\n", "python"),
        ("#!/opt/own/harbour\n", None),
        ("/* -*- Mode: C++; tab-width: 4 -*- */\n", "cpp"),
        ("; -*- emacs-lisp -*-\n", "emacs-lisp"),
        ("x\n" * 400 + "# vim: set ts=4 ft=ruby :\n", "ruby"),
        ("<?php echo 1;", "php"),
        ("<?xml version='1.0'?><a/>", "xml"),
        ("<?xml version='1.0'?>\n<!DOCTYPE html>\n<html>", "html"),
        ("<!-- tides -->\n<!DOCTYPE html>\n<html>", "html"),
        ("#lang racket/base\n(define x 1)\n", "racket"),
        (";;; tides.el --- Tides  -*- lexical-binding: t -*-\n", "emacs-lisp"),
        ("// SPDX\npragma solidity ^0.8.0;\n", "solidity"),
        ('// Tides.\nsyntax = "proto3";\n', "protobuf"),
        ("# base\nFROM debian:12 AS base\n\nRUN true\n", "dockerfile"),
        ("<template>\n<p/>\n</template>\n<script>\n", "vue"),
        ("---\nname: tides\n", "yaml"),
        ('{"a": [1, 2, {"b": null}]}\n', "json"),
        ('[\n  {\n    "a": 1\n  }\n]\n', "json"),
        ("[section]\nkey = value\n", None),
        ("{ int x = 1; }\n", None),
        ("module Tides\nexport low\nusing Dates\nend\n", "julia"),
        ("", None),
    ],
)
def test_what_files_tell_of_themselves(text, language):
    assert language_told(text) == language


CPP_HEADER = "#pragma once\n#include <string>\nnamespace tide {\nclass Table {\npublic:\n};\n}\n"
C_HEADER = """#ifndef TIDE_H
#ifdef __cplusplus
extern "C" {
namespace tide {}
#endif
int low_water(const char *port);
#ifdef __cplusplus
}
#endif
"""
MATLAB = """function y = lowest(x)
% Returns the lowest value.
  y = inf;
  for i = 1:numel(x)
    if x(i) < y
      y = x(i);
    end
  end
  fprintf('%d\\n', y);
end
"""
PROLOG = """:- module(tides, [low/2]).
:- use_module(library(lists)).

% The lowest of some heights.
low([H|T], L) :- foldl(smaller, T, H, L).
smaller(A, B, A) :- A < B, !.
smaller(_, B, B).
"""


@pytest.mark.parametrize(
    ("name", "text", "language"),
    [
        ("c", CPP_HEADER, "cpp"), ("c", C_HEADER, "c"), ("c", C, "c"),
        ("c", "#import <Foundation/Foundation.h>\n@interface Tide\n@end\n", "objective-c"),
        ("typescript", "<!DOCTYPE TS><TS>", "xml"),
        ("typescript", "let x: number = 1", "typescript"),
        ("objective-c", MATLAB, "matlab"), ("perl", PROLOG, "prolog"),
        ("perl", "use strict;\nmy $x = shift;\nprint $x;\n" * 4, "perl"),
        ("python", JAVA, "python"),
    ],
)  # fmt: skip
def test_names_that_several_languages_share(name, text, language):
    assert told([text], [name]) == [language]
    assert name != "c" or renamed(name, text) == language


def test_what_is_not_code_has_none():
    assert told([PYTHON, JAVA], ["python", None], domain="en") == [None, None]


def test_little_tells_nothing():
    assert told(["x = 1\n", "a b c", "", "f(){}"]) == [None] * 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_unicode_is_accepted(texts):
    assert len(told([PYTHON + text for text in texts] + texts)) == 2 * len(texts)


@pytest.mark.parametrize(
    "piece", ["/* */ ", "[", "{\"a\": ", "<!-- -->", "#ifdef __cplusplus\n", "class a\n",
              "-*- mode: ",
              "vim: ", "<template ", "#!/usr/bin/env a=b "],
)  # fmt: skip
def test_no_pattern_backtracks_on_texts_made_for_it(piece):
    """Patterns see a fixed number of characters; one with two ways to match would never end."""
    text = piece * (40_000 // len(piece))
    assert language_told(text) in (None, "json", "vue", "text")
    assert renamed("c", text) in ("c", "cpp")
