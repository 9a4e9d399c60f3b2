"""Remote file systems by URL: gs://, s3://, hdfs:// and file://, as pyarrow opens them.

What may be gone at the next try (a store that is busy, a connection that breaks) is tried again,
after longer and longer pauses. Every wait has an end: a store that does not answer fails a run
with a sentence within about two minutes, where the libraries' own defaults wait for three (S3) or
fifteen (Google) and more.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from skypile.errors import UsageError

__all__ = ["IN_BUCKET", "filesystem", "has_scheme", "is_http", "shown", "why"]

# Object stores call the bucket the first folder; local files and HDFS have a root instead.
IN_BUCKET = frozenset({"s3", "gs", "gcs", "abfs", "abfss"})
S3_CONNECT_SECONDS = 10
S3_SILENT_SECONDS = 20  # without a byte, after which a request counts as failed
# Between them the library waits for up to 1, 2, 4 and 8 s, by chance.
S3_TRIES = 5
GCS_RETRY_SECONDS = 60


def has_scheme(path: str) -> bool:
    """Tell whether `path` is a URL and no local path."""
    return "://" in path


def is_http(path: str) -> bool:
    """Tell whether `path` is a URL of a web server."""
    return path[:8].lower().startswith(("http://", "https://"))


def shown(path: str) -> str:
    """Return `path` without what may be secret or new each day: a URL's user, query and fragment.

    >>> shown("https://me:key@host/a/b.jsonl?signature=1")
    'https://host/a/b.jsonl'
    >>> shown("s3://bucket/what?.jsonl")
    's3://bucket/what?.jsonl'
    """
    if not is_http(path):
        return path
    try:
        parts = urlsplit(path)
    except ValueError:
        return path.partition("?")[0]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{parts.path.strip('/')}"


def filesystem(path: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system in which `path` lies, and the path as that names it.

    Nothing in a URL is decoded: spaces, ``%``, ``#`` and ``?`` belong to a key. Raises UsageError
    where no such file system can be opened.
    """
    if not has_scheme(path):
        return pafs.LocalFileSystem(), path
    scheme, _, rest = path.partition("://")
    host, _, inner = rest.partition("/")
    _refuse_password(scheme, host, rest)
    # The environment is part of the key, so that tests and long-lived processes may change it.
    system = _opened(scheme, host, _s3_endpoint() if scheme == "s3" else None)
    if scheme in IN_BUCKET:
        return system, f"{host.rpartition('@')[2]}/{inner}"
    return system, f"/{inner}"


def _refuse_password(scheme: str, host: str, rest: str) -> None:
    """Raise UsageError for a URL with a password, which would stand in manifests and messages.

    A key may hold slashes, and then ends the host too early: no bucket has a colon in its name.
    """
    user = host.rpartition("@")[0]
    if ":" in user or (scheme in IN_BUCKET and ":" in host):
        end = rest.rpartition("@")[2].partition("/")[0]
        raise UsageError(
            f"{scheme}://...@{end}: keys and passwords do not belong into a URL, where they would "
            "be stored and shown; give them by the environment (S3: AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role)"
        )


def _s3_endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


@lru_cache(maxsize=64)
def _opened(scheme: str, host: str, endpoint: str | None) -> pafs.FileSystem:
    try:
        if scheme == "s3":
            return _s3(host, endpoint)
        ending = f"?retry_limit_seconds={GCS_RETRY_SECONDS}" if scheme in ("gs", "gcs") else ""
        return pafs.FileSystem.from_uri(f"{scheme}://{host}/{ending}")[0]
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{scheme}://{host}: cannot be opened ({why(error)}); known are local paths, "
            "gs://, s3://, hdfs://, file://, and as inputs http:// and https://"
        ) from error


def _s3(bucket: str, endpoint: str | None) -> pafs.FileSystem:
    # Not from_uri: it takes neither timeouts nor a bound on retries, and waits 100 s for a silent
    # endpoint and 200 s for a body that stalls.
    if endpoint is None:
        region = pafs.resolve_s3_region(bucket)
    else:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    scheme, _, address = endpoint.partition("://") if endpoint else ("https", "", None)
    return pafs.S3FileSystem(
        region=region,
        scheme=scheme,
        endpoint_override=address.rstrip("/") if address else None,
        connect_timeout=S3_CONNECT_SECONDS,
        request_timeout=S3_SILENT_SECONDS,
        # A small file is then one request, not the three of an upload in parts.
        allow_delayed_open=True,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=S3_TRIES),
    )


def why(error: Exception) -> str:
    """Return what a file system's error says, in one line, without numbers of requests."""
    text = re.sub(r" \(Request ID: [^)]*\)|\[[Ee]rrno \d+\] |\. Detail: .*", "", str(error))
    text = re.sub(r" ?error_info=\{.*|dlopen\(.*", "", " ".join(text.split()))
    return text.strip(" .:,")[:500] or type(error).__name__
