"""The audit of pinned packages fails on what is known and not reviewed, and says what it cannot."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from web_server import Site, serving

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
FLAW = {
    "id": "PYSEC-2026-7", "aliases": ["CVE-2026-7"], "summary": "a hole", "fixed_in": ["2.0"],
    "withdrawn": None,
}  # fmt: skip
SAME = FLAW | {"id": "GHSA-xxxx", "aliases": ["CVE-2026-7", "PYSEC-2026-7"]}
REVIEW = """
- {id: CVE-2026-7, package: Hole_Y, reason: never called from here, reviewed: 2026-11-27,
   expires: %s}
"""


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("skypile_dependency_audit", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


def page(version: str, *found: dict[str, Any]) -> bytes:
    return json.dumps({"info": {"version": version}, "vulnerabilities": list(found)}).encode()


def by_release(site: Site, *found: dict[str, Any]) -> None:
    site.files = {"sound/1.0/json": page("1.0"), "hole-y/1.5/json": page("1.5", *found)}


def by_project(site: Site, *found: dict[str, Any]) -> None:
    site.files = {"sound/json": page("3.0"), "hole-y/json": page("1.5", *found)}


@pytest.fixture
def run(audit: ModuleType, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def called(ignore: str = "[]", *options: str, api: str = "") -> tuple[int, str]:
        pins, reviews = tmp_path / "constraints.txt", tmp_path / "ignore.yaml"
        pins.write_text("# pins\nsound==1.0\nHole_Y==1.5  # the last\n", "utf-8")
        reviews.write_text(ignore, "utf-8")
        given = ["--constraints", str(pins), "--ignore", str(reviews), "--api", api or site.url]
        return audit.main([*given, *options]), capsys.readouterr().out

    return called


@pytest.mark.parametrize("serve", [by_release, by_project])
def test_a_known_vulnerability_fails_once(serve: Any, site: Site, run: Any) -> None:
    serve(site, FLAW, SAME)
    code, out = run()
    assert code == 1
    assert out.count("VULNERABLE") == 1
    assert "hole-y==1.5: CVE-2026-7/PYSEC-2026-7, fixed in 2.0: a hole" in out


@pytest.mark.parametrize("serve", [by_release, by_project])
def test_one_that_is_reviewed_or_withdrawn_does_not(serve: Any, site: Site, run: Any) -> None:
    serve(site, FLAW, SAME)
    code, out = run(REVIEW % "2999-01-01")
    assert code == 0
    assert "reviewed on 2026-11-27: never called from here" in out
    serve(site, FLAW | {"withdrawn": "2026-11-01T00:00:00Z"})
    code, out = run(REVIEW % "2999-01-01")
    assert code == 0
    assert "Hole_Y CVE-2026-7: reviewed, and not found" in out


def test_a_review_that_expired_fails(site: Site, run: Any) -> None:
    by_release(site, FLAW)
    code, out = run(REVIEW % "2026-11-28".replace("2026", "2020"))
    assert code == 1
    assert "its review expired on 2020-11-28" in out


def test_an_older_release_that_only_its_project_is_known_of_is_named(site: Site, run: Any) -> None:
    by_project(site)
    code, out = run()
    assert code == 0
    assert "1 of 2 pins checked" in out
    assert "NOT CHECKED 1:" in out and "sound==1.0" in out
    assert run("[]", "--strict")[0] == 1


@pytest.mark.parametrize("served", [{}, {"sound/1.0/json": b"<html>"}])
def test_where_nothing_answers_it_says_so_and_goes_on(
    served: dict[str, bytes], site: Site, run: Any
) -> None:
    site.files = served
    for api in ("", "http://127.0.0.1:9"):
        code, out = run(api=api)
        assert code == 0
        assert "NOTHING WAS CHECKED" in out
    assert run("[]", "--strict")[0] == 1
    assert all("hole" not in path.lower() for path, _ in site.log)


@pytest.mark.parametrize(
    "ignore", ["- {id: X}", "a: b", "- !!python/name:os.system", REVIEW % "soon"]
)
def test_a_list_of_reviews_that_is_none_is_refused(ignore: str, run: Any) -> None:
    code, _ = run(ignore)
    assert code == 2


def test_the_files_of_the_repository_can_be_read(audit: ModuleType) -> None:
    pins = audit.pins_of(SCRIPT.parents[1] / "constraints.txt")
    assert len({pin.name for pin in pins}) == len(pins) > 50
    for entry in audit.reviewed_of(SCRIPT.with_name("audit-ignore.yaml")):
        assert entry.package in {pin.name for pin in pins}
        assert entry.reviewed < entry.expires
