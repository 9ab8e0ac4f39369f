"""Write a hand-off: JSON first, then Markdown and HTML made from it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Template

from crmlift import pages
from crmlift.handoff import drawing
from crmlift.handoff.build import Destination
from crmlift.handoff.model import Entry, Handoff, Item, Kind, Task
from crmlift.pages import write_private

INDEX = "handoff.json"
TITLES = {
    Kind.SEGMENT: "Segments",
    Kind.CAMPAIGN: "Campaigns and journeys",
    Kind.BROADCAST: "API-triggered broadcasts",
    Kind.NEWSLETTER: "Newsletters",
    Kind.TRANSACTIONAL: "Transactional messages",
    Kind.BECAME: "What became what",
    Kind.PUSH: "Push",
    Kind.SETTINGS: "Settings",
    Kind.DELETED: "Deleted profiles",
    Kind.MESSAGES: "Message logs",
    Kind.COMPLETENESS: "Completeness",
}
_MADE = ("items", "people", "advice")
"""Folders that a hand-off fills; empty ones stand, too, in the place of those of an earlier hand-off."""


def index(items: Sequence[Item], *, at: str, workspace: str, destination: Destination | None) -> Handoff:
    """Return the index of items."""
    return Handoff(
        written_at=at,
        workspace=workspace,
        destination=destination.advisor.crm if destination else None,
        mapping_approved=destination.approved if destination else None,
        items=[_entry(item) for item in items],
        checklist=[
            Task(task=task, item=item.key, group=f"{TITLES[item.kind]}: {item.name}")
            for item in items
            for task in item.tasks
        ],
    )


def write(handoff: Handoff, items: Sequence[Item], folder: Path, destination: Destination | None) -> Handoff:
    """Write everything but the files of people; what an earlier hand-off left is removed first."""
    for name in _MADE:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    packages = _packages(items, folder, destination) if destination else []
    handoff = handoff.model_copy(update={"packages": packages})
    items_as = _templates("item")
    for item in items:
        _advice(item, folder)
        text = orjson.dumps(item.model_dump(mode="json"), option=orjson.OPT_INDENT_2).decode() + "\n"
        write_private(folder / "items" / f"{item.key}.json", text)
        for suffix, page in items_as.items():
            write_private(folder / "items" / f"{item.key}.{suffix}", page.render(item=item))
    write_private(folder / INDEX, handoff.model_dump_json(indent=2) + "\n")
    for suffix, page in _templates("index").items():
        write_private(folder / f"index.{suffix}", page.render(handoff=handoff, titles=TITLES))
    return handoff


def read_index(folder: Path) -> Handoff:
    """Read the index of a hand-off."""
    return Handoff.model_validate_json((folder / INDEX).read_bytes())


def read_item(path: Path) -> Item:
    """Read an item."""
    return Item.model_validate_json(path.read_bytes())


def artefact_path(item: Item, crm: str, name: str) -> str:
    """Return where an artefact of an advice is written, seen from the hand-off's folder."""
    return f"advice/{crm.lower()}/{item.key}.{name}"


def _advice(item: Item, folder: Path) -> None:
    for advice in item.advice:
        for name, text in advice.artefacts.items():
            write_private(folder / artefact_path(item, advice.crm, name), text)


def _packages(items: Sequence[Item], folder: Path, destination: Destination) -> list[str]:
    """Write the texts of a CRM in one; return the paths."""
    crm = destination.advisor.crm
    artefacts = {item.key: advice.artefacts for item in items for advice in item.advice if advice.crm == crm}
    found = {f"advice/{crm.lower()}/{name}": content
             for name, content in destination.advisor.package(artefacts).items()}  # fmt: skip
    for path, content in found.items():
        write_private(folder / path, content)
    return list(found)


def _entry(item: Item) -> Entry:
    return Entry(
        key=item.key,
        kind=item.kind,
        id=item.id,
        name=item.name,
        state=item.state,
        summary=_summary(item),
        exactness={advice.crm: advice.exactness.value for advice in item.advice},
    )


_SENT = ("Sent", "Size")
"""Facts of what was sent to many that the index shows."""


def _summary(item: Item) -> str:
    if item.kind is Kind.SEGMENT:
        by = item.rule.words if item.rule else "put in by hand"
        return f"{item.members.counted:,} people: {by}" if item.members else by
    if item.journey is not None:
        return f"{item.journey.trigger.words}; {len(item.journey.steps)} steps"
    if item.audience is not None:
        size = [fact.value for fact in item.facts if fact.label in _SENT and fact.value != "never"]
        return "; ".join([f"to {item.audience.words}", *(["sent " + ", ".join(size)] if size else [])])
    return "; ".join(f"{fact.label}: {fact.value}" for fact in item.facts[:2])


def _templates(name: str) -> dict[str, Template]:
    """Both forms of a document, by the suffix of its file."""
    found = {}
    for suffix, file in (("md", f"{name}.md.jinja"), ("html", f"{name}.html")):
        made = pages.environment("crmlift.handoff", html=suffix == "html")
        made.filters |= {"cell": pages.cell, "json": _json}
        made.globals |= {"flow": drawing.flow, "artefact_path": artefact_path}
        found[suffix] = made.get_template(file)
    return found


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
