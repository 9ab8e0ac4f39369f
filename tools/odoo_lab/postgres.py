"""A private PostgreSQL cluster: loopback only, no passwords, no durability. For tests."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from odoo_lab.system import LabError, Process, StrPath, need_packages, run

SUPERUSER = "postgres"
ROLE = "odoo"
"""The owner of the databases; Odoo refuses to work as `postgres`."""

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
log_min_messages = fatal
"""


class Cluster:
    """One cluster, below `home`.

    PostgreSQL refuses to run as root; root's cluster runs as the system's `postgres` user instead,
    and moves to a folder of its own where that user cannot reach `home`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._where = home / "cluster.path"

    @property
    def user(self) -> str | None:
        """The account that runs the server; None for the present one."""
        if os.geteuid():
            return None
        try:
            return pwd.getpwnam("postgres").pw_name
        except KeyError:
            return "nobody"

    @property
    def data(self) -> Path | None:
        """The data folder; None as long as there is no cluster."""
        try:
            data = Path(self._where.read_text())
        except FileNotFoundError:
            return None
        return data if (data / "PG_VERSION").exists() else None

    @property
    def process(self) -> Process | None:
        """The running server, or None."""
        lines = self._pid_file()
        process = Process.of(int(lines[0])) if lines else None
        # After a crash the pid in the file may be somebody else's by now.
        return process if process and str(self.data) in process.command else None

    @property
    def port(self) -> int:
        """The port of the running server."""
        if not self.process:
            raise LabError("The lab's PostgreSQL is not running. Type: tools/odoo-lab start")
        return int(self._pid_file()[3])

    def _pid_file(self) -> list[str]:
        data = self.data
        try:
            return (data / "postmaster.pid").read_text().splitlines() if data else []
        except FileNotFoundError:
            return []

    def create(self) -> None:
        """Install PostgreSQL if need be and create the cluster, unless it is there."""
        if not _binaries():
            need_packages("postgresql")
        if self.data:
            return
        data = self._folder()
        self._run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", SUPERUSER, "-D", data)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS)
        self._where.write_text(str(data))

    def _folder(self) -> Path:
        """Make an empty data folder that the server's account can use."""
        data = self.home / "cluster"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        if not self.user:
            return data
        shutil.chown(data, self.user)
        try:
            run(["test", "-w", data], user=self.user, cwd="/")
        except LabError:
            data.rmdir()
            data = Path(tempfile.mkdtemp(prefix="odoo-lab-cluster-", dir="/var/tmp"))
            shutil.chown(data, self.user)
        return data

    def start(self) -> None:
        """Start the server on a free port, unless it runs."""
        if self.process:
            return
        data = self.data
        if not data:
            raise LabError("The lab is not set up. Type: tools/odoo-lab setup")
        (data / "postmaster.pid").unlink(missing_ok=True)
        for tries_left in (2, 1, 0):
            try:
                log, port = data / "server.log", f"-c port={_free_port()}"
                self._run("pg_ctl", "start", "-w", "-s", "-D", data, "-l", log, "-o", port)
                return
            except LabError:
                if not tries_left:
                    raise

    def stop(self) -> None:
        """Stop the server."""
        if self.process and self.data:
            self._run("pg_ctl", "stop", "-w", "-s", "-m", "fast", "-D", self.data)

    def remove(self) -> None:
        """Delete the cluster, wherever it lies."""
        if self.data:
            shutil.rmtree(self.data)
        self._where.unlink(missing_ok=True)

    def _run(self, program: str, *arguments: StrPath) -> None:
        """Run one of PostgreSQL's programs as the account that may."""
        folder = _binaries()
        if not folder:
            raise LabError("PostgreSQL is not installed. Type: tools/odoo-lab setup")
        run([folder / program, *arguments], user=self.user, cwd="/")

    def execute(self, database: str, statement: str, *, role: str = ROLE) -> str:
        """Run one SQL statement and return psql's bare output."""
        psql = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", role, "-d", database]
        return run([*psql, "-v", "ON_ERROR_STOP=1", "-XAtq"], stdin=statement)

    def make_role(self) -> None:
        """Create the role that Odoo works as, unless it is there."""
        known = self.execute("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'", role=SUPERUSER)
        if not known.strip():
            self.execute("postgres", f"CREATE ROLE {ROLE} LOGIN CREATEDB", role=SUPERUSER)

    def query(self, database: str, select: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT; values as JSON has them."""
        found = self.execute(database, f"SELECT coalesce(json_agg(r), '[]') FROM ({select}) r")
        rows: list[dict[str, Any]] = json.loads(found)
        return rows

    def databases(self) -> set[str]:
        """Return the names of the databases."""
        return set(self.execute("postgres", "SELECT datname FROM pg_database").split())

    def drop(self, database: str) -> None:
        """Remove a database and everybody who is connected to it."""
        # Autovacuum may be connected, too, and only a superuser may end it.
        self.execute("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)', role=SUPERUSER)

    def copy(self, source: str, database: str) -> None:
        """Create `database` as a copy of `source`."""
        self.execute("postgres", f'CREATE DATABASE "{database}" TEMPLATE "{source}"')


def _binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server that is installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return max(found, key=_version, default=None)


def _version(folder: Path) -> int:
    """Return 15 for Debian's …/postgresql/15/bin."""
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _free_port() -> int:
    # PostgreSQL cannot take over a bound socket; `start` tries again if somebody was faster.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
