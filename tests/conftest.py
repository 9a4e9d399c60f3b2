"""What tests of several packages share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from s3_server import SETTINGS, Bucket, new_bucket, s3_store

# How long inputs take to be made, and tests to run, depends on what else the machine does.
settings.register_profile("skypile", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("skypile")

SAMPLE = Path(__file__).parents[1] / "skypile" / "sample"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no process works alone on one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def sample() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside a developer's checkout; tests that need it skip where it is not."""
    folder = os.environ.get("SKYPILE_SHARED")
    if not folder:
        pytest.skip("SKYPILE_SHARED is not set")
    return Path(folder) / "data"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 store on this machine."""
    with s3_store() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A new bucket in that store, which this process and its children find by s3://."""
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": s3_endpoint}.items():
        monkeypatch.setenv(name, value)
    return new_bucket(s3_endpoint)
