"""Commands in processes of their own, forked from one that has loaded everything.

Nearly all time of a small build is spent on loading Beam, torch and compiled kernels: three to ten
seconds of processor time, of which a fork spares all. Reads requests as lines of JSON, answers each
with one.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]


def load() -> None:
    """Load what builds need; nothing here may start a thread."""
    import apache_beam.ml.inference.base  # noqa: F401
    import torch
    from documents import batch_of

    import skypile.beam.build
    import skypile.beam.handler
    import skypile.cli.build
    import skypile.cli.explain
    import skypile.cli.filter
    import skypile.cli.main
    import skypile.cli.verify  # noqa: F401
    from classifiers.model import load as load_classifier
    from skypile.curate import annotate, run_steps
    from skypile.recipe import load_recipe
    from skypile.stages.second_opinion import second_opinion
    from skypile.stages.signature import Signature
    from skypile.tokens import DEFAULT_TOKENIZER, load_encoder

    # Threads of a pool do not outlive a fork.
    torch.set_num_threads(1)
    load_classifier("default", threads=1, device="cpu")
    recipe = load_recipe(str(ROOT / "tests" / "data" / "light.yaml"))
    texts = ["One page of plain text about nothing.", "没有任何内容的一页纯文本。", "Une page."]
    annotate(run_steps(batch_of(texts), recipe.steps), [Signature()])
    second_opinion(texts[-1], 0)
    load_encoder(DEFAULT_TOKENIZER)


def become(request: dict) -> None:
    """Run the command and end; never returns."""
    os.setsid()
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), number)
    os.dup2(os.open(request["stdin"], os.O_RDONLY), 0)
    if request["largest_file"] is not None:
        # The kernel itself then ends the process in the middle of a write.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])
    code = 70
    try:
        if "SKYPILE_STRIKE" in request["env"]:
            from sitecustomize import install

            install(json.loads(request["env"]["SKYPILE_STRIKE"]))
        from skypile.cli.main import run

        code = run(request["argv"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - nothing may get out of the fork
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def main() -> None:
    """Serve until standard input ends."""
    load()
    for line in sys.stdin:
        request = json.loads(line)
        if "argv" in request:
            pid = os.fork()
            if pid == 0:
                become(request)
            answer: object = pid
        else:
            _, status = os.waitpid(request["wait"], os.WUNTRACED)
            stopped = os.WIFSTOPPED(status)
            answer = None if stopped else os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
