"""Micro-batches across requests: order, bounds of the queue and of time, lanes that are lost."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pytest
from documents import batch_of
from serve_runs import LINES, Running, error_of, running

from skypile.errors import RunError
from skypile.serve.batching import Batcher, QueueFullError
from skypile.serve.lanes import LaneLostError, OwnLane
from skypile.serve.settings import Limits

TEXTS = [f"The river rose slowly over meadow number {n} and nobody was looking." for n in range(9)]


class GatedLane(OwnLane):
    """Judges as the service does, once it is let; remembers the sizes of its batches."""

    def __init__(self, recipe):
        super().__init__(recipe)
        self.gate, self.busy = threading.Event(), threading.Event()
        self.sizes: list[int] = []
        self.faults: list[Exception] = []

    def curate(self, batch: pa.RecordBatch, *, score_all: bool) -> pa.RecordBatch:
        self.busy.set()
        assert self.gate.wait(300)
        self.sizes.append(batch.num_rows)
        if self.faults:
            raise self.faults.pop(0)
        return super().curate(batch, score_all=score_all)


class Nobody:
    def __init__(self) -> None:
        self.failures: list[Exception] = []

    def batch_done(self, documents: int, text_bytes: int, seconds: float) -> None:
        pass

    def lane_failed(self, error: Exception) -> None:
        self.failures.append(error)


@pytest.fixture
def gated(small):
    """A lane, and its batcher of small bounds, which has begun with one document."""
    lane, watcher = GatedLane(small), Nobody()
    limits = Limits(batch_documents=4, max_queue_documents=6, batch_wait_seconds=0)
    batcher = Batcher([lane], limits, watcher)
    batcher.start()
    first = batcher.submit(batch_of(TEXTS[:1]))
    assert lane.busy.wait(300)
    yield lane, batcher, watcher, first
    lane.gate.set()
    batcher.close()


def ids(future):
    return future.result(300).column("text").to_pylist()


def test_what_waits_is_judged_together_up_to_the_size_of_a_batch(gated):
    lane, batcher, _, first = gated
    waiting = [batcher.submit(batch_of(TEXTS[n : n + 2])) for n in (1, 3, 5)]
    assert batcher.waiting_documents == 6
    lane.gate.set()
    assert ids(first) == TEXTS[:1]
    assert [ids(each) for each in waiting] == [TEXTS[1:3], TEXTS[3:5], TEXTS[5:7]]
    assert lane.sizes == [1, 4, 2]
    assert batcher.waiting_documents == 0


def test_a_full_queue_takes_no_more_until_what_was_given_up_is_gone(gated):
    lane, batcher, _, _ = gated
    kept = batcher.submit(batch_of(TEXTS[:3]))
    given_up = batcher.submit(batch_of(TEXTS[:3]))
    with pytest.raises(QueueFullError) as told:
        batcher.submit(batch_of(TEXTS[:1]))
    assert told.value.retry_seconds >= 1
    assert given_up.cancel()
    after = batcher.submit(batch_of(TEXTS[4:6]))
    lane.gate.set()
    assert ids(kept) == TEXTS[:3]
    assert ids(after) == TEXTS[4:6]
    assert sum(lane.sizes) == 1 + 3 + 2


def test_plain_and_explained_documents_are_judged_apart(gated):
    lane, batcher, _, _ = gated
    plain = batcher.submit(batch_of(["the end"]))
    explained = batcher.submit(batch_of(["the end"]), score_all=True)
    lane.gate.set()
    assert plain.result(300).column("dup_line_char_frac").to_pylist() == [None]
    assert explained.result(300).column("dup_line_char_frac").to_pylist() == [0.0]


def test_a_lost_lane_judges_each_request_by_itself(gated):
    lane, batcher, watcher, first = gated
    lane.faults = [LaneLostError("one"), LaneLostError("two"), LaneLostError("three")]
    pair = [batcher.submit(batch_of(TEXTS[n : n + 1])) for n in (1, 2)]
    lane.gate.set()
    with pytest.raises(LaneLostError):  # alone, and lost again: it is the one at fault
        first.result(300)
    with pytest.raises(LaneLostError):
        pair[0].result(300)
    assert ids(pair[1]) == TEXTS[2:3]
    assert len(watcher.failures) == 3


@pytest.mark.parametrize("fault", [RunError("a model is gone"), ValueError("a bug")])
def test_a_fault_is_the_answer_of_its_batch_and_the_next_is_judged(gated, fault):
    lane, batcher, _, first = gated
    lane.faults = [fault]
    after = batcher.submit(batch_of(TEXTS[:1]))
    lane.gate.set()
    assert first.exception(300) is fault
    assert ids(after) == TEXTS[:1]


def test_many_clients_get_their_own_answers_in_order(small):
    def asked(number):
        texts = [f"{text} Said by client {number}." for text in TEXTS]
        body = b"".join(b'{"text": "%s"}\n' % text.encode() for text in texts)
        *answers, last = found.lines(body, "?columns=none&text=true")
        assert last["summary"]["read"] == 9
        return [each["text"] for each in answers] == texts

    with running(small, batch_documents=64) as found, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(asked, range(24)))
        text = found.client.get("/metrics").text
    assert "skypile_batch_documents_sum 216.0" in text
    count = next(line for line in text.splitlines() if line.startswith("skypile_batch_documents_c"))
    assert float(count.split()[-1]) < 24  # requests were judged together


def held(small, **limits):
    lane = GatedLane(small)
    return lane, running(small, lanes=[lane], **limits)


BODY = b'{"text": "The river rose slowly over the meadow."}\n'


def posted(found, body=BODY):
    return found.client.post("/v1/curate?columns=none", content=body, headers=LINES)


def test_one_request_too_many_is_told_to_come_again(small):
    lane, service = held(small, max_queue_documents=2, max_requests=3)
    with service as found, ThreadPoolExecutor(3) as pool:
        under_way = [pool.submit(posted, found)]
        assert lane.busy.wait(300)
        under_way.append(pool.submit(posted, found, BODY * 2))
        while found.service.batcher.waiting_documents < 2:
            pass
        answer = posted(found)
        assert error_of(answer) == (429, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert "documents are waiting" in answer.json()["error"]["message"]
        found.service.under_way += 1
        assert "requests are under way" in posted(found).json()["error"]["message"]
        found.service.under_way -= 1
        lane.gate.set()
        assert [each.result(300).status_code for each in under_way] == [200, 200]


def test_time_runs_out_for_what_waits_and_for_what_is_judged(small):
    lane, service = held(small, timeout_seconds=0.2)
    with service as found, ThreadPoolExecutor(2) as pool:
        begun = pool.submit(posted, found)
        assert lane.busy.wait(300)
        waiting = posted(found)
        assert error_of(waiting) == (503, "overloaded")
        late = begun.result(300)
        assert error_of(late) == (504, "timeout")
        assert int(late.headers["retry-after"]) >= 1
        lane.gate.set()
    assert lane.sizes == [1]  # what nobody waited for any more was not judged


def test_answers_that_have_begun_end_with_how_far_they_go(small):
    lane, service = held(small, timeout_seconds=600, batch_documents=1)
    with service as found, ThreadPoolExecutor(1) as pool:

        def once(batch, *, score_all):
            result = OwnLane.curate(lane, batch, score_all=score_all)
            lane.curate = type(lane).curate.__get__(lane)
            # From the second on nobody waits long.
            found.service.limits = replace(found.service.limits, timeout_seconds=0.2)
            return result

        lane.curate = once
        answer = pool.submit(posted, found, BODY * 5).result(300)
        *answers, last = map(json.loads, answer.text.splitlines())
        lane.gate.set()
    assert answer.status_code == 200
    assert len(answers) == last["summary"]["read"] == 1
    assert not last["summary"]["complete"]
    assert last["error"]["code"] in ("timeout", "overloaded")


def test_documents_of_a_client_that_left_are_not_judged(small):
    lane, service = held(small)
    told = [{"type": "http.request", "body": BODY}, {"type": "http.disconnect"}]

    async def left(found):
        async def receive():
            return told.pop(0) if len(told) > 1 else told[0]

        async def send(message):
            sent.append(message)

        headers = [(name.encode(), value.encode()) for name, value in LINES.items()]
        scope = {
            "type": "http", "method": "POST", "path": "/v1/curate", "raw_path": b"/v1/curate",
            "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        }  # fmt: skip
        await found.app(scope, receive, send)

    sent: list[dict] = []
    with service as found, ThreadPoolExecutor(1) as pool:
        first = pool.submit(posted, found)
        assert lane.busy.wait(300)
        asyncio.run(left(found))
        assert found.service.under_way == 1
        lane.gate.set()
        assert first.result(300).status_code == 200
    assert lane.sizes == [1]
    assert found.events[0]["status"] == 400


def test_a_service_that_is_ending_takes_nothing_new(small):
    with running(small) as found:
        found.service.draining = True
        assert error_of(posted(found)) == (503, "draining")
        assert error_of(found.client.get("/readyz")) == (503, "draining")
        assert found.client.get("/healthz").status_code == 200


def test_a_service_that_loads_says_so(small):
    found = Running(small)
    assert error_of(found.client.get("/readyz")) == (503, "loading")
    assert error_of(posted(found)) == (503, "loading")
