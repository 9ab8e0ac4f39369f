"""target-odoo's own tests, which pass against its sandbox, pass against the real Odoo too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parents[2] / "targets/target-odoo/tests"


def test_the_targets_own_suite_passes_against_a_real_odoo(odoo):
    settings = {f"TARGET_ODOO_TEST_{name.upper()}": value for name, value in odoo.settings.items()}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "real", str(SUITE)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "TARGET_ODOO_TEST_URL names no real Odoo" not in done.stdout
