"""Exit codes, help, suggestions, and what is loaded when."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from cli_runs import spawn

import skypile
from skypile.cli.main import COMMANDS, guarded
from skypile.cli.terminal import painted, table
from skypile.errors import RunError

HEAVY = ("apache_beam", "torch", "transformers", "numba", "pyarrow")


def loaded_after(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(eval(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["filtre"]])
def test_what_needs_no_command_loads_nothing_heavy(args):
    assert loaded_after(f"from skypile.cli.main import run\nrun({args!r})") == set()


def test_help_of_no_command_loads_a_heavy_library():
    code = "\n".join(f"run([{name!r}, '--help'])" for name in COMMANDS)
    found = loaded_after(f"from skypile.cli.main import run\n{code}")
    assert not found & {"apache_beam", "torch", "transformers"}


def test_help_and_version(call):
    done = call("--help")
    assert done.code == 0
    assert all(f"  {name} " in done.out.decode() for name in COMMANDS)
    assert call("--version").out.decode().split() == ["skypile", skypile.__version__]
    assert call().code == 2
    assert b"--explain" in call("filter", "--help").out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["filtre"], "did you mean filter?"),
        (["--halp"], "did you mean --help?"),
        (["frobnicate"], "commands are build, filter"),
        (["filter", "x.jsonl", "--explian"], "did you mean --explain?"),
        (["filter", "x.jsonl", "--zzzz=3"], "unknown option --zzzz; see skypile filter --help"),
        (["filter"], "INPUT"),
        (["filter", "x.jsonl", "--max-document-bytes", "many"], "invalid int value: 'many'"),
        (["verify", "one", "two"], "unexpected argument 'two'"),
        (["explain", "corpus"], "--id"),
        (["recipe", "shwo"], "did you mean show?"),
        (["recipe", "show"], "needs a NAME"),
        (["recipe", "check", "no/such.yaml"], "no/such.yaml"),
    ],
)
def test_a_command_line_that_cannot_be_is_one_line_and_code_2(call, args, told):
    done = call(*args)
    assert (done.code, done.out) == (2, b"")
    assert told in done.err
    assert done.err.startswith("skypile: error: ")
    assert done.err.count("\n") == 1


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


def test_faults_become_exit_codes_without_a_traceback(capsys, monkeypatch):
    monkeypatch.delenv("SKYPILE_DEBUG", raising=False)
    assert guarded("skypile", raising(RunError("it broke"))) == 1
    assert capsys.readouterr().err == "skypile: error: it broke\n"
    assert guarded("skypile", raising(KeyError("x\ny"))) == 1
    told = capsys.readouterr().err
    assert "KeyError" in told and "this is a bug" in told and told.count("\n") == 1
    assert guarded("skypile", raising(MemoryError())) == 1
    assert "out of memory" in capsys.readouterr().err
    assert guarded("skypile", raising(KeyboardInterrupt())) == 130


def test_a_traceback_is_shown_when_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("SKYPILE_DEBUG", "1")
    assert guarded("skypile", raising(RunError("it broke"))) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told and told.endswith("skypile: error: it broke\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert painted("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"
    assert painted("x", "red", io.StringIO()) == "x"
    assert painted("x", "red", None) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("x", "red", Terminal()) == "x"


def test_columns_are_aligned():
    assert table([("a", "1"), ("bcd", "22")], right=[1]) == ["a     1", "bcd  22"]
    assert table([]) == []


def test_the_package_runs_as_a_module():
    done = spawn("--version")
    assert (done.code, done.err) == (0, "")


def test_recipe_check_tells_what_does_not_hold(call, recipe, tmp_path):
    assert call("recipe", "check", recipe).code == 0
    shown = call("recipe", "show", recipe).out.decode()
    assert "words_count >= 5" in shown and "stages: [counts]" in shown
    bad = tmp_path / "bad.yaml"
    bad.write_text(recipe.read_text("utf-8").replace("column: words_count", "column: word_count"))
    done = call("recipe", "check", bad)
    assert done.code == 2
    assert "did you mean 'words_count'?" in done.err


def test_recipe_diff_tells_what_is_gone_and_what_is_new(call, recipe, tmp_path):
    other = tmp_path / "other.yaml"
    text = (
        recipe.read_text("utf-8")
        .replace("min: 5,", "min: 7,")
        .replace("- stages: [rep", "- stages: [language, rep")
    )
    other.write_text(text + "dedup: null\n", "utf-8")
    done = call("recipe", "diff", recipe, other)
    assert done.code == 0
    assert done.out.decode().splitlines() == [
        "stages",
        "+ steps: language",
        "",
        "rules",
        "- too_short: words_count >= 5",
        "+ too_short: words_count >= 7",
        "",
        "dedup",
        "- dedup.threshold: 0.8",
        "- dedup.bands: 16",
        "- dedup.rows: 8",
        "- dedup.sources: []",
        "- dedup.prefer: [{'column': 'length', 'order': 'desc'}, "
        "{'column': 'source', 'order': 'asc'}]",
        "- dedup.alarm: 10000",
        "- dedup.scheme: affine32",
        "- dedup.levels: ['exact', 'near']",
        "- dedup.within: None",
        "- dedup.after: steps",
        "+ dedup: null",
    ]
    assert call("recipe", "diff", recipe, recipe).out == b"the two decide alike\n"
    for args in (["diff", recipe], ["show", recipe, other]):
        done = call("recipe", *args)
        assert done.code == 2 and "recipe" in done.err


def test_recipes_of_the_package_hold_and_are_listed(call):
    listed = call("recipe", "list").out.decode()
    for name in ("gopher", "web"):
        assert listed.count(f"\n{name} ") + listed.startswith(f"{name} ") == 1
        assert call("recipe", "check", name).code == 0
