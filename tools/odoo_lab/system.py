"""Commands, packages of the system, and processes known by pid and start time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

StrPath = str | Path


class LabError(Exception):
    """The lab cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that the lab started. The start time tells it from a later one with the same pid."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the live process with this pid, or None."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self

    @property
    def command(self) -> str:
        """The command line, words separated by spaces; empty when the process has ended."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def stop(self, patience_s: float = 20) -> None:
        """Ask the process to end; kill it when it has not ended after `patience_s`."""
        for sign, patience in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10.0)):
            if not self.alive:
                return
            os.kill(self.pid, sign)
            deadline = time.monotonic() + patience
            while self.alive and time.monotonic() < deadline:
                time.sleep(0.05)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for the lab's commands: none of the caller's PG* or PYTHON* settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "PYTHON", "LISTEN_"))}
    return inherited | {"LC_ALL": "C.UTF-8"} | dict(extra or {})


def run(
    command: Sequence[StrPath],
    *,
    cwd: StrPath | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    stdin: str = "",
) -> str:
    """Run a command to its end and return what it printed on stdout.

    `user` is the account to run as, when this process is root. A failure is a `LabError` with the
    end of the command's output.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    except FileNotFoundError as error:
        raise LabError(f"{words[0]} is not installed.") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise LabError(f"{' '.join(words[:4])} … failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


def need_packages(*names: str) -> None:
    """Install packages of the system; where that is not allowed, say what to type."""
    manual = f"apt-get install --no-install-recommends {' '.join(names)}"
    if not shutil.which("apt-get"):
        raise LabError(f"The Odoo lab needs Debian's packages: {' '.join(names)}")
    if os.geteuid() == 0:
        prefix: list[str] = []
    elif shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
        prefix = ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"]
    else:
        raise LabError(f"Packages are missing and this user may not install them. Type: sudo {manual}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run([*prefix, "apt-get", "update", "-qq"], env=quiet)
    run([*prefix, "apt-get", "install", "-qq", "-y", "--no-install-recommends", *names], env=quiet)
