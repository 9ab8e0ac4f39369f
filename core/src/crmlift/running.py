"""Run the Meltano pipeline and watch the ledger meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crmlift.errors import RunStopped
from crmlift.ledger import Ledger
from crmlift.mapping.load import read_mapping
from crmlift.meltano_log import Tail, failure, input_broke_off
from crmlift.plan.files import read_plan
from crmlift.plan.model import Plan
from crmlift.project import Project, environment, meltano, meltano_settings, need_meltano_project

POLL_SECONDS = 0.5
Tell = Callable[[str], object]
"""Takes a line about what is going on, for somebody who waits."""


def nobody(_text: str) -> None:
    """Nobody waits."""


def run_pipeline(
    project: Project,
    *,
    tap: str = "tap-customerio",
    arguments: Sequence[str] = (),
    log: Path,
    watch: Callable[[dict[str, Any]], None] = lambda _counts: None,
) -> None:
    """Run `meltano run TAP TARGET`; `watch` gets the counts of the run as they grow. See `run_meltano`."""
    mapping = read_mapping(project.mapping_path)
    with project.ledger(mapping) as ledger:
        before = ledger.runs.latest()
        try:
            run_meltano(
                [*arguments, tap, project.plugin],
                log=log,
                wait=lambda child: _watch(child, ledger, before, watch),
            )
        except RunStopped:
            # The target saw its input end, as it does after the last record.
            if input_broke_off(log.read_text(encoding="utf-8", errors="replace")):
                ledger.runs.mark_cut_short(before)
            raise


def run_plan(
    project: Project,
    *,
    tap: str = "tap-customerio",
    full_refresh: bool = False,
    file: Path | None = None,
    tell: Tell = nobody,
) -> Plan:
    """Run the pipeline without writing, from Meltano's state on, and return the plan that the target made.

    `file` is where the plan goes; the project's place by default. The state stays as it is.
    """
    path = (file or project.plan_path).resolve()
    # Of an input that breaks off, a target makes a plan as well: it must not stand in the other's place.
    made = path.with_suffix(".new")
    run_meltano(
        ["--no-state-update", *(["--full-refresh"] if full_refresh else []), tap, project.plugin],
        log=path.with_suffix(".log"),
        settings={project.variable("plan_file"): str(made)},
        wait=lambda child: _follow(child, path.with_suffix(".log"), tell),
    )
    made.replace(path)
    plan = read_plan(path)
    assert plan is not None, "the target writes the plan, or the run fails"
    return plan


def read_messages(tap: str, file: Path, *, tell: Tell = nobody) -> None:
    """Write the tap's whole output into a file that only its owner may read.

    Raises `RunStopped` with the reason in the tap's log where it fails.
    """
    need_meltano_project()
    file.unlink(missing_ok=True)
    log = file.with_suffix(".log")
    command = [meltano(), "invoke", tap]
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out, log.open("wb") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment())
        _until_it_ends(child, lambda: _follow(child, log, tell))
    if child.returncode != 0:
        raise _stopped(f"Reading with {tap}", log)


def run_loader(
    name: str, tap: str, settings: Mapping[str, object], *, output: str, tell: Tell = nobody
) -> Path:
    """Run the tap into one of our own loaders and return the folder that it writes into.

    `settings` replace those of the loader in meltano.yml; None and False leave a setting as it is there.
    `output` is its folder where nobody says otherwise; what stood there is replaced once all is made.
    """
    given = {key: "true" if value is True else str(value) for key, value in settings.items() if value}
    prefix = name.replace("-", "_").upper()
    variables = {f"{prefix}_{key.upper()}": value for key, value in given.items()}
    folder = Path(given.get("output") or meltano_settings(name).get("output", output))
    folder.mkdir(parents=True, exist_ok=True)
    log = Path(".crmlift") / f"{name}.log"
    # Of an input that breaks off, a loader makes its files as well: they must not stand in the others' place.
    with TemporaryDirectory(prefix=".new-", dir=folder) as made:
        variables[f"{prefix}_OUTPUT"] = str(Path(made).resolve())
        run_meltano([tap, name], log=log, settings=variables, wait=lambda child: _follow(child, log, tell))
        for new in sorted(Path(made).iterdir()):
            _replace(folder / new.name, new)
    return folder


def _replace(old: Path, new: Path) -> None:
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)


def run_meltano(
    arguments: Sequence[str],
    *,
    log: Path,
    settings: Mapping[str, str] | None = None,
    wait: Callable[[subprocess.Popen[bytes]], object] = subprocess.Popen.wait,
) -> None:
    """Run `meltano run` with its output in `log`; `settings` are further environment variables.

    Raises `RunStopped` with the reason in the log where it fails. On Ctrl-C or SIGTERM the pipeline
    is asked to finish its batch before this returns.
    """
    need_meltano_project()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(
            [meltano(), "run", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment() | dict(settings or {}),
            start_new_session=True,
        )
        _until_it_ends(child, lambda: wait(child))
    if child.returncode != 0:
        raise _stopped(f"meltano run {' '.join(arguments)}", log)


def _until_it_ends(child: subprocess.Popen[bytes], wait: Callable[[], object]) -> None:
    try:
        wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise


def _stopped(what: str, log: Path) -> RunStopped:
    reason, what_to_do = failure(log.read_text(encoding="utf-8", errors="replace"))
    return RunStopped(f"{what} failed.\n{reason}", hint=f"{what_to_do}\nThe whole log is in {log}.".strip())


def _follow(child: subprocess.Popen[bytes], log: Path, tell: Tell) -> None:
    with closing(Tail(log)) as tail:
        while child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
            if text := tail.latest():
                tell(text)


def _watch(
    child: subprocess.Popen[bytes], ledger: Ledger, before: int, watch: Callable[[dict[str, Any]], None]
) -> None:
    while True:
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLL_SECONDS)
        run = ledger.runs.last()
        if run is not None and run["id"] > before:
            watch(run["counts"])
        if child.poll() is not None:
            return
