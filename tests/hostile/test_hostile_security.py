"""Secrets stay secret, and names that foreign files give lead nowhere else."""

from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from build_runs import Ended, shared_forge
from web_server import Site, serving

from skypile.errors import InputError, RecipeError, UsageError
from skypile.guard import inside, scrubbed
from skypile.io.remote import filesystem
from skypile.io.responses import Response, ResponseError, unpacked
from skypile.lists import files as list_files
from skypile.lists.files import raw_content
from skypile.phases.begin import SHARD
from skypile.pretrain.token_set import open_token_set

ROOT = Path(__file__).parents[2]
RECIPE = Path(__file__).parent / "recipe.yaml"
PASSWORD, SIGNATURE, KEY = "hunter2-in-the-url", "5ig-of-the-url", "aws-key-of-the-tests"
SECRETS = (PASSWORD, SIGNATURE, KEY)
IDS = ("../../../escaped", "/etc/passwd", "..", "a/../../b", "C:\\x", "x\0y", "-rf", "~root")
TEXT = "The engine of the small boat was in the harbour for many days, and that was all of it. "


def run(*args: object) -> Ended:
    return shared_forge().run(*args)


def lines() -> bytes:
    texts = (
        " ".join(f"{word}{name}" for word in TEXT.split()) + ". " + TEXT for name in "abcdefgh"
    )
    records = ({"id": name, "text": text} for name, text in zip(IDS, texts, strict=True))
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as found:
        found.files = {"a.jsonl": lines(), "x/tool.py": b"print('of the tests')\n"}
        yield found


def secret_url(site: Site, name: str) -> str:
    return f"{site.url.replace('://', f'://me:{PASSWORD}@')}/{name}?X-Amz-Signature={SIGNATURE}"


@pytest.fixture(scope="module")
def corpus(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A corpus from URLs with secrets, its work folder kept, and what the command said."""
    folder = tmp_path_factory.mktemp("security") / "a" / "b" / "corpus"
    urls = [secret_url(site, name) for name in site.files]
    options = ("--recipe", RECIPE, "--no-models", "--mixture", "none", "--keep-work")
    done = run("build", *urls, "--output", folder, *options)
    assert done.code == 0, done.err
    return folder, done


def test_secrets_of_urls_stand_nowhere_in_a_corpus(corpus: tuple[Path, Ended]) -> None:
    folder, done = corpus
    assert shown_secrets(done.out + done.err) == []
    files = [path for path in folder.parent.parent.rglob("*") if path.is_file()]
    assert any("curate" in path.parts and path.suffix == ".json" for path in files)
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(pq.read_table(path).to_pylist()).encode()
        assert shown_secrets(data.decode("utf-8", "replace")) == [], path


def test_ids_that_are_paths_name_no_file(corpus: tuple[Path, Ended]) -> None:
    folder, _ = corpus
    shards = [pq.ParquetFile(path) for path in (folder / "data").rglob("*.parquet")]
    kept = [name for shard in shards for name in shard.read(["id"]).column("id").to_pylist()]
    assert set(IDS) <= set(kept)
    above = folder.parents[1]
    written = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    others = [name for name in written if not SHARD.fullmatch(name)]
    own = r"manifest\.json|\.work/(plan\.json|(curate|pair|tally|publish)/[\w./-]+)|\.skypile\.lock"
    assert [name for name in others if not re.fullmatch(own, name)] == []
    assert not [path for path in above.rglob("*") if path.is_file() and folder not in path.parents]


def shown_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_secrets_are_told_neither_in_errors_nor_in_tracebacks(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYPILE_DEBUG", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    listed = tmp_path / "list.txt"
    listed.write_text(f"{secret_url(site, 'gone.jsonl')}\n", "utf-8")
    nobody = f"http://me:{PASSWORD}@127.0.0.1:1/x.jsonl?X-Amz-Signature={SIGNATURE}"
    bad = f"s3://AKIA:{KEY}@bucket/x.jsonl"
    slashed = f"s3://AKIA:{KEY}/{PASSWORD}@bucket/x.jsonl"
    for args in (
        ("filter", secret_url(site, "gone.jsonl")),
        ("filter", "--files-from", listed),
        ("filter", "--files-from", secret_url(site, "gone.txt")),
        ("filter", nobody),
        ("filter", bad),
        ("filter", slashed),
        ("filter", secret_url(site, "a.jsonl"), "-o", f"s3://AKIA:{KEY}@bucket/out.jsonl"),
        ("build", site.of("a.jsonl"), "--output", f"s3://AKIA:{KEY}@bucket/corpus"),
        ("build", site.of("a.jsonl"), "--output", secret_url(site, "corpus")),
        ("build", site.of("a.jsonl"), "--output", tmp_path / "o", "--work-dir", bad),
        ("build", site.of("a.jsonl"), "--output", tmp_path / "o", f"--s3_secret_key={KEY}"),
        ("verify", bad),
        ("plan", bad, "--no-models"),
    ):
        done = run(*args)
        assert done.code in (1, 2), (args, done.err)
        assert "Traceback" in done.err and "error:" in done.err
        assert shown_secrets(done.out + done.err) == [], (args, done.err)


def test_a_password_in_a_url_is_refused_and_a_user_is_not() -> None:
    for url in (f"s3://a:{KEY}@b/c", f"hdfs://u:{KEY}@h:8020/c", f"s3://a:{KEY}/{PASSWORD}@b/c"):
        with pytest.raises(UsageError, match="do not belong into a URL") as caught:
            filesystem(url)
        assert shown_secrets(str(caught.value)) == []
    _, path = filesystem("gs://anonymous@bucket/key")
    assert path == "bucket/key"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("url: /x?a=1&X-Amz-Signature=abc)", "url: /x?a=1&X-Amz-Signature=***)"),
        ("http://h:80/p@q.jsonl: gone", "http://h:80/p@q.jsonl: gone"),
        ("'https://t0ken@h/p?a=1&b=2', then", "'https://***@h/p?***', then"),
        ("ftp://u:p@h/x", "ftp://***@h/x"),
        ("what?is=this", "what?is=this"),
        ("key is long-enough-secret.", "key is ***."),
    ],
)
def test_what_is_scrubbed_of_messages(text: str, told: str) -> None:
    environment = {"MY_API_KEY": "long-enough-secret", "SHORT_TOKEN": "is", "HOME": "key is"}
    assert scrubbed(text, environment) == told


OUTSIDE = (
    "../x",
    "/etc/passwd",
    "data/../../x",
    "data//x",
    "",
    "s3://b/x",
    "a\\b",
    "data/.",
    "a\0",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_lead_outside_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path within"):
        inside(path)


@pytest.mark.parametrize("command", ["verify", "forget", "tokenize", "explain", "index"])
def test_a_manifest_that_names_files_outside_is_refused(
    command: str, corpus: tuple[Path, Ended], tmp_path: Path
) -> None:
    folder, victim = tmp_path / "corpus", tmp_path / "victim.parquet"
    shutil.copytree(corpus[0], folder, ignore=shutil.ignore_patterns(".work"))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / manifest["shards"][0]["path"]).rename(victim)
    manifest["shards"][0]["path"] = "data/../../victim.parquet"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    more = {
        "forget": ("--id", IDS[0]),
        "explain": ("--id", IDS[0]),
        "tokenize": ("--output", tmp_path / "tokens"),
    }
    done = run(command, folder, *more.get(command, ()))
    assert done.code == 1
    assert "is no path within the folder" in done.out + done.err
    assert victim.exists()


def test_a_token_set_that_names_files_outside_is_refused(tmp_path: Path) -> None:
    stream = {"split": "train", "domain": "en", "subset": None, "path": "../x"}
    manifest = {
        "format_version": 1, "corpus": {}, "validation": {},
        "tokenizer": {"sha256": "", "vocab_size": 2, "bos": None, "eos": ""},
        "streams": [stream | {"documents": 1, "tokens": 1}],
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(InputError, match="no path within the folder"):
        open_token_set(tmp_path)


def test_a_recipe_runs_no_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{mark}']\nsteps: []\n", "utf-8")
    done = run("filter", "x.jsonl", "--recipe", path)
    assert done.code == 2
    assert "not YAML" in done.err
    assert not mark.exists()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_list_that_unpacks_to_too_much_is_refused(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "terms.txt.packed"
    path.write_bytes(pack(b"word\n" * 200_000) + pack(b"last\n"))
    assert raw_content(path).endswith(b"word\nlast\n")
    assert len(raw_content(path)) == 1_000_005
    monkeypatch.setattr(list_files, "MAX_BYTES", 1_000_004)
    with pytest.raises(RecipeError, match="holds over 1,000,004 bytes"):
        raw_content(path)
    path.write_bytes(path.read_bytes()[:-6])
    monkeypatch.setattr(list_files, "MAX_BYTES", 1 << 31)
    with pytest.raises(RecipeError, match="the list is damaged"):
        raw_content(path)


def test_encodings_one_in_another_have_an_end() -> None:
    body = b"<html>of the tests</html>"
    for count in range(1, 7):
        body = gzip.compress(body)
        headers = {"content-encoding": ",".join(["gzip"] * count)}
        response = Response(200, headers, body)
        if count <= 5:
            assert unpacked(response, 1000) == b"<html>of the tests</html>"
            continue
        with pytest.raises(ResponseError, match="6 encodings one in another") as caught:
            unpacked(response, 1000)
        assert caught.value.reason == "bad_compression"


# Modules and functions that run what a file says, and what must stand in calls that load models.
CODE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
CODE_CALLS = {"eval", "exec", "unsafe_load", "full_load", "load_pickle", "read_pickle", "system"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("skypile", "classifiers", "pipelines"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sample" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = {alias.name.partition(".")[0] for alias in node.names}
                    module = getattr(node, "module", None) or ""
                    assert not CODE_MODULES & {*names, module.partition(".")[0]}, path
                elif isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_no_data_and_no_model_is_run() -> None:
    loaded = 0
    for place, call in calls():
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        of = getattr(getattr(call.func, "value", None), "id", "")
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        # A module of torch is put into evaluation by a method of that name, without arguments.
        method = name == "eval" and isinstance(call.func, ast.Attribute) and not call.args
        assert name not in CODE_CALLS or method, place
        assert (of, name) not in {("yaml", "load"), ("torch", "load")}, place
        assert given.get("shell", "False") == "False", place
        assert given.get("allow_pickle", "False") == "False", place
        if name == "from_pretrained" and of.startswith("Auto"):
            loaded += 1
            assert given.get("trust_remote_code") == "False", place
            if of.startswith("AutoModel"):
                assert given.get("use_safetensors") == "True", place
    assert loaded >= 5
