"""Items of segments: rule, size, people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlift.handoff import words
from crmlift.handoff.advice import Segment
from crmlift.handoff.build_content import moment
from crmlift.handoff.conditions import EVERYBODY, Compare, Node, Unknown, parse, walk
from crmlift.handoff.gather import Gathered, members_file
from crmlift.handoff.model import Fact, Item, Kind, Membership, PeopleFile, Rule, Table

Record = dict[str, Any]


def segments(gathered: Gathered) -> dict[str, Segment]:
    """Return every segment by id, archived ones too, with its tree where a rule is known."""
    return {id: _segment(id, found) for id, found in _merged(gathered).items()}


def items(gathered: Gathered, names: Mapping[str, str], at: str) -> list[Item]:
    """Return an item for each segment."""
    return [_item(found, gathered, names, at) for found in _merged(gathered).values()]


def _merged(gathered: Gathered) -> dict[str, Record]:
    """What both routes say of each segment; the user interface knows the whole rule."""
    found: dict[str, Record] = {}
    for stream, source in (("segments", "api"), ("segment_rules", "ui_api")):
        for record in gathered.documents[stream]:
            id = str(record["id"])
            said = {name: value for name, value in record.items() if value not in (None, "", [], {})}
            kind = {"type": found[id]["type"]} if id in found and "type" in found[id] else {}
            found[id] = found.get(id, {}) | said | kind
            if "conditions" in said:
                found[id]["source"] = source
                found[id].setdefault("rules", []).append(parse(said["conditions"]))
    return dict(sorted(found.items(), key=lambda one: (len(one[0]), one[0])))


def _segment(id: str, found: Record) -> Segment:
    name = str(found.get("name") or f"Segment {id}")
    return Segment(id, name, _dynamic(found), _tree(found), listed=found.get("archived") is not True)


def _dynamic(found: Record) -> bool:
    return found.get("type") == "dynamic" or "conditions" in found


def _tree(found: Record) -> Node | None:
    tree = parse(found["conditions"]) if "conditions" in found else None
    return None if tree == EVERYBODY else tree


def not_understood(tree: Node | None) -> list[str]:
    """Say what a tree holds that has no known meaning."""
    found = []
    for node in walk(tree):
        if isinstance(node, Compare) and not node.known:
            found.append(f"operator {node.operator}")
        elif isinstance(node, Unknown):
            found.append(words.condition(node))
    return list(dict.fromkeys(found))


def _item(found: Record, gathered: Gathered, names: Mapping[str, str], at: str) -> Item:
    dynamic, tree = _dynamic(found), _tree(found)
    name = members_file(found["id"])
    counted = gathered.files.counts[name]
    file = PeopleFile(path=name, rows=counted, columns=gathered.files.columns(name)) if counted else None
    archived = found.get("archived") is True
    return Item(
        kind=Kind.SEGMENT,
        id=str(found["id"]),
        name=str(found.get("name") or f"Segment {found['id']}"),
        description=str(found.get("description") or ""),
        state="archived" if archived else str(found.get("state") or ""),
        facts=[
            Fact(label="Kind", value="dynamic: by its rule" if dynamic else "manual: people were put in"),
            *([Fact(label="Tags", value=", ".join(found["tags"]))] if found.get("tags") else []),
            *moment("Created", found.get("created_at")),
            *moment("Changed", found.get("updated_at")),
        ],
        statements=_statements(found, dynamic, archived, gathered),
        rule=_rule(found, tree, names) if dynamic else None,
        members=None if archived else Membership(dynamic=dynamic, counted=counted, at=at, file=file),
        tables=_usage(found.get("usage")),
        tasks=[f"Rebuild the {'rule' if dynamic else 'list'} and compare its size"] if not archived else [],
    )


def _statements(found: Record, dynamic: bool, archived: bool, gathered: Gathered) -> list[str]:
    said = []
    if dynamic and "conditions" not in found:
        said.append(
            "No route that was read gives the rule: write it down from the workspace before it closes."
        )
    if len({rule.model_dump_json() for rule in found.get("rules", ())}) > 1:
        said.append("The App API sends another rule than the user interface's API, whose rule is shown.")
    if archived:
        said.append("It is archived in Customer.io, so its people are not listed.")
    elif not gathered.has("segment_memberships"):
        said.append("The people were not read: select the stream segment_memberships.")
    if not archived and found.get("state") in ("build", "building"):
        said.append("Customer.io was still building it: the count is not final.")
    said += [f"The text of its {name} could not be decoded." for name in found.get("undecoded") or ()]
    return said


def _rule(found: Record, tree: Node | None, names: Mapping[str, str]) -> Rule:
    return Rule(
        source=found.get("source", ""),
        words=words.condition(tree, names) if "conditions" in found else "not known",
        raw=found.get("conditions"),
        tree=tree,
        not_understood=not_understood(tree),
    )


def _usage(usage: Any) -> list[Table]:
    """What uses it, in whatever form that comes."""
    if not isinstance(usage, dict) or not usage:
        return []
    rows = [
        [str(kind), ", ".join(map(str, users)) if isinstance(users, list) else str(users)]
        for kind, users in usage.items()
    ]
    return [Table(title="Used by", columns=["Kind", "Which"], rows=rows)]
