"""The ledger in PostgreSQL does what it does in SQLite: the same tests, on the lab's server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2] / "core/tests"


def test_loader_rollback_and_verification_pass_on_postgres(odoo):
    url = f"postgresql+psycopg://odoo@127.0.0.1:{odoo.lab.cluster.port}/{odoo.database}"
    files = [TESTS / f"test_{name}.py" for name in ("loader", "rollback", "verify")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)]
    environment = os.environ | {"CRMLIFT_TEST_LEDGER_URL": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert odoo.query("SELECT count(*) AS runs FROM runs")[0]["runs"] > 50
