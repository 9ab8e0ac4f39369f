"""The lab as one thing: set up, start, stop, and fresh databases."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from odoo_lab import package
from odoo_lab.odoo import DATABASES, KEYS_SCRIPT, MODULES, Odoo, start_sink
from odoo_lab.postgres import ROLE, Cluster
from odoo_lab.system import LabError, Process

SEED = "seed"
DEFAULT_DATABASE = DATABASES


class Lab:
    """A real Odoo 19, below `home`.

    Every database is a copy of the seed, so the API keys are the same in all of them. Calls name
    the database they mean in the header `X-Odoo-Database`.
    """

    def __init__(self, home: Path | None = None) -> None:
        cache = os.environ.get("CRMLIFT_CACHE")
        repository = Path(__file__).resolve().parents[2]
        self.home = home or Path(cache or repository / ".cache").resolve() / "odoo"
        self.cluster = Cluster(self.home)
        self.odoo = Odoo(tree=self.home / "src", venv=self.home / "venv", home=self.home / "server")
        self.run_file = self.home / "run.json"
        self.smtp_count_file = self.home / "server/smtp-count"
        self._keys_file = self.home / "keys.json"

    # -- set up ------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Make all that `start` needs. What is there already is kept; nothing is then downloaded."""
        with self._lock():
            self._step("src", self._source_print(), self._unpack)
            self._step("venv", self._venv_print(), lambda: package.make_venv(self.odoo.venv))
            self.cluster.create()
            self._step("seed", self._seed_print(), self._make_seed)

    def _step(self, name: str, fingerprint: str, action: Any) -> None:
        """Run `action` unless it went through before with the same inputs."""
        stamp = self.home / f"{name}.stamp"
        if stamp.exists() and stamp.read_text() == fingerprint:
            return
        stamp.unlink(missing_ok=True)
        action()
        stamp.write_text(fingerprint)

    def _source_print(self) -> str:
        return _digest(os.environ.get("ODOO_LAB_SHA256", package.SHA256), *package.LEFT_OUT)

    def _venv_print(self) -> str:
        version = os.path.realpath(package.SYSTEM_PYTHON)
        return _digest(package.REQUIREMENTS.read_text(), version, str(self.odoo.venv))

    def _seed_print(self) -> str:
        return _digest(self._source_print(), str(self.cluster.data), KEYS_SCRIPT, *MODULES)

    def _unpack(self) -> None:
        deb = self.home / "odoo-19.deb"
        package.fetch(deb)
        package.unpack(deb, self.odoo.tree)

    def _make_seed(self) -> None:
        self._stop()
        with self._with_cluster():
            self.cluster.make_role()
            # Copies of an earlier seed hold other keys.
            for database in self.cluster.databases():
                if database == SEED or database.startswith(DATABASES):
                    self._drop(database)
            # Port 9 discards: nothing is served or mailed while the seed is made.
            self.odoo.configure(db_port=self.cluster.port, http_port=9, smtp_port=9)
            self.odoo.create_database(SEED)
            _write_private(self._keys_file, self.odoo.make_keys(SEED))

    def remove(self) -> None:
        """Stop everything and delete it, downloads included."""
        with self._lock():
            self._stop()
            self.cluster.remove()
            shutil.rmtree(self.home)

    # -- run ---------------------------------------------------------------------------------------

    def start(self) -> dict[str, Any]:
        """Start everything, unless it runs, and return what `run.json` says.

        Keys: url, db, api_key, clerk_api_key, login and password of the administrator,
        smtp_count_file, pg (host, port, user), pids (name -> pid, start time).
        """
        with self._lock():
            if running := self._running():
                return running
            self._stop()
            self.cluster.start()
            try:
                return self._start()
            except BaseException:
                self._stop()
                raise

    def _start(self) -> dict[str, Any]:
        if not self._keys_file.exists():
            raise LabError("The lab is not set up. Type: tools/odoo-lab setup")
        if DEFAULT_DATABASE not in self.cluster.databases():
            self._copy_seed(DEFAULT_DATABASE)
        mail, web = _listen(), _listen()
        (host, port), smtp_port = web.getsockname(), mail.getsockname()[1]
        self.odoo.configure(db_port=self.cluster.port, http_port=port, smtp_port=smtp_port)
        pids: dict[str, Process] = {}
        run = {
            "url": f"http://{host}:{port}",
            "db": DEFAULT_DATABASE,
            "login": "admin",
            "password": "admin",
            **json.loads(self._keys_file.read_text()),
            "smtp_count_file": str(self.smtp_count_file),
            "pg": {"host": "127.0.0.1", "port": self.cluster.port, "user": ROLE},
        }

        def started(name: str, process: Process | None) -> None:
            assert process
            pids[name] = process
            known = {name: [p.pid, p.started] for name, p in pids.items()}
            _write_private(self.run_file, json.dumps(run | {"pids": known}, indent=1))

        started("postgres", self.cluster.process)
        started("smtp", start_sink(mail, self.smtp_count_file))
        started("odoo", self.odoo.serve(web))
        return self._running() or {}

    def stop(self) -> None:
        """Stop everything, by process id."""
        with self._lock():
            self._stop()

    def _stop(self) -> None:
        for name, process in reversed(self._processes().items()):
            if name != "postgres":
                process.stop()
        self.cluster.stop()
        self.run_file.unlink(missing_ok=True)

    def running(self) -> dict[str, Any] | None:
        """Return what `run.json` says, or None unless all of it runs."""
        with self._lock():
            return self._running()

    def _running(self) -> dict[str, Any] | None:
        processes = self._processes()
        if len(processes) == 3 and all(process.alive for process in processes.values()):
            run: dict[str, Any] = json.loads(self.run_file.read_text())
            return run
        return None

    def _processes(self) -> dict[str, Process]:
        try:
            pids = json.loads(self.run_file.read_text())["pids"]
        except FileNotFoundError:
            return {}
        return {name: Process(pid, started) for name, (pid, started) in pids.items()}

    # -- databases ---------------------------------------------------------------------------------

    def reset(self, database: str = DEFAULT_DATABASE) -> None:
        """Make `database` a fresh copy of the seed; a running server goes on with it."""
        if not database.startswith(DATABASES):
            raise LabError(f"The server only shows databases whose name starts with {DATABASES!r}.")
        with self._lock(), self._with_cluster():
            self._copy_seed(database)

    def drop(self, database: str) -> None:
        """Remove a database that `reset` made."""
        with self._lock(), self._with_cluster():
            self._drop(database)

    def query(self, database: str, select: str) -> list[dict[str, Any]]:
        """Read straight from PostgreSQL: the rows of a SELECT."""
        return self.cluster.query(database, select)

    def mails(self) -> int:
        """Return how many mails Odoo has sent since `start`."""
        return int(self.smtp_count_file.read_text())

    def _drop(self, database: str) -> None:
        self.cluster.drop(database)
        shutil.rmtree(self.odoo.filestore(database), ignore_errors=True)

    def _copy_seed(self, database: str) -> None:
        self._drop(database)
        self.cluster.copy(SEED, database)
        # Tells a server that knew an earlier database of this name to load everything again.
        self.cluster.execute(database, "INSERT INTO orm_signaling_registry DEFAULT VALUES")
        if self.odoo.filestore(SEED).exists():
            shutil.copytree(self.odoo.filestore(SEED), self.odoo.filestore(database))

    @contextmanager
    def _with_cluster(self) -> Iterator[None]:
        was_running = self.cluster.process is not None
        self.cluster.start()
        try:
            yield
        finally:
            if not was_running:
                self.cluster.stop()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes out while the lab changes."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _listen() -> socket.socket:
    """Return a socket that listens on a free port of the loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read: it holds API keys."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
