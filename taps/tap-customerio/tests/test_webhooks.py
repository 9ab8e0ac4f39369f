"""The webhook receiver over a real socket, and the tap's reading of what it keeps."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest
import requests
from click.testing import CliRunner

from tap_customerio.sandbox.server import Server
from tap_customerio.webhooks.__main__ import main
from tap_customerio.webhooks.app import create_app
from tap_customerio.webhooks.reader import Reader
from tap_customerio.webhooks.signature import sign, valid
from tap_customerio.webhooks.spool import PATTERN, Spool

NOW = 1_760_000_000
KEY = "test-key"
DAY = 86_400


def event(n, metric="opened", object_type="email", **data):
    who = {"id": "user-000001", "email": "user-000001@example.com", "cio_id": "abc"}
    return {
        "metric": metric,
        "event_id": f"01EVENT{n:04}",
        "object_type": object_type,
        "timestamp": NOW - 60,
        "data": {"identifiers": who, "customer_id": "user-000001", **data},
    }


def post(url, body, *, key=KEY, at=NOW, path="/customerio", **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = {"X-CIO-Timestamp": str(at), "X-CIO-Signature": sign(key, str(at), body)}
    return requests.post(url + path, data=body, headers=signed | headers, timeout=60).status_code


def kept(folder):
    return [
        json.loads(line) for path in sorted(folder.glob(PATTERN)) for line in path.read_bytes().splitlines()
    ]


@pytest.fixture
def receiver(tmp_path):
    with Server(create_app(Spool(tmp_path), KEY, clock=lambda: NOW)) as server:
        yield server


# Receiving


def test_the_signature_is_that_of_the_vendors_documentation():
    # HMAC-SHA256 of v0:<timestamp>:<body>, computed with openssl dgst -sha256 -hmac
    expected = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", KEY],
        input=b'v0:1700000000:{"a":1}',
        capture_output=True,
        check=True,
    ).stdout
    assert sign(KEY, "1700000000", b'{"a":1}') == expected.decode().split()[-1]


def test_an_event_is_kept_and_accepted(receiver, tmp_path):
    assert post(receiver.url, event(1)) == 200
    assert kept(tmp_path) == [{"received_at": NOW, "event": event(1)}]
    (file,) = tmp_path.glob(PATTERN)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "send",
    [
        {"key": "another-key"},
        {"at": NOW - 301},
        {"at": NOW + 301},
        {"X-CIO-Signature": ""},
        {"X-CIO-Timestamp": "soon"},
        {"X-CIO-Timestamp": str(NOW - 1)},
    ],
)
def test_what_is_not_signed_rightly_and_now_is_refused_and_not_kept(receiver, tmp_path, send, caplog):
    assert post(receiver.url, event(1), **send) == 401
    assert kept(tmp_path) == []
    assert "refused" in caplog.text
    assert "example.com" not in caplog.text


def test_a_body_that_was_changed_is_refused():
    good = sign(KEY, str(NOW), b"{}")
    assert valid(KEY, str(NOW), good, b"{}", now=NOW, max_age=300)
    assert not valid(KEY, str(NOW), good, b"{ }", now=NOW, max_age=300)


def test_a_signed_body_that_cannot_be_understood_does_not_hold_the_others_back(receiver, tmp_path):
    assert [post(receiver.url, body) for body in (b"[1, 2", b"\xff", event(1))] == [200, 200, 200]
    assert [list(line) for line in kept(tmp_path)] == [["received_at", "text"]] * 2 + [
        ["received_at", "event"]
    ]
    reader = Reader(tmp_path, {})
    assert [one["event_id"] for one in reader] == ["01EVENT0001"]
    assert reader.broken == 2


def test_a_line_end_within_an_event_tears_no_line(receiver, tmp_path):
    body = json.dumps(event(1, subject="two\nlines"), indent=2).encode()
    assert post(receiver.url, body) == 200
    assert kept(tmp_path)[0]["event"]["data"]["subject"] == "two\nlines"


def test_a_disk_that_is_full_is_the_vendors_cue_to_try_again(tmp_path, caplog):
    class Full(Spool):
        def append(self, line):
            raise OSError(28, "No space left on device")

    with Server(create_app(Full(tmp_path), KEY, clock=lambda: NOW)) as server:
        assert post(server.url, event(1)) == 503
    assert "No space left" in caplog.text


def test_bodies_beyond_all_measure_are_refused(receiver, tmp_path):
    assert post(receiver.url, b"x" * (17 * 1024 * 1024)) == 413
    assert kept(tmp_path) == []


def test_it_says_that_it_is_up(receiver):
    assert requests.get(receiver.url, timeout=60).text == "ok"


def test_it_does_not_start_without_a_key(tmp_path):
    with pytest.raises(ValueError, match="anybody"):
        create_app(Spool(tmp_path), "")


def test_events_side_by_side_are_all_kept_whole(receiver, tmp_path):
    threads = [
        threading.Thread(target=lambda n=n: [post(receiver.url, event(n * 10 + i)) for i in range(10)])
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line["event"]["event_id"] for line in kept(tmp_path)) == [
        f"01EVENT{n:04}" for n in range(60)
    ]


# Files


def test_files_begin_anew_each_day_and_when_they_are_full(tmp_path):
    now = [NOW]
    spool = Spool(tmp_path, max_bytes=100, clock=lambda: now[0])
    for step in (0, 1, 2, DAY):
        now[0] = NOW + step
        spool.append(b"x" * 60)
    spool.close()
    assert [len(path.read_bytes().splitlines()) for path in sorted(tmp_path.glob(PATTERN))] == [2, 1, 1]


def test_a_new_receiver_never_writes_into_an_old_file(tmp_path):
    for n in (1, 2):
        spool = Spool(tmp_path, clock=lambda: NOW)
        spool.append(b"%d" % n)
        spool.close()
    assert len(list(tmp_path.glob(PATTERN))) == 2


def test_a_write_that_fails_halfway_ends_its_file(tmp_path, monkeypatch):
    spool = Spool(tmp_path, clock=lambda: NOW)
    spool.append(b"whole")
    write = os.write

    def half(file, data):
        write(file, bytes(data[:3]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        spool.append(b"torn line")
    monkeypatch.undo()
    spool.append(b"again")
    spool.close()
    assert sorted(path.read_bytes() for path in tmp_path.glob(PATTERN)) == [b"again\n", b"whole\ntor"]


def test_a_killed_receiver_keeps_all_that_it_accepted(tmp_path):
    environment = {**os.environ, "CUSTOMERIO_WEBHOOK_SIGNING_KEY": KEY}
    command = [sys.executable, "-m", "tap_customerio.webhooks", "--folder", str(tmp_path), "--port", "0"]
    accepted = 0
    for n in range(2):
        process = subprocess.Popen(
            [*command, "--max-age", "10000000000"], stderr=subprocess.PIPE, text=True, env=environment
        )
        try:
            said = next(line for line in process.stderr if "running on" in line)
            url = said.split("running on ")[1].split()[0]
            for i in range(5):
                accepted += post(url, event(n * 5 + i)) == 200
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
    assert accepted == 10
    assert [one["event_id"] for one in Reader(tmp_path, {})] == [f"01EVENT{n:04}" for n in range(10)]


def test_the_command_says_what_is_missing(tmp_path):
    done = CliRunner().invoke(main, ["--folder", str(tmp_path)], env={"CUSTOMERIO_WEBHOOK_SIGNING_KEY": None})
    assert done.exit_code == 2
    assert "--signing-key" in done.output


# Reading


def write(folder, name, *lines):
    with (folder / f"events-{name}.jsonl").open("ab") as file:
        file.write(b"".join(lines))


def as_line(one):
    return json.dumps({"received_at": NOW, "event": one}).encode() + b"\n"


def test_a_torn_last_line_is_left_for_the_next_time(tmp_path):
    whole = as_line(event(2))
    write(tmp_path, "1", as_line(event(1)), whole[:20])
    first = Reader(tmp_path, {})
    assert [one["event_id"] for one in first] == ["01EVENT0001"]
    write(tmp_path, "1", whole[20:])
    second = Reader(tmp_path, first.positions)
    assert [one["event_id"] for one in second] == ["01EVENT0002"]
    assert second.positions == {"events-1.jsonl": len(as_line(event(1)) + whole)}
    assert list(Reader(tmp_path, second.positions)) == []


def test_an_event_that_was_sent_twice_comes_once(tmp_path):
    write(tmp_path, "1", as_line(event(1)), as_line(event(1)))
    write(tmp_path, "2", as_line(event(1)), as_line(event(2)))
    assert [one["event_id"] for one in Reader(tmp_path, {})] == ["01EVENT0001", "01EVENT0002"]


def test_files_that_are_gone_leave_the_positions(tmp_path):
    write(tmp_path, "2", as_line(event(1)))
    reader = Reader(tmp_path, {"events-1.jsonl": 500})
    assert len(list(reader)) == 1
    assert list(reader.positions) == ["events-2.jsonl"]


def test_events_become_activities_and_come_once(sandbox, tmp_path):
    clicked = event(2, "clicked", "sms", delivery_id="d-1", href="https://www.example.com/")
    write(tmp_path, "1", as_line(event(1, delivery_id="d-1")), as_line(clicked))
    path = str(tmp_path)
    first = sandbox.read("activities", webhook_events_path=path)
    found = first.by("activities", "id")
    assert found["01EVENT0002"] == {
        "id": "01EVENT0002",
        "type": "clicked_twilio",
        "timestamp": NOW - 60,
        "name": None,
        "url": None,
        "cio_id": "abc",
        "person_id": "user-000001",
        "email": "user-000001@example.com",
        "data": clicked["data"],
        "delivery_id": "d-1",
        "delivery_type": None,
    }
    assert len(found) == 2 + len(sandbox.read("activities").records["activities"])
    write(tmp_path, "1", as_line(event(3, "unsubscribed", "customer")))
    again = sandbox.read("activities", webhook_events_path=path, state=first.states[-1])
    new = [one for one in again.records["activities"] if one["id"].startswith("01EVENT")]
    assert [(one["id"], one["type"]) for one in new] == [("01EVENT0003", "unsubscribed_customer")]


def test_what_the_sandbox_reports_comes_through_the_receiver_to_the_tap(sandbox, tmp_path):
    # The receiver's clock is the real one, as is that of the sandbox's signatures.
    with Server(create_app(Spool(tmp_path), KEY)) as server:
        body = {"url": server.url, "key": KEY, "since": NOW - 60 * DAY}
        counts = requests.post(f"{sandbox.url}/_sandbox/webhooks", json=body, timeout=60).json()
    assert counts["refused"] == 0
    assert counts["accepted"] > 50
    output = sandbox.read("activities", "deliveries", webhook_events_path=str(tmp_path), activity_types=[])
    found = output.by("activities", "id")
    assert len(found) == counts["accepted"]
    deliveries = output.by("deliveries", "id")
    for activity in found.values():
        metric = activity["type"].split("_")[0]
        delivery = deliveries[activity["delivery_id"]]
        assert delivery["metrics"][metric] == activity["timestamp"]
        assert delivery["cio_id"] == activity["cio_id"]


def test_events_come_though_activities_are_closed(sandbox, tmp_path):
    sandbox.settings.forbidden = "/v1/activities"
    write(tmp_path, "1", as_line(event(1)))
    output = sandbox.read("activities", "completeness", webhook_events_path=str(tmp_path))
    assert len(output.records["activities"]) == 1
    assert output.by("completeness", "subject")["activities"]["status"] == "partial"


def test_late_metrics_are_found_by_events_without_reading_everything_again(sandbox, tmp_path):
    path = str(tmp_path)
    first = sandbox.read("deliveries", webhook_events_path=path)
    known = first.by("deliveries", "id")
    old = [record for record in known.values() if record["created"] < NOW - 100 * DAY][:2]
    recent = max(known.values(), key=lambda record: record["created"])
    late = {record["id"]: {"clicked": NOW} for record in old}
    sandbox.writer.configure({"delivery_metrics": late})
    ids = [*late, recent["id"], "gone"]
    write(tmp_path, "1", *(as_line(event(n, "clicked", delivery_id=id)) for n, id in enumerate(ids)))
    sandbox.stats()
    again = sandbox.read(
        "deliveries",
        "completeness",
        state=first.states[-1],
        deliveries_reread_days=1,
        webhook_events_path=path,
    )
    assert sandbox.stats()["endpoints"]["GET /v1/messages/{id}"] == 3  # not for what is read again anyway
    found = again.by("deliveries", "id")
    assert all(found[id]["metrics"]["clicked"] == NOW for id in late)
    assert found.keys() >= late.keys() | {recent["id"]}
    assert {k: v for k, v in found[old[0]["id"]].items() if k != "metrics"} == {
        k: v for k, v in old[0].items() if k != "metrics"
    }
    said = again.by("completeness", "subject")["deliveries"]
    assert (said["status"], said["skipped"]) == ("partial", 1)
    sandbox.stats()
    sandbox.read("deliveries", state=again.states[-1], deliveries_reread_days=1, webhook_events_path=path)
    assert "GET /v1/messages/{id}" not in sandbox.stats()["endpoints"]


def test_a_first_run_reads_no_delivery_twice(sandbox, tmp_path):
    id = sandbox.workspace.config["deliveries"][0]["id"]
    write(tmp_path, "1", as_line(event(1, delivery_id=id)))
    sandbox.stats()
    sandbox.read("deliveries", webhook_events_path=str(tmp_path)).by("deliveries", "id")
    assert "GET /v1/messages/{id}" not in sandbox.stats()["endpoints"]


def test_a_run_that_ends_early_has_not_taken_the_events(sandbox, tmp_path):
    path = str(tmp_path)
    first = sandbox.read("deliveries", webhook_events_path=path)
    old = min(first.records["deliveries"], key=lambda record: record["created"])
    write(tmp_path, "1", as_line(event(1, delivery_id=old["id"])))
    sandbox.fault("status", status=500, count=1, path=f"/v1/messages/{old['id']}")
    output = sandbox.output()
    with pytest.raises(Exception, match="HTTP 500"):
        sandbox.run(output, "deliveries", state=first.states[-1], webhook_events_path=path, max_tries=1)
    state = (output.states or first.states)[-1]
    again = sandbox.read("deliveries", state=state, deliveries_reread_days=1, webhook_events_path=path)
    assert old["id"] in again.by("deliveries", "id")


def test_a_folder_that_is_not_there_is_said(sandbox, tmp_path):
    path = str(tmp_path / "nowhere")
    output = sandbox.read("activities", "completeness", webhook_events_path=path)
    assert "webhook_events_path is no folder" in output.by("completeness", "subject")["activities"]["reason"]
