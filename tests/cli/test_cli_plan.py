"""``skypile plan``: what it predicts is what builds do, and it says what it cannot see."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from cli_runs import Done, forked
from web_server import Site, serving

from skypile.io.rows import ReadOptions
from skypile.io.units import plan_units
from skypile.plan.sample import Drawn, Sampling, draw

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
DOCUMENTS = 1000
COPIES = 60
PRICES = """
currency: USD
source: the tests
date: 2026-11-27
vcpu_hour: 2
memory_gb_hour: 0.5
memory_gb_per_vcpu: 4
shuffle_gb: 10
"""


def made(seed: int) -> list[dict[str, str]]:
    """Return documents: two of three to be kept, one rejected, some copies of one another."""
    rng = random.Random(seed)
    names = [f"{a}{b}" for a in ("brown", "small", "heavy", "early") for b in range(200)]
    found = []
    for number in range(DOCUMENTS):
        count = 3 if number % 3 == 2 else rng.randrange(12, 40)
        lines = (
            f"The {rng.choice(names)} engine of the {rng.choice(names)} boat was in the "
            f"{rng.choice(names)} harbour for {rng.randrange(9999)} days, and that was all."
            for _ in range(count)
        )
        text = " ".join(lines) if count > 3 else "Too short by far."
        found.append({"id": f"{seed}-{number}", "text": text})
    for _ in range(COPIES):
        one, other = rng.sample(range(0, DOCUMENTS, 3), 2)
        found[other] = {**found[one], "id": f"{found[one]['id']}-again-{other}"}
    return found


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same kind of documents as plain JSON Lines, zstd and Parquet; broken lines among them."""
    folder = tmp_path_factory.mktemp("plan-inputs")
    for seed, name in enumerate(("plain.jsonl", "packed.jsonl.zst")):
        lines = [json.dumps(one).encode() for one in made(seed)]
        lines[::100] = [b'{"id": "broken'] * len(lines[::100])
        data = b"\n".join(lines) + b"\n"
        packed = zstandard.ZstdCompressor().compress(data) if name.endswith("zst") else data
        (folder / name).write_bytes(packed)
    table = pa.Table.from_pylist(made(2))
    pq.write_table(table, folder / "table.parquet", row_group_size=100, compression="zstd")
    return folder


def planned(tmp_path: Path, *args: object) -> tuple[Done, dict[str, Any]]:
    done = forked("plan", *args, "--json", tmp_path / "plan.json")
    assert done.code == 0, done.err
    return done, json.loads((tmp_path / "plan.json").read_text("utf-8"))


def actual(corpus: Path) -> dict[str, float]:
    """Return of a corpus with its work folder what a plan predicts of it."""
    manifest = json.loads((corpus / "manifest.json").read_text("utf-8"))
    ledger, work = manifest["ledger"], corpus / ".work"

    def size(folder: Path, pattern: str) -> int:
        return sum(path.stat().st_size for path in folder.rglob(pattern))

    return {
        "records_count": ledger["read"],
        "kept_count": ledger["kept"],
        "surplus_count": ledger["surplus"],
        "rejected_count": sum(ledger["rejected"].values()),
        "error_count": sum(ledger["error"].values()),
        "duplicate_count": sum(n for why, n in ledger["rejected"].items() if "duplicate" in why),
        "kept_tokens": sum(d["tokens"] for d in manifest["mixture"]["reached"].values()),
        "signature_bytes": size(work / "curate", "signatures-*.arrow"),
        "part_bytes": size(work / "curate", "part-*.parquet"),
        "index_bytes": size(corpus / "index", "*.arrow"),
        "data_bytes": size(corpus / "data", "*.parquet"),
        "units_count": len(manifest["inputs"]),
    }


def test_a_prediction_from_a_sample_holds_against_a_build(
    inputs: Path, recipe_of_corpora: Path, tmp_path: Path
) -> None:
    given = (inputs, "--recipe", recipe_of_corpora, "--mixture", "none")
    built = forked("build", *given, "--output", tmp_path / "out", "--keep-work", "--quiet")
    assert built.code == 0, built.err
    done, plan = planned(tmp_path, *given, "--sample-frac", 0.2, "--min-sample-mb", 0.1)
    assert 0.05 < plan["sample"]["share"] < 0.6
    real, predicted = actual(tmp_path / "out"), plan["predicted"]
    # Within the interval, widened by a tenth: 5 % of intervals miss, and files of a sample are
    # smaller, so that what each file holds besides its rows weighs more.
    for name in ("records_count", "kept_count", "rejected_count", "kept_tokens", "signature_bytes"):
        found = predicted[name]
        assert 0.9 * found["low"] <= real[name] <= 1.1 * found["high"], name
        assert found["low"] <= found["value"] <= found["high"]
    for name in ("part_bytes", "index_bytes", "data_bytes"):  # a factor of 1.3 either way
        assert predicted[name]["value"] / 1.3 <= real[name] <= 1.3 * predicted[name]["value"], name
    assert predicted["error_count"]["low"] <= real["error_count"] <= 60
    assert predicted["units_count"]["value"] == real["units_count"] == 3
    assert predicted["records_count"]["low"] < predicted["records_count"]["high"]
    assert b"not seen: duplicates across the input" in done.out
    bounds = plan["duplicates"]
    share = real["duplicate_count"] / (real["duplicate_count"] + real["kept_count"])
    assert 0.04 < share < 0.09
    assert bounds["low"] < share < bounds["high"] < 1


def test_what_is_read_whole_is_predicted_to_the_document(
    recipe_of_corpora: Path, corpus: Path, tmp_path: Path
) -> None:
    files = [SAMPLE / name for name in ("web-en.jsonl", "web-zh.jsonl", "crawl-broken.jsonl")]
    given = (*files, SAMPLE / "code", "--recipe", recipe_of_corpora)
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES, "utf-8")
    done, plan = planned(tmp_path, *given, "--prices", prices, "--workers", 2)
    assert plan["sample"]["share"] == 1.0
    real, predicted = actual(corpus), plan["predicted"]
    real["good_count"] = real["kept_count"] + real["surplus_count"]
    names = ("records_count", "good_count", "rejected_count", "error_count", "duplicate_count")
    assert {name: predicted[name]["value"] for name in names} == {
        name: real[name] for name in names
    }
    # What the mixture keeps is about as long as what it leaves out; of code the best are kept.
    assert predicted["kept_tokens"]["value"] == pytest.approx(real["kept_tokens"], rel=0.02)
    assert predicted["kept_count"]["value"] == pytest.approx(real["kept_count"], rel=0.05)
    assert predicted["data_bytes"]["value"] == pytest.approx(real["data_bytes"], rel=0.15)
    assert predicted["index_bytes"]["value"] == pytest.approx(real["index_bytes"], rel=0.05)
    assert all(one["low"] == one["high"] for one in predicted.values())
    assert b"duplicates across" not in done.out
    hours, cost = predicted["core_hours"]["value"], plan["cost"]
    each = plan["per_document"]
    assert sum(each["cpu_seconds"].values()) * real["records_count"] == pytest.approx(3600 * hours)
    assert each["bytes"]["index"] * real["records_count"] == pytest.approx(
        predicted["index_bytes"]["value"]
    )
    assert cost["items"]["vcpu"]["value"] == pytest.approx(2 * hours)
    assert cost["items"]["memory"]["value"] == pytest.approx(0.5 * 4 * hours)
    shuffled = predicted["shuffle_bytes"]["value"]
    assert cost["items"]["shuffle"]["value"] == pytest.approx(shuffled / 1e9 * 10)
    assert cost["sum"]["value"] == pytest.approx(sum(i["value"] for i in cost["items"].values()))


def test_duplicates_that_are_told_take_good_documents_away(
    recipe_of_corpora: Path, tmp_path: Path
) -> None:
    given = (SAMPLE / "web-zh.jsonl", "--recipe", recipe_of_corpora, "--mixture", "none")
    _, plan = planned(tmp_path, *given, "--duplicates", 0.5)
    found = {name: one["value"] for name, one in plan["predicted"].items()}
    # Half of what is open afterwards; a few of the other half fall to the rule on tokens.
    assert 0.9 < found["kept_count"] / found["duplicate_count"] <= 1
    told = found["kept_count"] + found["rejected_count"] + found["error_count"]
    assert told == pytest.approx(found["records_count"])


@pytest.fixture(scope="module")
def site(inputs: Path) -> Iterator[Site]:
    with serving() as found:
        found.files = {path.name: path.read_bytes() for path in inputs.iterdir()}
        yield found


@pytest.mark.parametrize("by_http", [False, True])
@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.zst", "table.parquet"])
def test_a_sample_stands_for_its_file(inputs: Path, site: Site, name: str, by_http: bool) -> None:
    place = site.of(name) if by_http else str(inputs / name)
    [unit] = plan_units([place], target_bytes=1 << 62).units
    options = ReadOptions()
    [stratum] = draw([unit], Sampling(0.3, 1, 1 << 30, seed=1), options)
    [one] = stratum.drawn
    batches = list(one)
    rows = [row for batch in batches for row in batch.column("row").to_pylist()]
    records = [record for batch in batches for record in batch.column("record").to_pylist()]
    assert rows == list(range(one.read))
    assert len(set(records)) == one.read
    assert 0 < one.read < DOCUMENTS
    assert one.factor * one.read == pytest.approx(DOCUMENTS, rel=0.1)
    again = [record for batch in Drawn(unit, one.share, one.sampling, options)
             for record in batch.column("record").to_pylist()]  # fmt: skip
    assert again == records
    whole = Drawn(unit, 1.0, one.sampling, options)
    assert sum(batch.num_rows for batch in whole) == DOCUMENTS
    assert whole.is_whole


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("-",), "plan cannot draw from standard input"),
        (("x.jsonl", "--duplicates", 1.5), "--duplicates is 1.5; it is a share, 0 to 1"),
        (("x.jsonl", "--min-sample-mb", 20), "the first must be above 0 and not above the second"),
        (("x.jsonl", "--workers", 0), "--workers is 0; it must be 1 or more"),
        (("x.jsonl", "--prices", "/nowhere.yaml"), "--prices /nowhere.yaml: cannot be read"),
    ],
)
def test_what_cannot_be_planned_is_refused(args: tuple[object, ...], told: str) -> None:
    done = forked("plan", *args)
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vcpu_hour: 1", "Field required"),
        (PRICES + "gpu_hours: 1", "gpu_hours"),
        (PRICES.replace("2\n", "-2\n"), "vcpu_hour"),
        (PRICES.replace("2026-11-27", "lately"), "date"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_prices_that_cannot_be_are_refused(text: str, told: str, tmp_path: Path) -> None:
    from skypile.errors import UsageError
    from skypile.plan.prices import load_prices

    path = tmp_path / "prices.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=told):
        load_prices(str(path))
