"""How Meltano reaches the stand-ins, and the bundled workspace for the one of Customer.io."""

from __future__ import annotations

import subprocess
import sys

from crmlift.errors import ConfigError
from crmlift.project import target_class, variable

SOURCE = "customerio"
# The vendor's limit of 10 requests a second would only make people wait.
UNHURRIED = {"CUSTOMERIO_SANDBOX_RATE": "1000"}


def settings(name: str, url: str) -> dict[str, str]:
    """Return the environment variables that point the tap, or a target, at its stand-in."""
    if name == SOURCE:
        return {
            "TAP_CUSTOMERIO_API_URL": url,
            "TAP_CUSTOMERIO_APP_API_KEY": "sandbox-app-key",
            "TAP_CUSTOMERIO_REQUESTS_PER_SECOND": "900",
        }
    given = {"url": url, **target_class(name).sandbox_config}
    return {variable(f"target-{name}", setting): _text(value) for setting, value in given.items()}


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_bundled_workspace(url: str, people: int) -> None:
    """Write the bundled workspace into the stand-in of Customer.io."""
    module = ["-m", "tap_customerio.workspace", "load"]
    command = [sys.executable, *module, "--url", url, "--people", str(people)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ConfigError(f"The workspace could not be loaded:\n{done.stderr[-2000:]}")
