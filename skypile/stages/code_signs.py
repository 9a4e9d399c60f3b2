"""What a file says of its language: shebangs, modelines, beginnings that only one language has."""

from __future__ import annotations

import re

from skypile.prog_langs import BY_EXTENSION, EXTENSIONS

__all__ = ["language_told", "renamed"]

_HEAD_CHARS, _TAIL_CHARS = 4000, 600

# Program of a shebang -> language.
_PROGRAMS = {
    "python": "python", "pypy": "python", "bash": "shell", "sh": "shell", "dash": "shell",
    "zsh": "shell", "ksh": "shell", "bats": "shell", "perl": "perl", "ruby": "ruby",
    "node": "javascript", "nodejs": "javascript", "deno": "typescript", "ts-node": "typescript",
    "php": "php", "lua": "lua", "luajit": "lua", "tclsh": "tcl", "wish": "tcl", "expect": "tcl",
    "awk": "awk", "gawk": "awk", "rscript": "r", "fish": "fish", "pwsh": "powershell",
    "julia": "julia", "groovy": "groovy", "swipl": "prolog", "guile": "scheme", "csi": "scheme",
    "racket": "racket", "escript": "erlang", "elixir": "elixir", "make": "makefile",
    "runhaskell": "haskell", "ocaml": "ocaml", "scala": "scala", "kotlin": "kotlin",
    "dart": "dart", "sbcl": "common-lisp", "octave": "matlab", "nft": "text", "emacs": "emacs-lisp",
}  # fmt: skip
# Names of modes in Emacs and Vim that are not names of ours.
_MODES = {
    "c++": "cpp", "cs": "c-sharp", "csharp": "c-sharp", "js": "javascript", "js2": "javascript",
    "sh": "shell", "shell-script": "shell", "cperl": "perl", "lisp": "common-lisp",
    "emacs-lisp": "emacs-lisp", "elisp": "emacs-lisp", "objc": "objective-c", "tuareg": "ocaml",
    "caml": "ocaml", "nxml": "xml", "conf": "ini", "dosini": "ini", "octave": "matlab",
    "asm": "assembly", "latex": "tex", "make": "makefile", "gmake": "makefile",
    "makefile-gmake": "makefile", "ps1": "powershell", "plsql": "sql", "fsharp": "f-sharp",
    "vb": "visual-basic", "proto": "protobuf", "terraform": "hcl",
}  # fmt: skip
_SHEBANG = re.compile(
    r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+|\w+=\S+[ \t]+)*)?(?:\S*/)?([A-Za-z-]+)"
)
_EMACS = re.compile(r"-\*-[ \t]*(?:.*?\bmode:[ \t]*)?([A-Za-z][\w+-]*)[ \t]*(?:;.*)?-\*-", re.I)
_VIM = re.compile(r"\b(?:vim?|ex):.*?\b(?:ft|filetype|syntax)=(\w+)")
# Spaces and comments of C; atomic, since a comment may end in one way only.
_COMMENTS = r"(?:\s|//.*\n|(?>/\*(?s:.*?)\*/))*+"
_BEGINNINGS = tuple(
    (language, re.compile(pattern))
    for language, pattern in (
        ("php", r"\s*<\?php\b"),
        ("html", r"(?i)\ufeff?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype html|<html\b)"),
        ("xml", r"\ufeff?\s*<\?xml\b|\s*<svg\b|\s*<!DOCTYPE (?!html)|\s*<project xmlns"),
        ("racket", r"(?:;.*\n|\s)*+#lang\b"),
        ("emacs-lisp", r";;; \S+\.el\b|(?s:.{0,200});;; Code:|;.*lexical-binding:"),
        ("solidity", _COMMENTS + r"pragma (?:solidity|abicoder)\b"),
        ("protobuf", _COMMENTS + r"syntax\s*=\s*[\"']proto[23]"),
        ("dockerfile", r"(?:\s|#.*\n|ARG .*\n)*+FROM [\w./:${}@-]+(?: AS \w+)?\s*\n"
         r"(?s:.{0,2000}?)\n"
                       r"(?:RUN|CMD|COPY|ENTRYPOINT|ENV|WORKDIR) "),
        ("vue", r"(?:\s|(?><!--(?s:.*?)-->))*+<template[ >](?s:.*?)<script"),
        ("vue", r"(?:\s|(?><!--(?s:.*?)-->))*+<script(?: setup| lang=.ts.)+>(?s:.*?)<template"),
        ("yaml", r"%YAML |---[ \t]*\n[\w\"'-]+:(?:\s|\n)"),
        ("julia", r"(?:\s|#.*\n)*+(?:module \w+\n(?s:.*?)\busing |using \w+(?:, ?\w+)*\n)"),
    )
)  # fmt: skip
_JSON = re.compile(r"\ufeff?\s*[\[{]\s*(?:[\"\[{\]}]|-?\d|true\b|null\b)")
_JSON_WORDS = re.compile(
    r"(?:[\s\[\]{},:]++|\"(?:[^\"\\]|\\.)*+\"|-?\d[\d.eE+-]*+|true\b|false\b|null\b)*+"
)
_CPP = re.compile(
    r"^[ \t]*(?:template[ \t]*<|namespace[ \t]+\w*[ \t]*(?:::\w+)*\{?[ \t]*$|"
    r"using[ \t]+namespace\b|"
    r"class[ \t]+\w+[^;()\n]*$|(?:public|private|protected)[ \t]*:)|\bstd::\w|"
    r"#[ \t]*include[ \t]*<(?:string|vector|memory|iostream|map|utility|functional|type_traits)>",
    re.M,
)
_OBJECTIVE_C = re.compile(
    r"^[ \t]*@(?:interface|protocol|implementation|property|class)\b|^#import\b", re.M
)
_MATLAB = re.compile(r"^[ \t]*(?:function\b|%|end\b|classdef\b|1;[ \t]*$|fprintf\()", re.M)
# `#ifdef __cplusplus` guards what only C++ sees in a header of C.
_GUARDED = re.compile(r"^#[ \t]*if(?:def)?\b.*__cplusplus(?s:.{0,2000}?)^#[ \t]*endif", re.M)


def _mode(name: str) -> str | None:
    low = name.lower().removesuffix("-mode")
    if low in _MODES:
        return _MODES[low]
    return low if low in EXTENSIONS else BY_EXTENSION.get(low)


def language_told(text: str) -> str | None:
    """Return the language that a file without a name tells of itself, None where it tells none.

    >>> language_told("#!/usr/bin/env -S python3 -u\\n"), language_told("x = 1  # vim: ft=ruby")
    ('python', 'ruby')
    """
    head = text[:_HEAD_CHARS]
    if head.startswith("#!") and (match := _SHEBANG.match(head)):
        program = match[1].lower().rstrip("-")
        if program in _PROGRAMS:
            return _PROGRAMS[program]
    first = "\n".join(head.split("\n", 2)[:2])
    last = text[-_TAIL_CHARS:] if len(text) > _TAIL_CHARS else ""
    for match in (_EMACS.search(first), _VIM.search(first), _VIM.search(last)):
        if match and (mode := _mode(match[1])):
            return mode
    for language, pattern in _BEGINNINGS:
        if pattern.match(head):
            return language
    return "json" if _is_json(head) else None


def _is_json(head: str) -> bool:
    """Tell whether a text begins as JSON, and nine tenths of its head are words of JSON."""
    match = _JSON_WORDS.match(head) if _JSON.match(head) else None
    return match is not None and len(head.strip()) > 2 and match.end() * 10 >= 9 * len(head)


def renamed(name: str, text: str) -> str:
    """Return the language of a file whose name says `name` and may mean another.

    `c` (.h) is C++ or Objective-C by words that C has not, `objective-c` (.m) MATLAB, `typescript`
    (.ts) a translation of Qt.
    """
    if name == "typescript":
        return "xml" if re.match(r"\s*<(?:\?xml|!DOCTYPE TS)", text) else name
    if name == "objective-c":
        matlab = _MATLAB.search(text) and not (_OBJECTIVE_C.search(text) or "#include" in text)
        return "matlab" if matlab else name
    if name != "c":
        return name
    bare = _GUARDED.sub("", text[:20_000])
    if _OBJECTIVE_C.search(bare):
        return "objective-c"
    return "cpp" if _CPP.search(bare) else name
