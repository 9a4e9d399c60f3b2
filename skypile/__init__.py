"""Data curation for bilingual LLM pre-training corpora."""

from __future__ import annotations

__version__ = "0.1.0"
