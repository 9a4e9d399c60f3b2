"""Options of runners: those of phase score apart, and jobs that could not work refused."""

from __future__ import annotations

import pytest

from skypile.beam.runners import runner_options
from skypile.errors import UsageError

DATAFLOW = ["--project=a-project", "--region=europe-west4", "--temp_location=gs://a-bucket/temp"]
IMAGE = "--sdk_container_image=europe-docker.pkg.dev/p/r/skypile-worker:1"


def test_options_of_phase_score_win_over_the_others_and_there_alone() -> None:
    common = ["--machine_type=n2-standard-8", "--experiments=one", *DATAFLOW, IMAGE]
    gpu = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
    score = ["--machine_type=g2-standard-8", f"--dataflow_service_options={gpu}"]
    found = runner_options("Dataflow", common, None, score)
    shared, alone, scoring = (
        options.get_all_options() for options in (found.shared, found.alone, found.score)
    )
    assert shared == alone
    assert shared["machine_type"] == "n2-standard-8"
    assert not shared["dataflow_service_options"]
    assert scoring["machine_type"] == "g2-standard-8"
    assert scoring["dataflow_service_options"] == [gpu]
    assert scoring["experiments"] == shared["experiments"] == ["one"]
    assert {shared["runner"], scoring["runner"]} == {"DataflowRunner"}


def test_another_job_server_may_run_phase_score() -> None:
    found = runner_options("Portable", ["--job_endpoint=a:1"], None, ["--job_endpoint=b:2"])
    assert found.shared.get_all_options()["job_endpoint"] == "a:1"
    assert found.score.get_all_options()["job_endpoint"] == "b:2"


def test_what_a_dataflow_image_holds_is_what_runs() -> None:
    found = runner_options("dataflow", [*DATAFLOW, IMAGE], None)
    assert found.shared.get_all_options()["sdk_location"] == "container"
    given = [*DATAFLOW, IMAGE, "--sdk_location=gs://a-bucket/sdk.tar.gz"]
    found = runner_options("Dataflow", given, None)
    assert found.shared.get_all_options()["sdk_location"] == "gs://a-bucket/sdk.tar.gz"


@pytest.mark.parametrize(
    ("runner", "args", "score", "message"),
    [
        ("Dataflow", DATAFLOW, [], "workers would have no SkyPile"),
        ("Dataflow", [IMAGE, *DATAFLOW[1:]], [], "needs --project"),
        ("Dataflow", [IMAGE, *DATAFLOW[:1]], [], "needs --region"),
        ("Dataflow", [IMAGE, *DATAFLOW[:2]], [], "needs --temp_location"),
        ("Direct", [], ["--job_endpoint=b:2"], "machines of several kinds"),
        ("Flink", [], ["--direct_running_mode=multi_threading"], "multi_threading is refused"),
        ("Flink", [], ["--no_such_option=1"], "unknown option '--no_such_option'"),
    ],
)
def test_what_cannot_work_is_refused(
    runner: str, args: list[str], score: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        runner_options(runner, args, None, score)
