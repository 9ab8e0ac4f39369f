"""Waiting for a process that is measured."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from resource import struct_rusage


def ended(child: subprocess.Popen[bytes]) -> tuple[struct_rusage, float]:
    """Wait for the end of a process; return what it used, and its peak of memory in MB."""
    peak = 0.0
    while not (found := os.wait4(child.pid, os.WNOHANG))[0]:
        peak = max(peak, memory(child.pid, "VmHWM"))
        time.sleep(0.05)
    child.returncode = os.waitstatus_to_exitcode(found[1])
    return found[2], peak


def memory(pid: int, name: str) -> float:
    """Return `VmRSS` (now) or `VmHWM` (the most so far) in MB; 0 once the process has ended.

    The peak is not ru_maxrss: that begins with what the parent had when it started the process.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
