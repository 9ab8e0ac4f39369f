"""Odoo itself: its configuration, one-off commands, and the server."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from odoo_lab.postgres import ROLE
from odoo_lab.system import LabError, Process, environment, run

MODULES = ("contacts", "crm", "mass_mailing", "base_automation")
DATABASES = "lab"
"""The server shows only databases whose name starts with this: not the seed."""

READY_TIMEOUT_S = 120

# Run by `odoo shell`. Only a key made as superuser may have no expiry date.
KEYS_SCRIPT = """
import json
clerk = env["res.users"].with_context(no_reset_password=True).create({
    "name": "Contacts clerk",
    "login": "clerk",
    "group_ids": [(6, 0, [env.ref("base.group_user").id, env.ref("base.group_partner_manager").id])],
})
keys = {
    name: env["res.users.apikeys"].with_user(user).sudo()._generate(None, "odoo-lab", None)
    for name, user in (("api_key", env.ref("base.user_admin")), ("clerk_api_key", clerk))
}
env.cr.commit()
print("KEYS", json.dumps(keys))
"""

# Odoo takes over a listening socket as systemd hands it on: file descriptor 3, named by two variables.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@dataclass(frozen=True, slots=True)
class Odoo:
    """An Odoo source tree and how to run it; `home` takes configuration, files and logs."""

    tree: Path
    venv: Path
    home: Path

    @property
    def python(self) -> Path:
        """The interpreter with Odoo's requirements."""
        return self.venv / "bin/python"

    @property
    def config_file(self) -> Path:
        """Odoo's configuration, written anew at each start."""
        return self.home / "odoo.conf"

    def filestore(self, database: str) -> Path:
        """The folder of a database's attachments."""
        return self.home / "data/filestore" / database

    def configure(self, *, db_port: int, http_port: int, smtp_port: int) -> None:
        """Write the configuration; nothing runs by itself (no cron threads)."""
        self.home.mkdir(parents=True, exist_ok=True)
        settings = {
            "db_host": "127.0.0.1",
            "db_port": db_port,
            "db_user": ROLE,
            "db_password": False,
            "dbfilter": f"^{DATABASES}",
            "http_interface": "127.0.0.1",
            "http_port": http_port,
            "data_dir": self.home / "data",
            "addons_path": self.tree / "odoo/addons",
            "max_cron_threads": 0,
            "limit_time_cpu": 600,
            "limit_time_real": 600,
            "smtp_server": "127.0.0.1",
            "smtp_port": smtp_port,
        }
        self.config_file.write_text(
            "[options]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )

    def _command(self, subcommand: str, *arguments: str) -> list[str]:
        return ["-m", "odoo", subcommand, "-c", str(self.config_file), *arguments]

    def _environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.tree), "PYTHONDONTWRITEBYTECODE": ""}

    def once(self, arguments: Sequence[str], *, stdin: str = "", subcommand: str = "server") -> str:
        """Run a command of Odoo to its end and return its stdout."""
        command = [str(self.python), *self._command(subcommand, *arguments, "--no-http")]
        return run(command, env=self._environment(), cwd=self.home, stdin=stdin)

    def create_database(self, name: str) -> None:
        """Create a database with the lab's modules and no demo data."""
        self.once(["-d", name, "-i", ",".join(MODULES), "--stop-after-init"])

    def make_keys(self, database: str) -> str:
        """Create API keys for the administrator and for a clerk; return them as JSON.

        The clerk may write contacts and tags, and nothing else.
        """
        printed = self.once(["-d", database], stdin=KEYS_SCRIPT, subcommand="shell")
        for line in printed.splitlines():
            _, found, keys = line.partition("KEYS ")
            if found:
                return keys
        raise LabError("Odoo made no API keys: its shell printed none.")

    def serve(self, listener: socket.socket) -> Process:
        """Start the server on a listening socket and return when it answers."""
        log_file = self.home / "odoo.log"
        inherited = listener.fileno()
        with log_file.open("ab") as log:
            server = subprocess.Popen(
                [str(self.python), "-c", HAND_OVER, str(inherited), *self._command("server")],
                env=environment(self._environment()),
                cwd=self.home,
                pass_fds=[inherited],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        host, port = listener.getsockname()
        listener.close()
        process = Process.of(server.pid)
        try:
            # The socket listens already: this waits until the server takes the call, or has ended.
            urllib.request.urlopen(f"http://{host}:{port}/web/health", timeout=READY_TIMEOUT_S).close()
        except (urllib.error.URLError, OSError) as error:
            if process:
                process.stop()
            raise LabError(f"Odoo did not start; see {log_file}") from error
        if not process:
            raise LabError(f"Odoo ended at once; see {log_file}")
        return process


def start_sink(listener: socket.socket, count_file: Path) -> Process:
    """Start the SMTP sink on a listening socket."""
    script = Path(__file__).with_name("smtp_sink.py")
    count_file.write_text("0\n")
    sink = subprocess.Popen(
        [sys.executable, str(script), str(listener.fileno()), str(count_file)],
        env=environment(),
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    process = Process.of(sink.pid)
    if not process:
        raise LabError("The SMTP sink ended at once.")
    listener.close()
    return process
