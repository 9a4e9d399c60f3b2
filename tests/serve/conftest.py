"""Fixtures of the service's tests: one service for all that changes nothing about it."""

from __future__ import annotations

import pytest
from serve_runs import running

from skypile.recipe import Recipe, parse_recipe

# Two domains, a text rewritten, a term list: all that the service shows, and no classifier.
RECIPE = """
name: small
description: for tests
steps:
- stages: [normalize, counts, language]
  rules:
  - {reason: empty, column: chars_count, min: 1, source: no text}
  - {reason: too_short, column: words_count, min: 5, domain: [en], source: the tests}
  - {reason: wrong_language, column: domain, in: [en, zh, code], source: three domains}
- stages: [repetition, chinese, {stage: pii, replace: none}]
  rules:
  - {reason: repeated, column: dup_line_char_frac, max: 0.2, domain: [en, zh], source: Gopher}
  - {reason: betting, column: betting_term_frac, max: 0.004, domain: [zh], source: zh_v1}
dedup: {threshold: 0.8}
"""


@pytest.fixture(scope="session")
def small() -> Recipe:
    return parse_recipe(RECIPE, "small.yaml")


@pytest.fixture(scope="session")
def served(small):
    """A service of that recipe; tests change nothing about it."""
    with running(small) as found:
        yield found
