"""The shared HTTP layer, against a real server on a loopback port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from crmlift.errors import ConfigError, RunStopped, TransientError
from crmlift.http import Http, Pace, Unanswered, check_passing, retry_after

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve these answers in turn, the last one for ever; yield the URL and the headers received."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(dict(self.headers))
            answers[min(len(seen), len(answers)) - 1](self)

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}", seen
        finally:
            httpd.shutdown()
            thread.join()


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@pytest.mark.parametrize("url", ["example", "ftp://example.com", "https://"])
def test_what_is_no_web_address_is_said_at_once(url):
    http = Http(url, tries=9, backoff_s=100)
    with pytest.raises(ConfigError, match=r"^version: the url is no web address\. Set url to one"):
        http.send("version", "GET", "/", lambda response: response)
    assert http.calls["version"] == 1


def classify(response: requests.Response) -> int:
    if response.status_code == 429:
        raise TransientError("busy", retry_after=retry_after(response))
    if response.status_code >= 500:
        raise Unanswered("broken")
    if response.status_code == 401:
        raise RunStopped("no entry")
    return response.status_code


def http(url: str, **options: object) -> Http:
    return Http(url, backoff_s=0.001, **options)  # type: ignore[arg-type]


def test_only_transient_errors_are_tried_again_and_every_try_is_counted() -> None:
    with server(status(429), status(503), status(200)) as (url, seen):
        client = http(url)
        assert client.send("thing.write", "POST", "/", classify) == 200
    assert len(seen) == client.calls["thing.write"] == 3

    with server(status(401)) as (url, seen), pytest.raises(RunStopped):
        http(url).send("thing.write", "POST", "/", classify)
    assert len(seen) == 1


def test_gives_up_after_the_number_of_tries_that_was_set() -> None:
    with server(status(503)) as (url, seen), pytest.raises(TransientError):
        http(url, tries=3).send("x", "POST", "/", classify)
    assert len(seen) == 3


@pytest.mark.parametrize("answer", [status(503), cut])
def test_a_call_that_must_not_be_done_twice_is_not_repeated_when_it_may_have_been_done(
    answer: Answer,
) -> None:
    with server(answer, status(200)) as (url, seen), pytest.raises(Unanswered):
        http(url).send("x", "POST", "/", classify, repeat=False)
    assert len(seen) == 1


def test_a_call_that_must_not_be_done_twice_is_repeated_when_it_was_turned_away() -> None:
    with server(status(429), status(200)) as (url, seen):
        assert http(url).send("x", "POST", "/", classify, repeat=False) == 200
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (200, None),
        (404, None),
        (429, (TransientError, False)),
        (500, (Unanswered, False)),
        (504, (Unanswered, True)),
    ],
)
def test_what_may_pass_is_told_apart_by_whether_the_server_may_have_done_it(
    code: int, raised: tuple[type[TransientError], bool] | None
) -> None:
    response = requests.Response()
    response.status_code = code
    response.headers["Retry-After"] = "7"
    if raised is None:
        check_passing("x", response)
        return
    with pytest.raises(TransientError) as caught:
        check_passing("x", response)
    assert (type(caught.value), getattr(caught.value, "running", False)) == raised
    assert caught.value.retry_after == 7


def test_waits_as_long_as_the_server_asks_even_if_the_back_off_is_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with server(status(429, Retry_After="7"), status(200)) as (url, _):
        http(url).send("x", "POST", "/", classify)
    assert slept == [7.0]


def test_retry_after_is_read_in_both_its_forms() -> None:
    def asked(text: str) -> float | None:
        response = requests.Response()
        response.headers["Retry-After"] = text
        return retry_after(response)

    assert asked("1.5") == 1.5
    assert asked("soon") is None
    assert asked("") is None
    in_a_minute = asked(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 50 < in_a_minute <= 60
    assert asked("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_an_unreachable_server_is_transient_and_named_without_the_path() -> None:
    with pytest.raises(TransientError) as caught:
        http("http://127.0.0.1:9", tries=2).send(
            "x", "POST", "/secret-path?token=abc", classify, repeat=False
        )
    assert not isinstance(caught.value, Unanswered)
    assert "127.0.0.1" in str(caught.value)
    assert "secret-path" not in str(caught.value)


def test_a_redirect_stops_instead_of_dropping_the_body() -> None:
    with (
        server(status(301, Location="https://crm.example.com/login?key=abc")) as (url, _),
        pytest.raises(ConfigError, match=r"https://crm\.example\.com") as caught,
    ):
        http(url).send("x", "POST", "/", classify)
    assert "abc" not in str(caught.value)


def test_a_netrc_entry_does_not_replace_the_key(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", netrc)
    with server(status(200)) as (url, seen):
        http(url, headers={"Authorization": "bearer test-key"}).send("x", "POST", "/", classify)
    assert seen[0]["Authorization"] == "bearer test-key"
    assert "crmlift/" in seen[0]["User-Agent"]


def test_pace_spreads_calls_over_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    slept: list[float] = []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", slept.append)
    pace = Pace(4)
    for _ in range(3):
        pace.wait()
    now[0] += 10
    pace.wait()
    assert slept == [0.0, 0.25, 0.5, 0.0]
