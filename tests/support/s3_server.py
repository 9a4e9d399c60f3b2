"""An S3 store on this machine: moto's server in a process of its own, and buckets in it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow.fs as pafs

# The port is the server's choice; it ends when its standard input does.
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Bucket:
    """A bucket of the local store."""

    name: str
    system: pafs.S3FileSystem

    def url(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> str:
        """Write an object and return its URL."""
        with self.system.open_output_stream(f"{self.name}/{key}", compression=None) as stream:
            stream.write(data)
        return self.url(key)

    def get(self, key: str) -> bytes:
        with self.system.open_input_stream(f"{self.name}/{key}", compression=None) as stream:
            return bytes(stream.read())

    def get_or_none(self, key: str) -> bytes | None:
        """Return the content of an object, None where there is none."""
        return self.get(key) if key in self.keys() else None

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of all objects below `prefix`."""
        selector = pafs.FileSelector(f"{self.name}/{prefix}", recursive=True, allow_not_found=True)
        found = self.system.get_file_info(selector)
        names = (info.path for info in found if info.type == pafs.FileType.File)
        return sorted(name.removeprefix(f"{self.name}/") for name in names)


@contextmanager
def s3_store() -> Iterator[str]:
    """Run the server; yield its URL."""
    command = [sys.executable, "-c", SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as server:
        assert server.stdin is not None and server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def new_bucket(endpoint: str) -> Bucket:
    """Make a bucket in the store at `endpoint`."""
    address = endpoint.removeprefix("http://")
    system = pafs.S3FileSystem(
        access_key=SETTINGS["AWS_ACCESS_KEY_ID"],
        secret_key=SETTINGS["AWS_SECRET_ACCESS_KEY"],
        region=SETTINGS["AWS_REGION"],
        endpoint_override=address,
        scheme="http",
        allow_bucket_creation=True,
    )
    bucket = Bucket(f"tests-{uuid.uuid4().hex}", system)
    system.create_dir(bucket.name)
    return bucket
