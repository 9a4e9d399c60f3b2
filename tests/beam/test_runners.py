"""Options of runners: those of phase score apart, and jobs that could not work refused."""

from __future__ import annotations

import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.spark_runner import SparkJarJobServer

from skypile.beam.execute import run_pipeline
from skypile.beam.runners import runner_options
from skypile.errors import RunError, UsageError

DATAFLOW = ["--project=a-project", "--region=europe-west4", "--temp_location=gs://a-bucket/temp"]
IMAGE = "--sdk_container_image=europe-docker.pkg.dev/p/r/skypile-worker:1"
SERVER = ["--job_endpoint=a:1", "--environment_type=LOOPBACK"]
JAVA = f"--job_server_java_launcher={sys.executable}"


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
    common = ["one", "disable_logging_submission_environment"]
    assert shared["experiments"] == common
    # One process for the machine's GPU, not one for each of its cores.
    assert scoring["experiments"] == [*common, "no_use_multiple_sdk_containers"]
    assert {shared["runner"], scoring["runner"]} == {"DataflowRunner"}


def test_another_job_server_may_run_phase_score() -> None:
    given = ["--job_endpoint=a:1", "--environment_type=LOOPBACK"]
    found = runner_options("Portable", given, None, ["--job_endpoint=b:2"])
    assert found.shared.get_all_options()["job_endpoint"] == "a:1"
    assert found.score.get_all_options()["job_endpoint"] == "b:2"


def test_what_a_dataflow_image_holds_is_what_runs() -> None:
    found = runner_options("dataflow", [*DATAFLOW, IMAGE], None)
    assert found.shared.get_all_options()["sdk_location"] == "container"
    given = [*DATAFLOW, IMAGE, "--sdk_location=gs://a-bucket/sdk.tar.gz"]
    found = runner_options("Dataflow", given, None)
    assert found.shared.get_all_options()["sdk_location"] == "gs://a-bucket/sdk.tar.gz"


def test_a_job_server_that_is_not_there_is_one_sentence() -> None:
    given = ["--job_endpoint=localhost:1", "--environment_type=LOOPBACK", "--job_server_timeout=1"]
    options = runner_options("Portable", given, None).of("curate", 1)
    with pytest.raises(RunError, match="--job_endpoint localhost:1: no job server answers") as told:
        run_pipeline("curate", beam.Create([1]), options)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("runner", ["Flink", "Spark"])
def test_a_local_engine_has_workers_in_this_process(runner: str) -> None:
    runner_options(runner, [JAVA], None)  # is not refused: Beam takes LOOPBACK then


def test_spark_s_job_server_is_called_with_the_master(tmp_path: Path) -> None:
    jar = tmp_path / "server.jar"
    jar.touch()
    given = [JAVA, f"--spark_job_server_jar={jar}", "--spark_master_url=spark://a:7077"]
    workers = ["--environment_type=EXTERNAL", "--environment_config=localhost:50000"]
    options = runner_options("Spark", [*given, *workers, "--job_port=8099"], None).of("pair", 3)
    command, endpoint = SparkJarJobServer(options).subprocess_cmd_and_endpoint()
    told = " ".join(map(str, command))
    assert command[0] == sys.executable and endpoint == "localhost:8099"
    assert f"-jar {jar} --spark-master-url spark://a:7077" in told and "--job-port 8099" in told


def test_each_pipeline_has_a_name_of_its_own_and_local_ones_need_none() -> None:
    found = runner_options("Portable", [*SERVER, "--job_name=crawl-7"], None)
    names = [found.of(phase, number).get_all_options()["job_name"]
             for number, phase in enumerate(("curate", "score"), 1)]  # fmt: skip
    assert names == [f"crawl-7-curate-{found.run}-1", f"crawl-7-score-{found.run}-2"]
    local = runner_options("Direct", [], None)
    assert local.of("pair", 1) is local.alone and local.of("score", 2) is local.shared


@pytest.mark.parametrize(
    ("runner", "args", "score", "message"),
    [
        ("Dataflow", DATAFLOW, [], "workers would have no SkyPile"),
        ("Dataflow", [IMAGE, *DATAFLOW[1:]], [], "needs --project"),
        ("Dataflow", [IMAGE, *DATAFLOW[:1]], [], "needs --region"),
        ("Dataflow", [IMAGE, *DATAFLOW[:2]], [], "needs --temp_location"),
        ("Direct", [], ["--job_endpoint=b:2"], "machines of several kinds"),
        ("Portable", [], [], "needs --job_endpoint=HOST:PORT"),
        ("Portable", ["--job_endpoint=a:1"], [], "workers of --environment_type=DOCKER, an image"),
        ("Portable", SERVER, ["--environment_type=EXTERNAL"], "needs --environment_config"),
        ("Flink", ["--flink_master=a:8081", JAVA], [], "would have no SkyPile"),
        ("Spark", ["--spark_master_url=spark://a:7077", JAVA], [], "would have no SkyPile"),
        ("Flink", ["--flink_job_server_jar=none.jar"], [], "there is no file none.jar"),
        ("Spark", ["--job_server_java_launcher=/none/java"], [], "/none/java must be there"),
        ("Prism", ["--streaming"], [], "--streaming is refused: a corpus is built from"),
        ("Flink", ["--no_wait_until_finish"], [], "each phase begins with what the one before"),
        ("Flink", ["--output_executable_path=a.jar"], [], "phases are planned from"),
        ("Direct", ["--dry_run=True"], [], "--dry-run shows the plan"),
        ("Portable", [*SERVER, "--job_name=-"], [], "--job_name -: a letter, then letters"),
        (
            "Portable",
            ["--environment_type=beam:env:embedded_python_grpc:v1"],
            [],
            "which Beam 2.77",
        ),
        ("Flink", [], ["--direct_running_mode=multi_threading"], "multi_threading is refused"),
        ("Flink", [], ["--no_such_option=1"], "unknown option '--no_such_option'"),
    ],
)
def test_what_cannot_work_is_refused(
    runner: str, args: list[str], score: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        runner_options(runner, args, None, score)
