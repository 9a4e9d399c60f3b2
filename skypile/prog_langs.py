"""Programming languages by file name, and the file names that are never text."""

from __future__ import annotations

import re

__all__ = ["BINARY_EXTENSIONS", "BY_EXTENSION", "EXTENSIONS", "TEXT", "is_text_name", "language_of"]

TEXT = "text"
COMPRESSED = re.compile(r"\.(gz|zst|zstd)$", re.IGNORECASE)

# Language -> extensions. The names are those of the `prog_lang` column.
EXTENSIONS: dict[str, str] = {
    "ada": "adb ads",
    "agda": "agda",
    "assembly": "asm s",
    "astro": "astro",
    "awk": "awk",
    "batch": "bat cmd",
    "bazel": "bzl bazel",
    "c": "c h",
    "c-sharp": "cs csx",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "cobol": "cob cbl cpy",
    "coffeescript": "coffee",
    "common-lisp": "lisp lsp cl asd",
    "coq": "v",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ inl ipp tpp",
    "crystal": "cr",
    "css": "css",
    "cuda": "cu cuh",
    "cython": "pyx pxd pxi",
    "d": "d di",
    "dart": "dart",
    "dockerfile": "dockerfile",
    "elixir": "ex exs",
    "elm": "elm",
    "emacs-lisp": "el",
    "erlang": "erl hrl",
    "f-sharp": "fs fsi fsx",
    "fish": "fish",
    "fortran": "f f77 f90 f95 f03 f08 for",
    "glsl": "glsl vert frag geom comp",
    "go": "go",
    "gradle": "gradle",
    "graphql": "graphql gql",
    "groovy": "groovy",
    "handlebars": "hbs handlebars",
    "haskell": "hs lhs",
    "hcl": "hcl tf tfvars",
    "html": "html htm xhtml",
    "idris": "idr",
    "ini": "ini cfg conf",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "jinja": "j2 jinja jinja2",
    "json": "json json5 jsonc",
    "julia": "jl",
    "kotlin": "kt kts",
    "lean": "lean",
    "less": "less",
    "lua": "lua",
    "makefile": "mk mak make",
    "markdown": "md markdown mdx",
    "nim": "nim nims",
    "nix": "nix",
    "objective-c": "m mm",
    "ocaml": "ml mli mll mly",
    "pascal": "pas pp dpr lpr",
    "perl": "pl pm pod t",
    "php": "php phtml",
    "powershell": "ps1 psm1 psd1",
    "prolog": "pro prolog",
    "protobuf": "proto",
    "python": "py pyi pyw",
    "r": "r rmd",
    "racket": "rkt",
    "rst": "rst",
    "ruby": "rb rake gemspec ru erb",
    "rust": "rs",
    "sas": "sas",
    "scala": "scala sbt sc",
    "scheme": "scm ss sld",
    "scss": "scss sass",
    "shell": "sh bash zsh ksh bats",
    "smalltalk": "st",
    "solidity": "sol",
    "sql": "sql psql plsql",
    "standard-ml": "sml sig fun",
    "starlark": "star",
    "stata": "do ado",
    "svelte": "svelte",
    "swift": "swift",
    "systemverilog": "sv svh",
    "tcl": "tcl",
    "tex": "tex sty cls bib",
    "text": "txt text",
    "thrift": "thrift",
    "toml": "toml",
    "typescript": "ts tsx mts cts",
    "vala": "vala vapi",
    "verilog": "vh",
    "vhdl": "vhd vhdl",
    "vim": "vim",
    "visual-basic": "vb bas vbs",
    "vue": "vue",
    "webassembly": "wat wast",
    "xml": "xml xsd xsl xslt wsdl",
    "yaml": "yaml yml",
    "yang": "yang",
    "zig": "zig zon",
}

# Names of files that say what they are without an extension, in lower case.
NAMES: dict[str, str] = {
    "build": "bazel",
    "cmakelists.txt": "cmake",
    "containerfile": "dockerfile",
    "dockerfile": "dockerfile",
    "gemfile": "ruby",
    "gnumakefile": "makefile",
    "jenkinsfile": "groovy",
    "makefile": "makefile",
    "meson.build": "meson",
    "meson_options.txt": "meson",
    "podfile": "ruby",
    "rakefile": "ruby",
    "sconstruct": "python",
    "vagrantfile": "ruby",
    "workspace": "bazel",
}

BY_EXTENSION = {
    extension: language
    for language, extensions in EXTENSIONS.items()
    for extension in extensions.split()
}

# Files of these kinds are counted as binary without being opened.
BINARY = """
    7z a aac aiff apk avi avif bin bmp br bz2 cab class dat data db deb dll dmg doc docx dylib ear
    egg eot exe flac gif gz h5 heic icns ico img iso jar jpeg jpg ko lib lz lz4 m4a mkv mo mov mp3
    mp4 mpeg mpg npy npz o obj odp ods odt ogg onnx otf parquet pb pdf pickle pkl png ppt pptx pt
    pth pyc pyd pyo rar rlib rpm safetensors so sqlite sqlite3 swf tar tgz tif tiff ttf wasm wav
    webm webp whl wma wmv woff woff2 xls xlsx xz z zip zst
"""
BINARY_EXTENSIONS = frozenset(BINARY.split())


def language_of(name: str) -> str | None:
    """Return the language of a source file by its name, None where the name does not tell.

    >>> language_of("setup.PY"), language_of("Dockerfile.dev"), language_of("photo.jpg")
    ('python', 'dockerfile', None)
    """
    lower = name.lower()
    stem, _, extension = lower.rpartition(".")
    if lower in NAMES:
        return NAMES[lower]
    if stem and extension in BY_EXTENSION:
        return BY_EXTENSION[extension]
    return "dockerfile" if lower.startswith("dockerfile.") else None


def is_text_name(name: str) -> bool:
    """Tell whether a file of this name is plain text, compressed or not.

    >>> is_text_name("book.TXT.gz"), is_text_name("CMakeLists.txt"), is_text_name("a.md.gz")
    (True, False, False)
    """
    return language_of(COMPRESSED.sub("", name)) == TEXT
