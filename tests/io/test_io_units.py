"""How inputs become units: what is read, under which names, and what is left out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_inputs import drain, gz, lines, put, read, reasons, texts, zst

from skypile.errors import InputError, UsageError
from skypile.io.files import absolute, matches, stat, write_atomic
from skypile.io.names import unique_names
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import MAX_UNIT_FILES, Unit, plan_units
from skypile.prog_langs import language_of

DOC = lines({"text": "a"})


def records(*inputs: Path | str) -> list[str]:
    return [row["record"] for row in read(*inputs)]


# Inputs and names


def test_names_are_relative_to_the_fixed_prefix(tmp_path: Path) -> None:
    put(tmp_path / "raw/2020/a.jsonl", DOC)
    put(tmp_path / "raw/b.jsonl.zst", zst(DOC))
    expected = ["2020/a.jsonl#0", "b.jsonl.zst#0"]
    assert records(tmp_path / "raw") == expected
    assert records(f"{tmp_path}/raw/**/*.jsonl*") == expected
    assert records(f"{tmp_path}/raw/**") == expected
    assert records(f"{tmp_path}/*/2020/*.jsonl") == ["raw/2020/a.jsonl#0"]
    assert records(tmp_path / "raw/2020/a.jsonl") == ["a.jsonl#0"]
    assert records(f"{tmp_path}/raw/./../raw/b.*") == ["b.jsonl.zst#0"]


def test_relative_paths_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "raw/a.jsonl", DOC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert records("raw") == records("raw/*") == records("~/raw/a.jsonl") == ["a.jsonl#0"]
    assert records("r?w/[ab].jsonl") == ["raw/a.jsonl#0"]


def test_equal_names_get_parents_in_front(tmp_path: Path) -> None:
    for folder in ("x/one", "y/one", "z/two"):
        put(tmp_path / folder / "a.jsonl", DOC)
    put(tmp_path / "z/two/b.jsonl", DOC)
    inputs = [tmp_path / "x/one", tmp_path / "y/one/a.jsonl", tmp_path / "z/two"]
    expected = ["b.jsonl#0", "two/a.jsonl#0", "x/one/a.jsonl#0", "y/one/a.jsonl#0"]
    assert records(*inputs) == expected
    assert records(*reversed(inputs)) == expected


def test_a_longer_name_may_not_meet_another_one(tmp_path: Path) -> None:
    put(tmp_path / "p/q/a.jsonl", DOC)
    put(tmp_path / "r/q/a.jsonl", DOC)
    put(tmp_path / "s/q/a.jsonl", DOC)
    names = records(tmp_path / "p", tmp_path / "r/q", tmp_path / "s/q")
    assert names == ["p/q/a.jsonl#0", "r/q/a.jsonl#0", "s/q/a.jsonl#0"]


@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join),
        st.integers(0, 3),
        max_size=12,
    )
)
def test_names_are_unique_suffixes(paths: dict[str, int]) -> None:
    prefixes = {
        f"/{path}": "/" + "/".join(path.split("/")[: min(depth, path.count("/"))])
        for path, depth in paths.items()
    }
    names = unique_names(prefixes)
    assert len(set(names.values())) == len(prefixes)
    assert all(path.endswith(name) for path, name in names.items())
    assert names == unique_names(dict(reversed(prefixes.items())))


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    put(tmp_path / "raw/a/b.jsonl", DOC)
    inputs = [tmp_path / "raw/a/b.jsonl", tmp_path / "raw", f"{tmp_path}/raw/a/*"]
    assert records(*inputs) == records(*inputs[::-1]) == ["a/b.jsonl#0"]


def test_a_name_with_wildcards_that_exists_is_that_file(tmp_path: Path) -> None:
    put(tmp_path / "a[1].jsonl", DOC)
    put(tmp_path / "a1.jsonl", DOC)
    assert records(tmp_path / "a[1].jsonl") == ["a[1].jsonl#0"]


def test_a_name_that_is_no_utf8_is_escaped(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.jsonl"
    with open(path, "wb") as file:
        file.write(DOC)
    (unit,) = plan_units([str(tmp_path)]).units
    assert unit.name == "\\xff.jsonl"
    again = Unit.from_json(json.loads(json.dumps(unit.to_json(), ensure_ascii=False).encode()))
    assert again == unit
    assert texts(drain(open_unit(again, ReadOptions()))) == ["a"]


@pytest.mark.parametrize("given_", ["none.jsonl", "none/*.jsonl", "*.none", "empty", "a.jsonl/x"])
def test_what_matches_nothing_is_named(tmp_path: Path, given_: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "a.jsonl", DOC)
    with pytest.raises(UsageError, match="no input matches") as caught:
        plan_units([str(tmp_path / "a.jsonl"), str(tmp_path / given_)])
    assert given_ in str(caught.value) and caught.value.exit_code == 2


def test_a_folder_of_unknown_files_says_so(tmp_path: Path) -> None:
    put(tmp_path / "a.xyz", b"?")
    put(tmp_path / "b.png", b"\0")
    with pytest.raises(UsageError, match=r"left out: 1 binary, 1 unknown_kind"):
        plan_units([str(tmp_path)])


def test_unknown_files_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    assert records(put(tmp_path / "dump", b"\n" + DOC)) == ["dump#1"]
    assert records(put(tmp_path / "dump.out", gz(DOC))) == ["dump.out#0"]
    with pytest.raises(UsageError, match="cannot tell what this file is"):
        plan_units([str(put(tmp_path / "other", b"hello"))])


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", DOC)
    (unit,) = plan_units([str(path)]).units
    path.unlink()
    path.mkdir()
    os.utime(path, ns=(unit.mtime_ns, unit.mtime_ns))
    with pytest.raises(InputError, match=r"a\.jsonl: "):
        drain(open_unit(unit, ReadOptions()))


def test_unknown_schemes_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="gs://, s3://, hdfs://"):
        plan_units(["ftp://host/a.jsonl"])


def test_files_by_url(tmp_path: Path) -> None:
    put(tmp_path / "raw/2020/a.jsonl", DOC)
    put(tmp_path / "raw/b.jsonl.gz", gz(DOC))
    put(tmp_path / "raw/c.py", b"print()")
    url = f"file://{tmp_path}/raw"
    assert records(url) == records(f"{url}/**") == records(tmp_path / "raw")
    assert records(f"{url}/*/*.jsonl") == ["2020/a.jsonl#0"]
    with pytest.raises(UsageError, match="no input matches"):
        plan_units([f"{url}/none*"])


# Units and keys


def test_units_are_ordered_by_name_and_start(tmp_path: Path) -> None:
    put(tmp_path / "b.jsonl", DOC * 100)
    put(tmp_path / "a.py", b"print()\n")
    put(tmp_path / "c.jsonl.zst", zst(DOC))
    plan = plan_units([str(tmp_path)], target_bytes=500)
    order = [(unit.name, unit.start) for unit in plan.units]
    assert order == sorted(order) and order[0] == ("a.py", 0) and len(order) == 5


def test_keys_hold_what_was_read_and_not_where_it_lies(tmp_path: Path) -> None:
    put(tmp_path / "x/a.jsonl", DOC * 100)
    put(tmp_path / "x/b.py", b"print()\n")
    shutil.copytree(tmp_path / "x", tmp_path / "y")

    def keys(folder: str, fingerprint: str = "f") -> list[str]:
        plan = plan_units([str(tmp_path / folder)], target_bytes=500)
        return [unit.key(fingerprint) for unit in plan.units]

    before = keys("x")
    assert len(set(before)) == len(before) and all(len(key) == 32 for key in before)
    assert keys("y") == before
    assert not set(keys("x", "g")) & set(before)
    os.utime(tmp_path / "y/a.jsonl", ns=(1, 1))
    assert keys("y")[-1] == before[-1] and not set(keys("y")[:-1]) & set(before)
    put(tmp_path / "x/b.py", b"print(1)\n")
    assert keys("x")[-1] != before[-1]


# Source code


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    put(root / "main.py", "\ufeffprint('中')\n".encode())
    put(root / "src/lib.rs", b"fn main() {}\r\n")
    put(root / "src/bad.c", b"int \xff;")
    put(root / "src/nul.c", b"int a;\0")
    put(root / "src/empty.py", b"")
    put(root / "Makefile", b"all:\n")
    put(root / "package.json", b"{}")
    put(root / "README.md", b"# Repo\n")
    put(root / "logo.png", b"PNG")
    put(root / "notes.xyz", b"?")
    put(root / ".git/config.py", b"x")
    put(root / "node_modules/m/index.js", b"x")
    put(root / ".gitignore", b"*.log\n/build/\n!\n\\\n# note\ngen_*.py\n\xff\n")
    put(root / "build/out.py", b"x")
    put(root / "src/build/kept.py", b"y = 1\n")
    put(root / "gen_a.py", b"x")
    put(root / "src/gen_b.py", b"x")
    put(root / "sub/.gitignore", b"!gen_c.py\n*.go\n")
    put(root / "sub/gen_c.py", b"z = 1\n")
    put(root / "sub/x.go", b"package x")
    (root / "link.py").symlink_to("main.py")
    (root / "loop").symlink_to(".")
    (root / "broken.py").symlink_to("nowhere")
    return root


EXPECTED = {
    "Makefile": "makefile",
    "README.md": "markdown",
    "main.py": "python",
    "package.json": "json",
    "src/bad.c": "c",
    "src/build/kept.py": "python",
    "src/empty.py": "python",
    "src/lib.rs": "rust",
    "sub/gen_c.py": "python",
}


def test_a_tree_gives_one_document_a_file(tree: Path) -> None:
    rows = read(tree)
    assert {row["record"]: row["prog_lang"] for row in rows} == {
        f"{name}#0": language for name, language in EXPECTED.items()
    }
    by_name = {row["record"].removesuffix("#0"): row for row in rows}
    assert by_name["main.py"]["text"] == "print('中')\n"
    assert by_name["src/lib.rs"]["text"] == "fn main() {}\r\n"
    assert by_name["src/empty.py"]["text"] == ""
    assert by_name["src/bad.c"]["reason"] == "bad_utf8"
    assert by_name["src/bad.c"]["raw"] == b"int \xff;"
    assert by_name["src/lib.rs"]["source"] == "src"
    assert by_name["main.py"]["source"] == "main.py"
    assert [row["row"] for row in rows] == list(range(len(rows)))
    assert {row["url"] for row in rows} == {row["meta"] for row in rows} == {None}


def test_what_is_left_out_is_counted(tree: Path) -> None:
    assert plan_units([str(tree)]).skipped == {
        "binary": 2,
        "folder:.git": 1,
        "folder:node_modules": 1,
        "folder_ignored_by_git": 1,
        "ignored_by_git": 3,
        "link": 2,
        "unknown_kind": 3,  # the .gitignore files as well
    }


def test_source_files_come_in_runs(tmp_path: Path) -> None:
    for index in range(300):
        put(tmp_path / f"r/{index % 7}/f{index}.py", b"#" * 100)
    plan = plan_units([str(tmp_path / "r")], target_bytes=2500)
    assert len(plan.units) == 12
    assert {len(unit.files) for unit in plan.units} == {25}
    assert sum(unit.size for unit in plan.units) == 30_000
    assert len(read(tmp_path / "r", target=2500)) == 300
    assert MAX_UNIT_FILES < 1 << 32


def test_data_and_source_files_in_one_folder(tmp_path: Path) -> None:
    put(tmp_path / "p/data/train.jsonl", DOC)
    put(tmp_path / "p/.gitignore", b"*.jsonl\n*.txt\n")
    put(tmp_path / "p/a.py", b"print()")
    put(tmp_path / "p/b.txt", b"text")
    (tmp_path / "p/link.jsonl").symlink_to("data/train.jsonl")
    assert records(tmp_path / "p") == ["a.py#0", "data/train.jsonl#0", "link.jsonl#0"]


def test_json_is_data_only_where_it_is_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "d/a.json", DOC)
    assert read(tmp_path / "d")[0]["prog_lang"] == "json"
    for asked in (path, f"{tmp_path}/d/*.json", f"{tmp_path}/**/a.json"):
        (row,) = read(asked)
        assert (row["text"], row["prog_lang"]) == ("a", None)
    (row,) = read(f"{tmp_path}/d/*")
    assert row["prog_lang"] == "json"
    # Asked for by name, it is data even where its folder is an input as well.
    assert [row["text"] for row in read(path, tmp_path / "d")] == ["a"]


def test_named_source_files(tmp_path: Path) -> None:
    a, b = put(tmp_path / "a.py", b"a"), put(tmp_path / "b.txt", b"b")
    rows = read(a, b)
    assert [(row["record"], row["prog_lang"]) for row in rows] == [
        ("a.py#0", "python"),
        ("b.txt#0", None),
    ]
    with pytest.raises(UsageError, match="cannot tell"):
        plan_units([str(put(tmp_path / "c.py", b"\0"))])


def test_folders_that_match_are_read_as_folders(tmp_path: Path) -> None:
    put(tmp_path / "repos/one/a.py", b"a")
    put(tmp_path / "repos/two/a.py", b"b")
    assert records(f"{tmp_path}/repos/*") == ["one/a.py#0", "two/a.py#0"]


def test_large_source_files(tmp_path: Path) -> None:
    put(tmp_path / "r/a.py", b"#" * 100_001)
    put(tmp_path / "r/b.py", b"#" * 100_000)
    rows = read(tmp_path / "r", max_document_bytes=100_000)
    assert reasons(rows) == ["too_large", None]
    assert rows[0]["raw"] == b"#" * 65536
    assert len(read(tmp_path / "r", limit=1)) == 1


def test_a_source_file_that_changed_is_noticed(tmp_path: Path) -> None:
    path = put(tmp_path / "r/a.py", b"a = 1")
    (unit,) = plan_units([str(path)]).units
    for other in (b"a = 12", b"a"):
        path.write_bytes(other)
        with pytest.raises(InputError, match="has changed"):
            drain(open_unit(unit, ReadOptions()))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("A.PY", "python"),
        ("a.d.ts", "typescript"),
        ("x.hpp", "cpp"),
        ("x.h", "c"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.gpu", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        (".py", None),
        ("py", None),
        ("a.unknown", None),
        ("", None),
    ],
)
def test_languages_by_name(name: str, language: str | None) -> None:
    assert language_of(name) == language


# Files


def test_wildcards(tmp_path: Path) -> None:
    for name in ("a/x.txt", "a/b/x.txt", "a/.h/x.txt", "a/.x.txt", "y.txt"):
        put(tmp_path / name, b"")
    (tmp_path / "a/b/loop").symlink_to(tmp_path)

    def found(pattern: str) -> list[str]:
        return [entry.path[len(str(tmp_path)) + 1 :] for entry in matches(f"{tmp_path}/{pattern}")]

    assert found("**/x.txt") == ["a/b/x.txt", "a/x.txt"]
    assert found("**/b/**/x.txt") == ["a/b/x.txt"]
    assert found("*") == ["a", "y.txt"]
    assert found("a/*") == ["a/b", "a/x.txt"]
    assert found("a/.*") == ["a/.h", "a/.x.txt"]
    assert found("?.txt") == found("[xyz].txt") == ["y.txt"]
    assert found("[!y].txt") == []
    assert found("*/*/*/y.txt") == ["a/b/loop/y.txt"]


def test_absolute_paths_are_normal() -> None:
    assert absolute("/a/./b//../c/") == "/a/c"
    assert absolute("s3://bucket//a/b/") == "s3://bucket/a/b"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep/a.txt"
    with write_atomic(str(path)) as file:
        file.write(b"first")
        assert stat(str(path)) is None
    with pytest.raises(ZeroDivisionError), write_atomic(str(path)) as file:
        file.write(b"second")
        raise ZeroDivisionError
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]
