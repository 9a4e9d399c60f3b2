"""The command ``skypile``: finds the command's module, runs it, turns faults into exit codes.

Exit codes: 0 fine, 1 the run or its audit failed, 2 the command line cannot be, 130 interrupted
(SIGINT), 143 terminated (SIGTERM).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn, Protocol, cast

import skypile
from skypile import interrupts
from skypile.cli.terminal import painted, say, show
from skypile.errors import OutputError, SkyPileError, UsageError
from skypile.guard import scrubbed

__all__ = ["COMMANDS", "guarded", "run"]

# Command -> what it does; its module is imported when it is called and not before.
COMMANDS: dict[str, str] = {
    "build": "build a corpus from documents: curate, deduplicate, score, mix, write shards",
    "filter": "sort the documents of ad-hoc files into kept and rejected",
    "plan": "predict from a sample what a build of the whole would take and give",
    "dedup": "find the duplicates among documents, and which of them stays",
    "stats": "show how the values of every column are distributed",
    "decontaminate": "find the items of evaluation sets in documents, and take them out",
    "verify": "check a corpus against its manifest",
    "explain": "show what decided on one document of a corpus",
    "forget": "take documents out of a corpus, by id or URL",
    "index": "give a corpus the index that later builds compare with",
    "tokenize": "turn a corpus into token files for training, validation documents held out",
    "pretrain": "train a language model on token files, in stages, with checkpoints",
    "evaluate": "measure the loss of a language model on texts, domain by domain",
    "leakage": "tell whether a language model was trained on a test set, by three losses",
    "ablate": "compare recipes by the loss of small models trained on what they keep",
    "plot": "draw the curves of a training run",
    "export": "write a trained model as a folder for Hugging Face's transformers",
    "serve": "judge documents over HTTP, and show why on a page",
    "recipe": "list, show, check and compare recipes",
    "label": "label documents for training, by votes of lists and rules and by a person",
    "lines": "list the lines that many documents have, for a recipe to take out",
    "train-classifier": "fine-tune a BERT on labelled documents, for stage classify",
    "compile": "compile the kernels now, so that no later run waits for it",
}
TAKES_MORE = {"build", "tokenize"}  # commands that pass unknown options on, to Beam


class Command(Protocol):
    """A module of skypile.cli that is a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def run(self, args: argparse.Namespace, extra: list[str]) -> int:
        """Do it and return the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors, with the nearest option named."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: nothing is printed here."""
        raise UsageError(f"{message}; see {self.prog} --help")

    def refuse(self, extra: Sequence[str]) -> None:
        """Raise UsageError for the first of the arguments that nobody asked for."""
        if not extra:
            return
        name = extra[0].partition("=")[0]
        if not name.startswith("-") or name == "-":
            self.error(f"unexpected argument {extra[0]!r}")
        near = get_close_matches(name, self._option_string_actions, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; see {self.prog} --help"
        raise UsageError(f"unknown option {name}{hint}")


def run(argv: Sequence[str] | None = None) -> int:
    """Run ``skypile`` with `argv` (the process's own by default) and return its exit code."""
    if argv is None:
        interrupts.install("skypile")
    return guarded("skypile", lambda: _dispatch(list(sys.argv[1:] if argv is None else argv)))


def guarded(program: str, command: Callable[[], int]) -> int:
    """Return the exit code of `command`, or that of what it raised, told on stderr in a sentence.

    SKYPILE_DEBUG=1 adds the traceback. A reader of stdout who leaves ends the command quietly.
    """
    _speak_utf8()
    try:
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
        interrupts.outlived()
    except KeyboardInterrupt:
        return _interrupted(program)
    except Exception as error:  # noqa: BLE001 - the one place where faults become exit codes
        if interrupts.caught():
            # Beam makes another error of the exception; or a lost worker was noticed first.
            return _interrupted(program)
        if isinstance(error, BrokenPipeError):
            return _reader_left()
        return _failed(program, error)
    return code


def _speak_utf8() -> None:
    """Have results written as UTF-8 whatever the locale; what cannot be encoded is escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _interrupted(program: str) -> int:
    """Say what an interruption leaves behind; the reader of stdout may have been ended, too."""
    say(f"{program}: {interrupts.sentence()}")
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _reader_left()
    return interrupts.exit_code()


def _reader_left() -> int:
    """End quietly: the reader of stdout has seen enough."""
    if sys.stdout is not None:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _failed(program: str, error: Exception) -> int:
    if os.environ.get("SKYPILE_DEBUG") == "1":
        say(scrubbed(traceback.format_exc().rstrip()))
    label = f"{program}: {painted('error', 'red', sys.stderr)}:"
    if isinstance(error, SkyPileError):
        say(f"{label} {scrubbed(str(error))}")
        return error.exit_code
    if isinstance(error, MemoryError):
        say(f"{label} out of memory; give smaller inputs, or fewer workers")
    else:
        what = scrubbed(" ".join(f"{type(error).__name__}: {error}".split()))[:1000]
        say(
            f"{label} {what}; this is a bug: please report it with what "
            "SKYPILE_DEBUG=1 prints for the same command"
        )
    return 1


def _dispatch(argv: list[str]) -> int:
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help", "help"):
        if not argv:
            say(_overview())
            return 2
        show(_overview())
        return 0
    if name in ("-V", "--version"):
        show(f"skypile {skypile.__version__}")
        return 0
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    command = cast(Command, importlib.import_module(f"skypile.cli.{name.replace('-', '_')}"))
    # Beam's options are known to Beam alone, so no option may be taken for the short form of one.
    parser = Parser(prog=f"skypile {name}", description=_sentence(name), allow_abbrev=False)
    command.add_arguments(parser)
    try:
        args, extra = parser.parse_known_args(argv[1:])
    except SystemExit as asked:  # --help
        return int(asked.code or 0)
    if name not in TAKES_MORE:
        parser.refuse(extra)
    if sys.stdout is None:
        raise OutputError("stdout is closed; give it a file, or /dev/null")
    return command.run(args, extra)


def _sentence(name: str) -> str:
    what = COMMANDS[name]
    return f"{what[0].upper()}{what[1:]}."


def _unknown(name: str) -> str:
    if name.startswith("-"):
        near = get_close_matches(name, ("--help", "--version"), n=1)
        return f"unknown option {name}; did you mean {near[0] if near else '--help'}?"
    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"commands are {', '.join(COMMANDS)}"
    return f"there is no command {name!r}; {hint}"


def _overview() -> str:
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: skypile COMMAND [ARGUMENTS]",
            "",
            "Curates training corpora for language models: English, Chinese and code.",
            "",
            "commands:",
            *(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()),
            "",
            "skypile COMMAND --help   options of one command",
            "skypile --version        the version",
        ]
    )


if __name__ == "__main__":
    sys.exit(run())
