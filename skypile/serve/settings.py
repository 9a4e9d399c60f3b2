"""What bounds the service: one frozen object, filled in by the options of ``skypile serve``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from skypile.errors import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on bodies, on what is under way, on batches and on time.

    Raises UsageError for bounds that cannot be.
    """

    # Of one request: as it was sent, once it is decompressed, where it must be held whole (JSON).
    max_body_bytes: int = 64 << 20
    max_content_bytes: int = 256 << 20
    max_json_bytes: int = 8 << 20
    max_json_documents: int = 1000
    max_documents: int = 100_000
    max_document_bytes: int = 8 << 20
    # A text that is explained: its spans are found by plain Python, at 0.1 MB/s and more.
    max_explain_bytes: int = 256 << 10
    # Of all requests together.
    max_requests: int = 128
    max_queue_documents: int = 4096
    max_queue_bytes: int = 128 << 20
    # One call of the recipe's stages.
    batch_documents: int = 256
    batch_bytes: int = 4 << 20
    batch_wait_seconds: float = 0.01
    timeout_seconds: float = 30.0
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least: float = 0 if field.name in ("batch_wait_seconds", "drain_seconds") else 1
            if field.name == "timeout_seconds":
                least = 0.1
            if not least <= value <= 1 << 40:
                option = field.name.replace("_", "-")
                raise UsageError(f"--{option} is {value:,}; it must be {least:,} or more")
        if self.max_document_bytes > 1 << 30:
            # Offsets in Arrow's strings are 32 bits wide, and a batch holds more than one document.
            raise UsageError(
                f"--max-document-bytes is {self.max_document_bytes:,}; it must be 1,073,741,824 "
                "or less"
            )
        if self.max_queue_bytes > 1 << 31 or self.batch_bytes > 1 << 30:
            raise UsageError(
                "--max-queue-bytes must be 2,147,483,648 or less, --batch-bytes 1,073,741,824"
            )
