"""The parts of tools/odoo-lab that need no Odoo."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys

import pytest

from odoo_lab import LabError, package
from odoo_lab.lab import Lab
from odoo_lab.odoo import start_sink
from odoo_lab.system import Process, run


@pytest.fixture
def sink(tmp_path):
    """A running mail sink: its port, and the file with its count."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    process = start_sink(listener, tmp_path / "count")
    yield port, tmp_path / "count"
    process.stop()
    assert not process.alive


def test_sink_counts_mails_not_connections(sink):
    port, count = sink
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        assert count.read_text() == "0\n"
        for body in ("short", "x" * 200_000 + "\r\n.\r\n.leading dot"):
            client.sendmail("a@example.com", ["b@example.com"], f"Subject: t\r\n\r\n{body}")
    assert count.read_text() == "2\n"


def test_process_is_told_from_another_with_its_pid():
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process.of(sleeper.pid)
    assert process is not None
    assert process.alive

    earlier = Process(process.pid, process.started - 1)
    assert not earlier.alive
    earlier.stop()
    assert sleeper.poll() is None

    process.stop()
    assert sleeper.wait(timeout=60) < 0
    assert not process.alive


def test_process_that_ignores_the_request_to_end_is_killed():
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); input()"
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert stubborn.stdout
    stubborn.stdout.readline()
    process = Process.of(stubborn.pid)
    assert process is not None
    process.stop(patience_s=0.1)
    assert stubborn.wait(timeout=60) == -9


def test_another_build_of_the_package_is_refused_and_not_kept(tmp_path, monkeypatch):
    given = tmp_path / "given.deb"
    given.write_bytes(b"another build")
    monkeypatch.setenv("ODOO_LAB_DEB", str(given))
    monkeypatch.delenv("ODOO_LAB_SHA256", raising=False)
    target = tmp_path / "cache/odoo.deb"
    with pytest.raises(LabError, match=r"(?s)another build than the tested one.*set ODOO_LAB_SHA256"):
        package.fetch(target)
    assert not target.exists()

    monkeypatch.setenv("ODOO_LAB_SHA256", "any")
    package.fetch(target)
    assert target.read_bytes() == b"another build"


def test_commands_say_what_is_missing(tmp_path):
    lab = Lab(tmp_path / "lab")
    assert lab.running() is None
    lab.stop()
    with pytest.raises(LabError, match=r"not set up\. Type: tools/odoo-lab setup"):
        lab.start()
    with pytest.raises(LabError, match="name starts with 'lab'"):
        lab.reset("production")


def test_a_failed_command_shows_the_end_of_its_output():
    with pytest.raises(LabError, match=r"exit code 3:\nthe reason"):
        run([sys.executable, "-c", "import sys; print('the reason'); sys.exit(3)"])
    with pytest.raises(LabError, match="no-such-program is not installed"):
        run(["no-such-program"])
