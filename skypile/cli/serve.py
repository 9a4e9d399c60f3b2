"""``skypile serve``: an HTTP service that judges documents by a recipe."""

from __future__ import annotations

import argparse
import ipaddress
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from skypile.cli.terminal import say_whether_it_compiles
from skypile.errors import UsageError
from skypile.recipe import load_recipe
from skypile.serve.keys import ENVIRONMENT, Keys, keys_from_file, keys_from_text
from skypile.serve.settings import Limits

if TYPE_CHECKING:
    from skypile.serve.lanes import Lane

__all__ = ["add_arguments", "run"]

EPILOG = f"""\
POST documents to /v1/curate; / is a page to paste a text into; /openapi.json tells the rest. A key
is read from --api-key-file or from the variable {ENVIRONMENT}. Without one the service can be
reached from this machine only, unless --no-api-key lets everyone in. SIGTERM ends it once all that
came has been answered. Needs the extra: pip install 'skypile[serve]'.
"""
TOLD = {
    "max_body_bytes": "of a request as it is sent",
    "max_content_bytes": "of a request once it is decompressed",
    "max_json_bytes": "of a request of JSON, which is held whole",
    "max_json_documents": "of a request of JSON, which is answered as a whole",
    "max_documents": "of a request",
    "max_document_bytes": "of one document; a longer one is answered as an error",
    "max_explain_bytes": "of a text of which spans are shown",
    "max_requests": "under way at once",
    "max_queue_documents": "that wait to be judged",
    "max_queue_bytes": "of text that wait to be judged",
    "batch_documents": "judged by one call of the stages",
    "batch_bytes": "of text judged by one call of the stages",
    "batch_wait_seconds": "that a batch waits to become full",
    "timeout_seconds": "that documents wait for their answer, and a body for its next part",
    "drain_seconds": "to answer what is under way, when the service ends",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile serve``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("--recipe", default="web", metavar="NAME|FILE", help="default: %(default)s")
    add("--no-models", action="store_true", help="leave the recipe's score section out")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="default: %(default)s")
    add("--port", type=int, default=8000, metavar="N", help="default: %(default)s; 0 is any free")
    add("--workers", type=int, default=1, metavar="N", help="processes that judge, 0 is none apart")
    add("--api-key-file", type=Path, metavar="FILE", help="keys that open the service, one a line")
    add("--no-api-key", action="store_true", help="let in everyone who can reach the address")
    add("--quiet", action="store_true", help="write no log to stderr")
    limits = parser.add_argument_group("limits")
    for field in fields(Limits):
        kind = float if field.name.endswith("_seconds") else int
        what = field.name.rpartition("_")[2] if kind is int else "seconds"
        limits.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, default=field.default, metavar="N",
            help=f"{what} {TOLD[field.name]} (default: {field.default:,})",
        )  # fmt: skip


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Serve until a signal ends it; return 0, or raise SkyPileError."""
    assert not extra
    if not 0 <= args.port < 1 << 16:
        raise UsageError(f"--port {args.port}: a port is a number from 0 to 65535")
    if not 0 <= args.workers <= 1024:
        raise UsageError(f"--workers {args.workers}: give 0 to 1024")
    limits = Limits(**{field.name: getattr(args, field.name) for field in fields(Limits)})
    keys = _keys(args)
    recipe = load_recipe(args.recipe)
    if args.no_models:
        recipe = recipe.without_models()
    try:
        from skypile.serve.server import listening, serve
        from skypile.serve.service import Service
    except ModuleNotFoundError as error:
        raise UsageError(
            f"skypile serve needs {error.name}, which is not here: pip install 'skypile[serve]'"
        ) from error
    from skypile.serve.lanes import OwnLane, ProcessLane
    from skypile.serve.metrics import Log

    listener = listening(args.host, args.port)
    if not args.quiet:
        say_whether_it_compiles()
    lanes: list[Lane] = [ProcessLane(recipe) for _ in range(args.workers)] or [OwnLane(recipe)]
    service = Service(
        recipe, lanes, limits, keys=keys, log=Log(quiet=args.quiet), models=not args.no_models,
        hosts=_hosts(args.host) if keys is None and not args.no_api_key else None,
    )  # fmt: skip
    return serve(service, listener)


def _keys(args: argparse.Namespace) -> Keys | None:
    """Return the keys; UsageError where there are none and others than this machine may call."""
    keys = None
    if args.api_key_file is not None:
        keys = keys_from_file(args.api_key_file)
    elif ENVIRONMENT in os.environ:
        keys = keys_from_text(os.environ[ENVIRONMENT], f"the variable {ENVIRONMENT}")
    if keys is not None and args.no_api_key:
        raise UsageError("--no-api-key lets everyone in, and a key was given; leave one out")
    if keys is None and not args.no_api_key and not _is_loopback(args.host):
        raise UsageError(
            f"--host {args.host} can be reached from other machines: give --api-key-file FILE or "
            f"the variable {ENVIRONMENT}, or --no-api-key to let everyone in"
        )
    return keys


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(host: str) -> frozenset[str]:
    """Return the names by which a service of this machine is called."""
    return frozenset(("127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host))
