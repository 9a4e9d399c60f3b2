"""Speed of pre-training on one CUDA device: ceilings, a ladder of settings, and the best of them.

    python benchmarks/train_gpu.py TOKENS --output FOLDER [--minutes M] [--only NAME ...]
        [--earlier RESULTS.json] [--device cpu]

TOKENS is a folder made by train_tokens.py. The ladder changes one thing at a time on `1b-wide`;
`final` repeats the best of the settings that keep documents apart, `final-causal` the best of
whole rows, over 50 steps. Each step is a whole one: gradients, clipping, AdamW. Tokens are real,
but their ids stop at the tokenizer's 16,384 while the shape has a vocabulary of 65,536: logits
cost by vocabulary, so the speed is that of the full one, and the loss falls faster than it would.

Results are written after every rung: results.json, results.md, kernels-*.txt. A rung that fails
leaves its message. With --minutes, what would cut into the time of `final` is left out; --earlier
takes rungs of a run before into account and does not repeat them. `--device cpu` runs tiny
shapes, to check that every branch works.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from train_clock import facts
from train_kernels import attention_rates, matmul_rates, shapes_ceiling
from train_rungs import Rung, measured

from skypile.pretrain.config import SHAPES, ExecutionConfig
from skypile.pretrain.flops import CONVENTIONS, PEAK_FLOPS
from skypile.pretrain.token_file import TokenFile, open_tokens

# What `final` and its kernel table take at most: compiling in one graph, 60 steps, profiling.
_FINAL_SECONDS = 180.0
_LAST = ("final", "final-causal", "1b", "125m", "accumulate")

_CAUSAL = ExecutionConfig(attention="causal", compiled="blocks", is_fused=False)
_FUSED = _CAUSAL.model_copy(update={"is_fused": True})
_VARLEN = _FUSED.model_copy(update={"attention": "varlen"})
_IN_ONE = _VARLEN.model_copy(update={"compiled": "model"})

LADDER = (
    Rung("eager", "1b-wide", _CAUSAL.model_copy(update={"compiled": "none"}), 2048, 8, steps=8),
    Rung("blocks", "1b-wide", _CAUSAL, 2048, 16),
    Rung("fused", "1b-wide", _FUSED, 2048, 16),
    Rung("varlen-2k", "1b-wide", _VARLEN, 2048, 16),
    Rung("varlen-2k-64k", "1b-wide", _VARLEN, 2048, 32),
    Rung("model", "1b-wide", _IN_ONE, 2048, 16),
    Rung("full", "1b-wide", _FUSED.model_copy(update={"loss": "full"}), 2048, 16),
    Rung("causal-2k-64k", "1b-wide", _FUSED, 2048, 32),
    Rung("varlen-4k", "1b-wide", _VARLEN, 4096, 8),
    Rung("causal-4k", "1b-wide", _FUSED, 4096, 8),
)


@dataclass
class Report:
    """All results so far, and the files that hold them."""

    folder: Path
    facts: dict[str, Any]
    matmul: list[dict[str, Any]] = field(default_factory=list)
    attention: list[dict[str, Any]] = field(default_factory=list)
    rungs: list[dict[str, Any]] = field(default_factory=list)

    def load(self, path: Path) -> None:
        """Take over what an earlier run measured."""
        earlier = json.loads(path.read_text("utf-8"))
        self.matmul, self.attention = earlier["matmul"], earlier["attention"]
        self.rungs = earlier["rungs"]

    def write(self) -> None:
        """Write both files anew."""
        content = {
            "facts": self.facts,
            "matmul": self.matmul,
            "attention": self.attention,
            "rungs": self.rungs,
        }
        (self.folder / "results.json").write_text(json.dumps(content, indent=1), "utf-8")
        (self.folder / "results.md").write_text(self.table(), "utf-8")

    def ceiling(self) -> float | None:
        """The TFLOP/s of a step's own matrix products, where measured."""
        return shapes_ceiling(self.matmul) if self.matmul else None

    def rate(self, name: str) -> float:
        """Tokens per second of a rung; 0 where it failed or did not run."""
        return next(
            (r["tokens_per_second"] for r in self.rungs if r["name"] == name and "mfu" in r), 0.0
        )

    def table(self) -> str:
        """Return the rungs as a table, after the facts and the ceilings."""
        lines = [f"{key}: {value}" for key, value in self.facts.items()]
        lines += [f"matmul {r['name']}: {r['tflops']:.0f} TFLOP/s" for r in self.matmul]
        if ceiling := self.ceiling():
            lines.append(f"all matrix products of a step: {ceiling:.0f} TFLOP/s")
        lines += [str(entry) for entry in self.attention]
        lines += [
            "",
            f"MFU of {PEAK_FLOPS / 1e12:.0f} TFLOP/s in %: {' / '.join(CONVENTIONS)}",
            "",
            "| rung | T x rows | tok/s | ms/step (min..max) | TFLOP/s attended | MFU | of ceiling "
            "| loss | GiB | W | MHz | wall s |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        return "\n".join([*lines, *(_line(rung, ceiling) for rung in self.rungs)]) + "\n"


def _line(rung: dict[str, Any], ceiling: float | None) -> str:
    head = f"| {rung['name']} | {rung['row_tokens']} x {rung['batch_rows']} |"
    if "error" in rung:
        return f"{head} {rung['error'].splitlines()[0][:150]} | | | | | | | | | |"
    shares = " / ".join(f"{100 * rung['mfu'][each]:.1f}" for each in CONVENTIONS)
    of_ceiling = f"{100 * rung['tflops']['attended'] / ceiling:.0f} %" if ceiling else ""
    return (
        f"{head} {rung['tokens_per_second']:,.0f} | {rung['step_ms_median']:.1f} "
        f"({rung['step_ms_min']:.1f}..{rung['step_ms_max']:.1f}) | "
        f"{rung['tflops']['attended']:.0f} | {shares} | {of_ceiling} | "
        f"{rung['loss_first']:.2f} -> {rung['loss_last']:.2f} | "
        f"{rung.get('peak_memory_gib', 0):.0f} | {rung.get('power_watts', 0):.0f} | "
        f"{rung.get('sm_clock_mhz', 0):.0f} | {rung['wall_seconds']:.0f} |"
    )


def best_of(report: Report, names: tuple[str, ...], fallback: str) -> Rung:
    """Return the rung of highest MFU by attended pairs, with what else the ladder found better.

    Graph, loss and fusion were each tried once, and their verdicts are carried over.
    """
    found = {rung["name"]: rung["mfu"]["attended"] for rung in report.rungs if "mfu" in rung}
    name = max((each for each in names if each in found), key=found.__getitem__, default=fallback)
    rung = next(each for each in LADDER if each.name == name)
    changes: dict[str, Any] = {"compiled": "model"}
    if report.rate("model") < report.rate("varlen-2k"):
        changes["compiled"] = "blocks"
    if report.rate("full") > report.rate("fused") > 0:
        changes["loss"] = "full"
    if report.rate("blocks") > report.rate("fused") > 0:
        changes["is_fused"] = False
    return replace(rung, execution=rung.execution.model_copy(update=changes))


def last_rung(report: Report, name: str) -> Rung:
    """Return the rung that a name of `_LAST` stands for, given what the ladder found."""
    masked = best_of(report, ("varlen-2k", "varlen-2k-64k", "varlen-4k"), "varlen-2k")
    if name == "final":
        return replace(masked, name=name, steps=50)
    if name == "final-causal":
        causal = best_of(report, ("fused", "causal-2k-64k", "causal-4k"), "fused")
        return replace(causal, name=name, steps=50)
    if name == "accumulate":
        return replace(masked, name=name, accumulation=4, warmup_steps=3, steps=10)
    by_block = masked.execution.model_copy(update={"compiled": "blocks"})
    return replace(masked, name=name, shape=name, execution=by_block)


def tiny(rung: Rung) -> Rung:
    """Return a rung that a CPU does in a second; compiled only where the rung's name asks."""
    changes: dict[str, Any] = {"loss_chunk_tokens": 64}
    if rung.execution.attention == "varlen":
        changes["attention"] = "dense"
    if rung.name not in ("model", "blocks", "full"):
        changes["compiled"] = "none"
    return replace(
        rung,
        shape="tiny",
        execution=rung.execution.model_copy(update=changes),
        row_tokens=rung.row_tokens // 32,
        batch_rows=max(rung.batch_rows // 8, 1),
        warmup_steps=2,
        steps=2,
    )


def measure_ceilings(
    report: Report, source: TokenFile, device: torch.device, wanted: set[str]
) -> None:
    """Measure matrix products and attention where wanted and not measured yet."""
    is_cuda = device.type == "cuda"
    config = SHAPES["1b-wide" if is_cuda else "tiny"]
    tokens, square = (32_768, 8192) if is_cuda else (256, 256)
    if "matmul" in wanted and not report.matmul:
        report.matmul = matmul_rates(config, tokens, square, device)
        report.write()
        for rate in report.matmul:
            print(f"{rate['name']:28} {rate['tflops']:7.0f} TFLOP/s")
        print(f"all products of a step       {report.ceiling():7.0f} TFLOP/s", flush=True)
    if "attention" in wanted and not report.attention:
        for row_tokens in (2048, 4096) if is_cuda else (64, 128):
            report.attention += attention_rates(config, source, row_tokens, tokens, device)
        report.write()
        for entry in report.attention:
            print(entry, flush=True)


def recorded(
    report: Report, rung: Rung, source: TokenFile, device: torch.device, profile_to: Path | None
) -> dict[str, Any]:
    """Measure a rung, write the results with it, and return it."""
    result = measured(rung, source, device, profile_to=profile_to)
    report.rungs.append(result)
    report.write()
    print(_line(result, report.ceiling()), flush=True)
    return result


def climb(
    report: Report,
    source: TokenFile,
    device: torch.device,
    names: list[str],
    deadline: float | None,
) -> None:
    """Measure the rungs named, in order, while the time lasts."""
    for name in names:
        left = float("inf") if deadline is None else deadline - time.monotonic()
        reserve = _FINAL_SECONDS if name not in _LAST and "final" in names else 0.0
        if left < reserve + 45.0:
            print(f"{name}: left out, {left:.0f} s are left", flush=True)
            continue
        rung = next((each for each in LADDER if each.name == name), None)
        rung = rung or last_rung(report, name)
        is_profiled = name in ("final", "final-causal")
        rung = rung if device.type == "cuda" else tiny(rung)
        path = report.folder / f"kernels-{name}.txt" if is_profiled else None
        result = recorded(report, rung, source, device, path)
        if "error" in result and is_profiled:
            # The ladder tried each choice once, and not all of them together at this size.
            plain = rung.execution.model_copy(update={"compiled": "blocks", "loss": "chunked"})
            result = recorded(report, replace(rung, execution=plain), source, device, path)
        if "CUDA error" in result.get("error", ""):
            print("the device is lost to this process: run again with --earlier and --only")
            return


def main() -> None:
    """Measure what is wanted, and write results after each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--earlier", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else None
    known = ["matmul", "attention", *(rung.name for rung in LADDER), *_LAST]
    if unknown := sorted(set(options.only or []) - set(known)):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    device = torch.device(options.device)
    options.output.mkdir(parents=True, exist_ok=True)
    report = Report(options.output, facts(device))
    print(json.dumps(report.facts, indent=1), flush=True)
    if options.earlier:
        report.load(options.earlier)
    source = open_tokens(options.tokens)
    wanted = [name for name in known if not options.only or name in options.only]
    wanted = [name for name in wanted if not report.rate(name)]
    measure_ceilings(report, source, device, set(wanted))
    climb(report, source, device, [n for n in wanted if n not in known[:2]], deadline)
    report.write()


if __name__ == "__main__":
    main()
