"""The service as users start it: a drain that answers, processes that are lost, a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from serve_runs import written
from signals import Watched

KEY = "a-key-for-the-tests-0001"
# Spans of several kinds, and no more stages than they need.
RECIPE = """
name: browser
steps:
- stages: [counts, language, repetition, {stage: pii, replace: none}]
  rules:
  - {reason: too_short, column: words_count, min: 5, domain: [en, code], source: the tests}
  - {reason: repeated, column: dup_line_char_frac, max: 0.2, domain: [en, code], source: "a <i>"}
  - {reason: top_2gram, column: top_2gram_frac, max: 0.9, domain: [en, code], source: the tests}
  - {reason: little_han, column: han_frac, min: 0.5, domain: [zh], source: the tests}
"""
LONG = b'{"text": "The river rose slowly over the meadow while nobody was looking."}\n'


class Served:
    """A service in a process of its own."""

    def __init__(self, *options: object, **environment: str) -> None:
        self.run = Watched("serve", "--port", 0, *options, **environment)
        self.run.when(lambda: '"event":"ready"' in self.run.shown)
        self.port = self.events("started")[0]["port"]

    def events(self, name: str) -> list[dict]:
        lines = [line for line in self.run.shown.splitlines() if line.startswith("{")]
        return [told for told in map(json.loads, lines) if told["event"] == name]

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"X-API-Key": KEY, "Content-Type": "application/x-ndjson"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def lanes(self) -> list[int]:
        """Return the processes that judge."""
        found: list[int] = []
        for task in Path(f"/proc/{self.run.process.pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return [pid for pid in found if b"spawn_main" in _command(pid)]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    recipe = written(folder / "browser.yaml", RECIPE)
    keys = written(folder / "keys", KEY + "\n")
    found = Served("--recipe", recipe, "--api-key-file", keys, "--timeout-seconds", 600)
    yield found
    if found.run.process.poll() is None:
        found.run.send(signal.SIGKILL)
        found.run.end()


@pytest.mark.slow
def test_a_lost_process_is_started_again_and_no_request_is_lost(served):
    assert served.ask("/v1/curate", LONG)[0] == 200
    (lost,) = served.lanes()
    os.kill(lost, signal.SIGKILL)
    statuses = [served.ask("/v1/curate", LONG)[0] for _ in range(3)]
    # The one that finds it gone may be told to come again; none is left without an answer.
    assert statuses[1:] == [200, 200]
    assert statuses[0] in (200, 503)
    assert served.lanes() != [lost]
    assert served.events("lane_failed")[0]["exception"] == "LaneLostError"


@pytest.mark.slow
def test_a_client_that_leaves_amid_its_answers_leaves_nothing_behind(served):
    asked = socket.create_connection(("127.0.0.1", served.port))
    body = LONG * 4000
    asked.sendall(request(len(body)) + body)
    assert asked.recv(1 << 16).startswith(b"HTTP/1.1 200")
    asked.close()
    while b"skypile_requests_under_way 0.0" not in served.ask("/metrics")[1]:
        time.sleep(0.05)
    assert not [
        event
        for event in served.run.shown.splitlines()
        if "exception" in event.lower() and "LaneLostError" not in event
    ]
    assert served.ask("/v1/curate", LONG)[0] == 200


def request(size: int) -> bytes:
    """Return the head of a request of `size` bytes of lines."""
    head = (
        f"POST /v1/curate HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {size}\r\n\r\n"
    )
    return head.encode()


@pytest.mark.slow
def test_a_browser_shows_why_a_text_is_rejected(served):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not there (Debian: chromium chromium-driver)")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    options = ChromeOptions()
    options.binary_location = chromium
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    evil = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    line = f"😀 The river rose slowly over the meadow while nobody was looking at it {evil}"
    text = f"{line}\n{line}\nThe people of the town wrote to someone@mail.example.com for help."
    browser = Chrome(options=options, service=Service(driver))
    try:
        browser.get(f"http://127.0.0.1:{served.port}/")

        def by(name):
            return browser.find_element(By.ID, name)

        def judged(sent, outcome):
            browser.execute_script("document.getElementById('text').value = arguments[0]", sent)
            by("judge").click()
            WebDriverWait(browser, 300).until(lambda _: by("outcome").text == outcome)

        by("text").send_keys("no key yet")
        by("judge").click()
        WebDriverWait(browser, 300).until(lambda _: "API key" in by("status").text)
        assert not by("result").is_displayed()
        by("key").send_keys(KEY)
        judged(text, "rejected: repeated")
        WebDriverWait(browser, 300).until(lambda _: by("recipe").text == "browser")
        assert "dup_line_char_frac is" in by("decided").text
        # The text stands there as it was sent, markup and all, and only what decides is marked so.
        assert by("marked").get_property("textContent") == text
        decisive = browser.find_elements(By.CSS_SELECTOR, "#marked mark.deciding")
        assert "".join(each.text for each in decisive) == line
        others = browser.find_elements(By.CSS_SELECTOR, "#marked mark.other")
        assert [each.text for each in others] == ["someone@mail.example.com"]
        assert others[0].get_attribute("title") == "email"
        before = len(browser.find_elements(By.CSS_SELECTOR, "#marked mark"))
        by("met").click()
        assert len(browser.find_elements(By.CSS_SELECTOR, "#marked mark")) > before
        rows = browser.find_elements(By.CSS_SELECTOR, "#rules tr")
        shown = [row.text for row in rows if row.is_displayed()]
        assert len(rows) == 4
        assert len(shown) == 3
        assert re.match(
            r"decided repeated dup_line_char_frac <= 0.2 \(en, code\) 0\.\d+ a <i>", shown[1]
        )
        assert not browser.find_elements(By.CSS_SELECTOR, "#result img, #result script, #rules i")
        judged("A short text about a river that rises slowly over the meadow.", "kept")
        assert browser.title.startswith("SkyPile")
        browser.get(f"http://127.0.0.1:{served.port}/docs")
        WebDriverWait(browser, 300).until(lambda _: "POST /v1/curate" in by("routes").text)
        # Nothing was blocked by the policy, and nothing asked for elsewhere; 401 is the first try.
        told = [each["message"] for each in browser.get_log("browser")]
        assert all("401" in each for each in told), told
    finally:
        browser.quit()


@pytest.mark.slow
def test_at_sigterm_what_is_under_way_is_answered_and_the_process_ends_with_0(served):
    """The last of this file: it ends the service."""
    halves = (LONG[:30], LONG[30:])
    late = socket.create_connection(("127.0.0.1", served.port))
    before = served.ask("/metrics")[1].count(b"skypile_requests_under_way 1")
    late.sendall(request(len(LONG)) + halves[0])
    while b"skypile_requests_under_way 1" not in served.ask("/metrics")[1]:
        time.sleep(0.01)
    assert before == 0
    served.run.send(signal.SIGTERM)
    served.run.when(lambda: served.events("draining"))
    # It is not ready any more, and takes nothing new; what it has begun it ends.
    assert served.ask("/readyz")[0] == 503
    assert served.ask("/healthz")[0] == 200
    assert served.ask("/v1/curate", LONG)[0] == 503
    time.sleep(0.3)
    late.sendall(halves[1])
    answer = b""
    while part := late.recv(1 << 16):
        answer += part
    late.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"complete":true' in answer
    code, out, shown = served.run.end()
    assert (code, out) == (0, b"")
    assert KEY not in shown
    assert "river" not in shown
    assert served.events("ended")[0]["unanswered"] == 0
