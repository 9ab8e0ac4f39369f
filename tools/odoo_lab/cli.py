"""The command line of the lab."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from typing import Any

from odoo_lab.lab import DEFAULT_DATABASE, Lab
from odoo_lab.system import LabError

COMMANDS = {
    "setup": "fetch, unpack and prepare everything; what is there is kept",
    "start": "start PostgreSQL, a mail sink and Odoo; prints url, database, keys and pids as JSON",
    "stop": "stop what start started",
    "reset": "make the database a fresh copy of the seed; works while the server runs",
    "remove": "stop and delete everything, downloads included",
    "status": "say what runs; exit code 3 when nothing does",
    "env": "print the settings of target-odoo as shell exports",
}


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="odoo-lab", description="A real Odoo 19, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in ("reset", "env"):
            command.add_argument("--db", default=DEFAULT_DATABASE, help="default: %(default)s")
    options = parser.parse_args()
    try:
        return _run(Lab(), options)
    except LabError as error:
        print(f"odoo-lab: {error}", file=sys.stderr)
        return 1


def _run(lab: Lab, options: argparse.Namespace) -> int:
    began = time.monotonic()
    match options.command:
        case "start":
            print(json.dumps(lab.start(), indent=1))
        case "status" | "env":
            run = lab.running()
            if not run:
                print("odoo-lab: not running", file=sys.stderr)
                return 3
            print(_exports(run, options.db) if options.command == "env" else _status(run))
        case "reset":
            lab.reset(options.db)
        case _:
            getattr(lab, options.command)()
    print(f"odoo-lab: {options.command} took {time.monotonic() - began:.1f} s", file=sys.stderr)
    return 0


def _status(run: dict[str, Any]) -> str:
    """Return what may be shown to anybody: no key."""
    return json.dumps({"url": run["url"], "db": run["db"], "pids": run["pids"]})


def _exports(run: dict[str, Any], database: str) -> str:
    settings = {"URL": run["url"], "DATABASE": database, "API_KEY": run["api_key"]}
    return "\n".join(f"export TARGET_ODOO_{name}={shlex.quote(value)}" for name, value in settings.items())
