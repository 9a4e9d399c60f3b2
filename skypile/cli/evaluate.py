"""``skypile evaluate``: the loss of a language model on texts, domain by domain."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from skypile.cli.outputs import Lines, open_lines
from skypile.cli.plot import new_figure, save_figure
from skypile.cli.terminal import show, table
from skypile.errors import InputError, TokenizerError, UsageError
from skypile.io.files import write_atomic
from skypile.progress import Count, Progress
from skypile.tokens import DEFAULT_TOKENIZER, Encoder, load_encoder

if TYPE_CHECKING:
    from skypile.pretrain.judgement import DomainNats
    from skypile.pretrain.nats import Judge

__all__ = ["add_arguments", "domain_files", "draw_bits", "run", "scored", "texts_of"]

EPILOG = """\
Every token of a document is scored, the first behind the token that begins documents; what is
longer than the model's context goes through it in windows that overlap by half. The table has bits
per byte with its 95 % interval, nats per character, and perplexities: by the tokens of --reference,
which compares models of different tokenizers (Skywork-13B, section 5), and by the model's own.
Several models are judged on the same texts; --json has them in a list, models, then.
"""
SUFFIXES = (".jsonl", ".jsonl.zst")
# eval/eval_loss.py of SkyworkAI/Skywork cuts texts to a third of 4,096 characters, and their tokens
# to 4,096, has none before them, and so scores all but the first. Losses are divided by the number
# of tokens scored, and compared by the number that it counts with the reference tokenizer. In its
# batches a text shorter than its neighbours also pays for one padding token, which is not counted:
# that depends on who stands beside it, and is left out here, as it is there with batches of one.
COMPAT_TOKENS = 4096
COMPAT_CHARS = COMPAT_TOKENS // 3
BATCH_DOCUMENTS = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile evaluate``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("models", metavar="MODEL", nargs="+", help="the folder of a run, one of its checkpoints, "
        "or a causal model of Hugging Face, a folder or a name; there may be several")  # fmt: skip
    add("--domains", nargs="+", required=True, type=Path, metavar="PATH",
        help="JSON Lines with a field text (.jsonl, .jsonl.zst), a domain each by its name; or a "
        "folder of them, as TOKENS/validation is")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--nats", metavar="FILE", help="write a line for each document there: its nats, bytes, "
        "characters and tokens (.jsonl, .jsonl.zst)")  # fmt: skip
    add("--plot", type=Path, metavar="FILE.png",
        help="draw bits per byte there, by domain and model, with intervals")  # fmt: skip
    add("--reference", type=Path, default=DEFAULT_TOKENIZER, metavar="FILE",
        help="the tokenizer.json whose tokens perplexity is by "
        "(default: the shipped one)")  # fmt: skip
    add("--max-documents", type=int, metavar="N", help="take the first N documents of each domain")
    add("--window", type=int, metavar="N", help="tokens of context (default: the model's)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there")
    add("--skywork-compat", action="store_true", help=f"as Skywork's script: {COMPAT_CHARS} "
        "characters of each text, nothing before them, the first token not scored")  # fmt: skip
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Evaluate the models on each domain; return 0, or raise SkyPileError."""
    assert not extra
    for name, least in (("window", 2), ("max_documents", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name.replace('_', '-')} {value}: give {least} or more")
    if len(set(args.models)) < len(args.models):
        raise UsageError("a MODEL is named twice; name each once")
    files = domain_files(args.domains, "--domains")
    from skypile.pretrain.judgement import judgement

    figure = new_figure("--plot", (10.0, 5.0)) if args.plot is not None else None
    reference = load_encoder(args.reference)
    found: list[dict[str, Any]] = []
    lines = open_lines(args.nats) if args.nats is not None else nullcontext()
    with Progress("evaluate", quiet=args.quiet) as progress, lines as written:
        for model in args.models:
            count = Count(len(found) * len(files), len(args.models) * len(files), "domains")
            seen = partial(_tell, progress, count)
            domains = _judged(model, files, reference, args, seen)
            if written is not None:
                _write_nats(written, model, domains)
            head = {"model": model, "reference_tokenizer": reference.fingerprint,
                    "skywork_compat": args.skywork_compat}  # fmt: skip
            found.append({**head, **judgement(domains)})
    if args.json is not None:
        data = found[0] if len(found) == 1 else {"models": found}
        with write_atomic(str(args.json)) as stream:
            stream.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    if figure is not None:
        draw_bits(figure, found)
        save_figure(figure, args.plot)
    for one in found:
        if len(found) > 1:
            show(one["model"])
        show(*_table(one))
    return 0


def _tell(progress: Progress, begun: Count, done: int, name: str) -> None:
    progress.update(replace(begun, done=begun.done + done, note=name))


def _judged(
    model: str, files: dict[str, Path], reference: Encoder, args: argparse.Namespace,
    seen: Callable[[int, str], None],
) -> list[DomainNats]:  # fmt: skip
    """Return the nats of all domains' documents under one model."""
    from skypile.pretrain.nats import loaded
    from skypile.pretrain.ranks import device_named

    judge = loaded(model, device_named(args.device))
    encoder = load_encoder(judge.tokenizer)
    if judge.begin is None and not args.skywork_compat:
        raise TokenizerError(
            f"{model}: has no token that begins documents, and none that ends them; "
            "--skywork-compat does without"
        )
    domains = []
    for number, (name, path) in enumerate(files.items()):
        seen(number, name)
        texts = list(islice(texts_of(path), args.max_documents))
        if not texts:
            raise InputError(f"{path}: has no documents")
        domains.append(scored(name, texts, judge, (encoder, reference), window=args.window,
                              is_compat=args.skywork_compat))  # fmt: skip
    return domains


def _write_nats(lines: Lines, model: str, domains: Sequence[DomainNats]) -> None:
    for domain in domains:
        for number, (nats, *counts) in enumerate(domain.columns.tolist()):
            names = ("bytes", "chars", "tokens", "reference_tokens")
            row = {"model": model, "domain": domain.name, "document": number, "nats": nats}
            lines.write(orjson.dumps(row | dict(zip(names, map(int, counts), strict=True))))


def domain_files(paths: Sequence[Path], option: str) -> dict[str, Path]:
    """Return domain -> file of what `option` names; raises UsageError, or InputError."""
    found: dict[str, Path] = {}
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        chosen = [one for one in inside if one.name.endswith(SUFFIXES)]
        if not chosen:
            raise InputError(f"{option} {path}: holds no .jsonl or .jsonl.zst")
        for one in chosen:
            name = one.name.removesuffix(".zst").removesuffix(".jsonl")
            if name in found:
                raise UsageError(f"{option}: {found[name]} and {one} are both named {name!r}")
            found[name] = one
    return found


def texts_of(path: Path, fields: Sequence[str] = ("text",)) -> Iterator[str]:
    """Yield the texts of a file that are not empty: of each record its fields, a line each.

    InputError names a line that has not all of them.
    """
    try:
        with path.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            lines = io.BufferedReader(stream) if path.suffix == ".zst" else raw
            for number, line in enumerate(lines, 1):
                record: Any = orjson.loads(line)
                parts: list[str] = []
                for name in fields:
                    value = record.get(name) if isinstance(record, dict) else None
                    if not isinstance(value, str):
                        raise InputError(f"{path}: line {number} has no string field {name}")
                    parts.append(value)
                text = "\n".join(parts)
                if text.strip():
                    yield text
    except (OSError, ValueError, zstandard.ZstdError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def scored(
    name: str, texts: Sequence[str], judge: Judge, encoders: tuple[Encoder, Encoder], *,
    window: int | None = None, is_compat: bool = False,
) -> DomainNats:  # fmt: skip
    """Return the nats of texts, in order; `encoders` are of the model and of reference.

    As Skywork's script with `is_compat`.
    """
    from skypile.pretrain.judgement import DomainNats
    from skypile.pretrain.nats import document_nats

    if is_compat:
        texts = [text[:COMPAT_CHARS] for text in texts]
    encoder, reference = encoders
    column = pa.array(texts, pa.string())
    ids = encoder.encode(column)
    before = [] if is_compat else [judge.begin]
    most = COMPAT_TOKENS if is_compat else None
    documents = [
        np.concatenate([np.array(before, np.int64), ids.ids[a:b][:most].astype(np.int64)])
        for a, b in zip(ids.offsets[:-1], ids.offsets[1:], strict=True)
    ]
    nats = [
        document_nats(judge, documents[at : at + BATCH_DOCUMENTS], context_tokens=window)
        for at in range(0, len(documents), BATCH_DOCUMENTS)
    ]
    sizes = [len(text.encode()) for text in texts]
    references = reference.count(column)
    if is_compat:
        references = np.maximum(np.minimum(references, COMPAT_TOKENS) - 1, 0)
    if not sum(len(one) - 1 for one in documents) or not references.sum():
        raise InputError(f"{name}: its texts have one token each, of which none would be scored")
    return DomainNats(
        name, np.concatenate(nats), np.array(sizes, np.float64),
        np.array([len(text) for text in texts], np.float64),
        np.array([len(ids) - 1 for ids in documents], np.float64),
        references.astype(np.float64),
    )  # fmt: skip


def _table(found: dict[str, Any]) -> list[str]:
    rows = [["domain", "documents", "bits/byte", "95 %", "nats/char", "ppl by reference", "ppl"]]
    parts = [*found["domains"].items(), ("average", found["average"]), ("all", found["all"])]
    for name, one in parts:
        bits = one["bits_per_byte"]
        rows.append(
            [
                name, f"{one['documents']:,}" if "documents" in one else "",
                f"{bits['value']:.4f}", f"{bits['low']:.4f} to {bits['high']:.4f}",
                f"{one['nats_per_char']['value']:.4f}",
                f"{one['reference_perplexity']['value']:,.2f}",
                f"{one['perplexity']['value']:,.2f}",
            ]
        )  # fmt: skip
    return table(rows, right=(1, 2, 3, 4, 5, 6))


def draw_bits(figure: Any, found: Sequence[dict[str, Any]]) -> None:
    """Draw bits per byte: domains side by side, in each a bar for every model with its interval."""
    names = [*found[0]["domains"], "average"]
    axes = figure.subplots()
    width = 0.8 / len(found)
    for number, one in enumerate(found):
        bits = [(one["domains"].get(name) or one[name])["bits_per_byte"] for name in names]
        values = [each["value"] for each in bits]
        ends = [[each["value"] - each["low"] for each in bits],
                [each["high"] - each["value"] for each in bits]]  # fmt: skip
        places = [place + (number - (len(found) - 1) / 2) * width for place in range(len(names))]
        axes.bar(places, values, width, yerr=ends, capsize=3, label=one["model"][-40:])
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_ylabel("bits per byte, 95 % intervals")
    axes.legend()
