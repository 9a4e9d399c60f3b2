"""A finished corpus: its manifest, and whether it is what the manifest says."""

from skypile.verify.check import Findings, verify

__all__ = ["Findings", "verify"]
