"""The suite's migration, into the real server."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson

from crmlift.destination import Unprovisions
from crmlift.mapping import schema_changes
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import Workspace
from target_odoo.target import TargetOdoo

SMALL_CALLS = {"batch_size": 50, "server_limit_s": 3}
RUN = "from target_odoo.target import TargetOdoo; TargetOdoo.cli()"


class RealMigration(Migration):
    """A project with an approved mapping, for one database of the lab."""

    def __init__(self, odoo: Any, folder: Path) -> None:
        super().__init__(TargetOdoo, odoo, folder, odoo.settings)

    def provision(self) -> None:
        """Create what the mapping needs."""
        with self.crm() as crm:
            schema_changes.apply(self.mapping, crm)

    def take_back_schema(self) -> None:
        """Take away what provisioning made; nothing of it may be in use."""
        with self.crm() as crm:
            assert isinstance(crm, Unprovisions)
            assert crm.unprovision().kept == {}

    def load_through_kills(self, workspace: Workspace, kills: int, chance: random.Random) -> None:
        """Load in small calls, killed so many times on the way, then to the end."""
        (self.folder / "config.json").write_bytes(orjson.dumps(self.config | SMALL_CALLS))
        position = 0
        for _ in range(kills):
            position = self._run_and_kill(workspace, position, chance)
        self.run(workspace.lines(after=position))

    def _run_and_kill(self, workspace: Workspace, position: int, chance: random.Random) -> int:
        """Kill the target once it has settled some more rows, by chance; return its last position."""
        enough = self._settled() + chance.randint(1, 120)
        command = [sys.executable, "-c", RUN, "--config", str(self.folder / "config.json")]
        with (self.folder / "lines").open("w+b") as lines, (self.folder / "states").open("w+b") as out:
            lines.write(workspace.lines(after=position))
            lines.seek(0)
            child = subprocess.Popen(command, stdin=lines, stdout=out, stderr=subprocess.DEVNULL)
            while child.poll() is None:
                if self._settled() >= enough:
                    child.kill()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.02)
            out.seek(0)
            states = out.read().splitlines()
        return int(orjson.loads(states[-1])["bookmarks"]["workspace"]["position"]) if states else position

    def _settled(self) -> int:
        """Return how many rows the ledger holds, seen from outside."""
        try:
            with closing(sqlite3.connect(f"file:{self.folder / 'ledger.db'}?mode=ro", uri=True)) as ledger:
                return int(ledger.execute("SELECT count(*) FROM records").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
