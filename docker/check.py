"""Build the images of docker/Dockerfile without an engine and without a registry, and start them.

    apt-get install buildah debootstrap
    python docker/check.py FOLDER [--targets worker trainer] [--wheels FOLDER]

Needs root, Debian's packages and PyPI, 15 GB in FOLDER and a quarter of an hour of two cores for
each target. The two base images, which come from a registry, are replaced: that of Python by a
Debian bookworm of debootstrap with its Python 3.11, that of Beam's harness by one without `boot`.
All else is what an engine does: buildah takes every instruction of the Dockerfile in its order, in
a root folder of its own (chroot), by the user whom it names. Then the commands in CHECKS are run in
each image, as its user, and what they say is compared with what they must say.

--wheels names a folder of wheels that pip takes before those of PyPI, for instance of a torch
without CUDA: without it the targets with CUDA load 3 GB. Prints Markdown; exit code 1 where
anything differs.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BASE, HARNESS = "localhost/skypile-check-base", "localhost/skypile-check-harness"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WHEELS = "/opt/check-wheels"
SAMPLE = "$(python -c 'import skypile; print(skypile.__path__[0])')/sample"
BUILD = f"skypile build {SAMPLE} --no-models --mixture none --output"

# The user may write into the folder of kernels, so one that is compiled anew would lie there.
KERNELS = "$(find $NUMBA_CACHE_DIR -name '*.nbc' | wc -l)"
BEFORE, AFTER = f"kernels={KERNELS}", f'echo "kernels: $kernels {KERNELS}"'
KEPT = r"kernels: ([1-9]\d*) \1\n"


@dataclass(frozen=True)
class Check:
    """A command that is run in an image: what it shows, and what its output must match."""

    shows: str
    command: str
    expected: str
    read_only: bool = False


POOL = """
python -m apache_beam.runners.worker.worker_pool_main --service_port 50000 2>/tmp/pool &
for n in $(seq 60); do {health} 2>/dev/null && break; sleep 1; done
{health} && echo taken; kill $!
"""
USER = [
    Check("runs as user 10001", "id -u", r"10001"),
    Check("cannot write its packages", "touch /opt/skypile/x 2>&1 || true", r"Permission denied"),
    Check(
        "packages are those of constraints.txt",
        "pip freeze --all --exclude pip --exclude skypile | sed 's/+cpu$//'",
        r"(?m)^apache-beam==",
    ),
]
WORKER = [
    *USER,
    Check("skypile starts", "skypile --help", r"build\s+build a corpus"),
    Check("beam starts", "beam run /opt/pipelines/build_skypile.py --help", r"--runner"),
    Check(
        "the sample is built and verified, and no kernel compiled anew",
        f"{BEFORE}; {BUILD} /tmp/corpus 2>&1 && skypile verify /tmp/corpus 2>&1 && {AFTER}",
        rf"(?s)/tmp/corpus/manifest\.json.*{KEPT}",
    ),
    Check("the health check of a worker pool passes", POOL, r"taken"),
    Check("it passes on a read-only root file system", POOL, r"taken", read_only=True),
    Check("the harness of the image", "ls /opt/apache/beam", r"boot-is-not-here"),
]
# Ten steps on the sample, which is too small for the bundled configurations and has no STEM.
SHORT = """
model: tiny
seq_len: 512
batch_tokens: 4096
micro_batch_rows: 8
execution: {attention: dense, compiled: none, loss_chunk_tokens: 128}
checkpoints: {every_steps: 5, keep: 1}
stages:
- name: main
  tokens: 40_960
  mixture: {en: 5, zh: 4, code: 1}
  lr: {schedule: constant, from: 1e-3}
"""
TRAINER = [
    *USER,
    Check("torchrun starts", "torchrun --help", r"--nproc-per-node"),
    Check("a C compiler is there", "gcc --version", r"gcc"),
    Check(
        "a tiny model trains on the CPU",
        # Engines write a container's name into its /etc/hosts; buildah's chroot does not.
        f"{BUILD} /tmp/corpus --quiet && skypile tokenize /tmp/corpus --output /tmp/tokens"
        f" && printf %s {shlex.quote(SHORT)} > /tmp/short.yaml"
        " && torchrun --standalone --local-addr localhost -m skypile pretrain /tmp/tokens"
        " --config /tmp/short.yaml --output /tmp/run --device cpu --threads 1 2>&1"
        " && ls /tmp/run/checkpoints",
        r"step-\d+",
    ),
]
# Asks the service as clients do. Its first check writes down what is answered, the others read it.
ASK = """
import json, time, urllib.error, urllib.request
import skypile
KEY, TYPE = "a-key-of-the-check-0001", "application/x-ndjson"
def ask(path, body=None, key=None):
    headers = {"Content-Type": TYPE} | ({"X-API-Key": key} if key else {})
    request = urllib.request.Request("http://127.0.0.1:8000" + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return error, b""
def until_good(path):
    end = time.monotonic() + 900
    while ask(path)[0] != 200 and time.monotonic() < end:
        time.sleep(1)
    print(path, ask(path)[0], flush=True)
until_good("/healthz")
until_good("/readyz")
body = open(skypile.__path__[0] + "/sample/web-en.jsonl", "rb").read()
print("no key:", ask("/v1/curate", body)[0])
print("another key:", ask("/v1/curate", body, KEY[::-1])[0])
status, told = ask("/v1/curate?columns=none", body, KEY)
print("the key:", status)
lines = [json.loads(line) for line in told.splitlines()]
print("outcomes:", *(line["outcome"] for line in lines[:-1]))
print("lines:", body.count(b"\\n"), json.dumps(lines[-1:]), flush=True)
"""
SERVED = f"""
{BEFORE}
export SKYPILE_API_KEY=a-key-of-the-check-0001
{{entrypoint}} 2>/tmp/log & served=$!
python -c {shlex.quote(ASK)} >/tmp/told 2>&1; {{health}} && echo "health check: $?" >>/tmp/told
kill -TERM $served; wait $served; echo "ended: $?" >>/tmp/told; {AFTER} >>/tmp/told
cat /tmp/told /tmp/log
"""
TOLD = "cat /tmp/told"
SERVICE = [
    *USER,
    Check("does not start without a key", "{entrypoint} 2>&1 || true", r"give --api-key-file FILE"),
    Check("skypile serve starts", SERVED, r'"event": ?"ready"'),
    Check("no kernel is compiled anew", TOLD, KEPT),
    Check("/healthz and /readyz answer", TOLD, r"/healthz 200\n/readyz 200\n"),
    Check("its health check passes", TOLD, r"(?m)^health check: 0$"),
    Check("401 without the key, 403 with another", TOLD, r"no key: 401\nanother key: 403\n"),
    Check(
        "documents that are posted are judged: some kept, some rejected",
        TOLD,
        r"the key: 200\noutcomes: (?=.*kept)(?=.*rejected)",
    ),
    Check(
        "each document has its answer",
        TOLD,
        r'(?m)^lines: (\d+) \[\{"summary": \{"read": \1, .*"complete": true',
    ),
    Check("SIGTERM ends it with 0", TOLD, r"(?m)^ended: 0$"),
    Check(
        "all the same on a read-only root file system",
        SERVED,
        r"(?s)the key: 200\noutcomes: .*kept.*ended: 0\n",
        read_only=True,
    ),
]
CHECKS = {"worker": WORKER, "service": SERVICE, "trainer": TRAINER, "worker-gpu": WORKER}


class Builder:
    """buildah, with all that it keeps in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        where = ["--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self.command = ["buildah", *where]

    def run(self, *args: str, log: Path | None = None) -> str:
        """Run buildah and return what it wrote to stdout; a fault ends the script.

        With `log` all that it says goes there while it runs, and nothing is returned.
        """
        command, told = [*self.command, *args], ""
        if log:
            with log.open("w", encoding="utf-8") as file:
                code = subprocess.run(
                    command, check=False, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
                ).returncode
            shown = log.read_text("utf-8", "replace")[-3000:] if code else ""
        else:
            done = subprocess.run(command, text=True, check=False, cwd=ROOT, stdout=subprocess.PIPE)
            code, told = done.returncode, done.stdout.strip()
            shown = told
        if code:
            sys.exit(f"buildah {' '.join(args)}: {code}\n{shown}")
        return told

    def inside(self, container: str, command: str) -> tuple[int, str]:
        """Run a shell command as the image's user; return its exit code and all that it said."""
        run = ["run", "--isolation", "chroot", container, "--", "sh", "-c", command]
        return _told([*self.command, *run])

    def inside_read_only(
        self, container: str, command: str, config: dict[str, Any]
    ) -> tuple[int, str]:
        """The same where nothing can be written but a fresh /tmp, as the manifests have it.

        buildah's chroot has no such option; so this is a chroot of our own.
        """
        root = shlex.quote(self.run("mount", container))
        inner = shlex.join(["env", "-i", *config["Env"], "sh", "-c", command])
        steps = [
            # Every engine gives a container its /etc/hosts; buildah does so for `run`.
            f"touch {root}/etc/hosts", f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev",
            f"mount --bind /etc/hosts {root}/etc/hosts", f"mount -t tmpfs tmpfs {root}/tmp",
            f"exec chroot --userspec {config['User']} {root} {inner}",
        ]  # fmt: skip
        found = _told(["unshare", "--mount", "--", "sh", "-c", " && ".join(steps)])
        self.run("umount", container)
        return found


def _told(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def make_bases(builder: Builder, certificates: Path) -> None:
    """Make the two images that would come from a registry, unless an earlier run has."""
    known = builder.run("images", "--all", "--format", "{{.Name}}").split()
    if BASE not in known:
        folder = builder.folder / "base"
        shutil.rmtree(folder, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm"]
        subprocess.run([*command, str(folder)], check=True, stdout=subprocess.DEVNULL)
        shutil.copyfile(certificates, folder / CERTIFICATES.lstrip("/"))
        container = builder.run("from", "scratch")
        builder.run("add", "--quiet", container, str(folder), "/")
        builder.run(
            "config", "--env", f"PIP_CERT={CERTIFICATES}", "--env", f"PATH={PATH}", container
        )
        builder.run("commit", "--quiet", "--rm", container, BASE)
    if HARNESS not in known:
        told = builder.folder / "boot-is-not-here"
        told.touch()
        container = builder.run("from", "scratch")
        builder.run("add", "--quiet", container, str(told), "/opt/apache/beam/")
        builder.run("commit", "--quiet", "--rm", container, HARNESS)


def build(builder: Builder, target: str, args: argparse.Namespace) -> tuple[str, float]:
    """Build a target; return its image's name and the seconds."""
    begun = time.monotonic()
    name = f"localhost/skypile-check-{target}"
    # Older buildahs leave a stage out whose name stands in an argument.
    text = (ROOT / "docker/Dockerfile").read_text("utf-8")
    for argument, value in re.findall(r"(?m)^ARG (\w+)=([\w-]+)$", text):
        text = text.replace(f"FROM ${{{argument}}}", f"FROM {value}")
    file = builder.folder / "Dockerfile"
    file.write_text(text, "utf-8")
    more = ["--volume", f"{args.wheels}:{WHEELS}:ro"] if args.wheels else []
    more += ["--env", f"PIP_FIND_LINKS={WHEELS}"] if args.wheels else []
    builder.run(
        "build", "--isolation", "chroot", "--format", "docker", "--layers", "--file",
        str(file), "--ignorefile", ".dockerignore", "--target", target, "--tag", name,
        "--build-arg", f"BASE={BASE}", "--build-arg", f"HARNESS={HARNESS}",
        "--build-arg", "TORCH_INDEX=https://pypi.org/simple", *more, ".",
        log=builder.folder / f"{target}.log",
    )  # fmt: skip
    return name, time.monotonic() - begun


def unpinned(told: str) -> list[str]:
    """Return the packages of an image that constraints.txt does not pin to what is there."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = {_normal(line) for line in lines if "==" in line}
    return [line for line in told.split() if "==" in line and _normal(line) not in pins]


def _normal(pin: str) -> str:
    return re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() + pin[pin.index("==") :]


def check(builder: Builder, target: str, image: str) -> bool:
    """Run the checks of an image, print a row for each, and return whether all went well."""
    container = builder.run("from", "--pull-never", image)
    told = json.loads(builder.run("inspect", "--type", "image", image))
    config = told["Docker"]["config"]
    given = {
        "{health}": shlex.join(config["Healthcheck"]["Test"][1:]),
        "{entrypoint}": shlex.join(config["Entrypoint"]),
    }
    whole = True
    for one in CHECKS[target]:
        command = one.command
        for name, what in given.items():
            command = command.replace(name, what)
        if one.read_only:
            code, told = builder.inside_read_only(container, command, config)
        else:
            code, told = builder.inside(container, command)
        loose = unpinned(told) if "constraints" in one.shows else []
        good = code == 0 and re.search(one.expected, told) is not None and not loose
        whole &= good
        print(f"| {target} | {one.shows} | {'yes' if good else '**no**'} |", flush=True)
        if not good:
            print(f"{command}: {code}\n{loose or told[-2000:]}", file=sys.stderr)
    builder.run("rm", container)
    return whole


def main() -> None:
    """Build and check all targets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--targets", nargs="+", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--certificates", type=Path, default=CERTIFICATES)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    builder = Builder(args.folder.absolute())
    make_bases(builder, args.certificates)
    whole = True
    rows = ["| image | built in s | MB |", "|---|---|---|"]
    print("| image | what | so it is |\n|---|---|---|")
    for target in args.targets:
        image, seconds = build(builder, target, args)
        listed = builder.run("images", "--format", "{{.Size}}", image)
        rows.append(f"| {target} | {seconds:.0f} | {listed} |")
        whole &= check(builder, target, image)
    print("\n" + "\n".join(rows))
    if not whole:
        sys.exit(1)


if __name__ == "__main__":
    main()
