"""HTML pages that need nothing else: one frame and one style for all of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def environment(package: str, *, html: bool = True) -> Environment:
    """Return the environment for the templates of a package; pages extend `page.html`.

    Filters: `n` groups digits, `pct` writes a share as per cent, `when` a moment to the minute.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("crmlift.pages", ".")]),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"n": number, "pct": percent, "when": moment}
    return made


def render(package: str, name: str, **facts: Any) -> str:
    """Return a page from a template of a package."""
    return environment(package).get_template(name).render(**facts)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner may read; text as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def number(value: int) -> str:
    """Group the digits of a number."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Write a share as per cent."""
    if 0 < value < 0.001:
        return "< 0.1 %"
    return f"{value:.1%}".replace(".0%", "%").replace("%", " %")


def moment(at: datetime | str) -> str:
    """Write a moment in UTC, to the minute."""
    given = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return given.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def cell(text: object) -> str:
    """Text that cannot break a Markdown table or add markup to it."""
    escaped = str(text).replace("\\", "\\\\")
    for character in "|`*_<>[]":
        escaped = escaped.replace(character, f"\\{character}")
    return " ".join(escaped.split())
