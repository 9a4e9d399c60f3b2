"""What tests of several packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "skypile" / "sample"


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
