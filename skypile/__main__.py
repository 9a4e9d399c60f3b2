"""``python -m skypile`` is ``skypile``."""

from __future__ import annotations

import sys

from skypile.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
