"""Write a profile as JSON, Markdown and one HTML page that needs nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from crmlift import pages
from crmlift.pages import percent, write_private
from crmlift.scope import charts
from crmlift.scope.model import Profile

FILES = ("scope.json", "scope.md", "scope.html")


def write_profile(profile: Profile, folder: Path) -> None:
    """Write all three forms; only their owner may read them."""
    texts = (
        profile.model_dump_json(indent=2) + "\n",
        render(profile, "scope.md"),
        render(profile, "scope.html"),
    )
    for name, text in zip(FILES, texts, strict=True):
        write_private(folder / name, text)


def read_profile(path: Path) -> Profile:
    """Read a profile from its JSON form; raise `ConfigError` where it is none."""
    return Profile.from_file(path, again="crmlift scope")


def render(profile: Profile, name: str) -> str:
    """Return the profile in the form of a template: `scope.md` or `scope.html`."""
    environment = pages.environment("crmlift.scope", html=name.endswith(".html"))
    environment.filters |= {"cell": pages.cell, "types": _types, "looks": _looks}
    return environment.get_template(name).render(
        profile=profile, charts=charts, months=_months(profile), groups=_groups(profile), dups=_NAMES
    )


_NAMES = {
    "email": "the same email address",
    "mailbox": "the same mailbox (+tags aside)",
    "id": "the same id (case aside)",
}


def _months(profile: Profile) -> dict[str, list[tuple[str, int]]]:
    """How much happened per month, by stream."""
    found: dict[str, Counter[str]] = {}
    for volume in profile.volume:
        if volume.month:
            found.setdefault(volume.stream, Counter())[volume.month] += volume.count
    return {stream: sorted(counter.items()) for stream, counter in sorted(found.items())}


def _groups(profile: Profile) -> dict[str, list[Any]]:
    """Attributes under a heading per stream and group."""
    found: dict[str, list[Any]] = {}
    for attribute in sorted(profile.attributes, key=lambda a: a.stream != "people"):
        heading = attribute.stream + (f" · {attribute.group}" if attribute.group else "")
        found.setdefault(heading, []).append(attribute)
    return found


def _types(types: dict[str, int]) -> str:
    return ", ".join(name for name in types if name != "null")


def _looks(patterns: dict[str, float]) -> str:
    """The forms that a tenth or more of the values have, the most frequent first."""
    found = sorted(patterns.items(), key=lambda item: -item[1])
    return ", ".join(f"{name.replace('_', ' ')} {percent(share)}" for name, share in found if share >= 0.1)
