"""The corpus of the bundled sample, built once for all tests."""

from __future__ import annotations

import pytest
from beam_corpus import Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample's corpus with its work folder; tests may look at it and change nothing."""
    return build(tmp_path_factory.mktemp("corpus") / "out", "--keep-work")
