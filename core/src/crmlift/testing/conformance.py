"""The suite that every target inherits: a whole life against its sandbox.

```python
class TestAcme(TargetConformance):
    target = TargetAcme
```

The default mapping is used as it ships. The sandbox is found by the target's short name and must
answer to `crmlift.sandbox.faults`; `small_batches` are settings that make many small calls of few large ones.
"""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, ClassVar, cast

import orjson
import pytest

from crmlift import plugins
from crmlift.destination import CountsMessages, Create, Destination, Field, FieldType, Update
from crmlift.ledger import Ledger
from crmlift.mapping import schema_changes
from crmlift.mapping.approval import approve
from crmlift.mapping.default import write_default
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping
from crmlift.propose.fieldnames import FieldNames
from crmlift.reconcile import Reconciliation, reconcile
from crmlift.rollback import roll_back, runs_to_undo
from crmlift.sandbox.server import Server, serve
from crmlift.singer.target import CrmTarget
from crmlift.testing.workspace import Workspace
from crmlift.verify import verify

Snapshot = dict[str, dict[str, dict[str, Any]]]
GONE = {"_sdc_deleted_at": "2026-06-01T00:00:00Z"}
KILLS = 20
KINDS: dict[FieldType, Any] = {
    FieldType.TEXT: "Größe 👋 “quoted”",
    FieldType.INTEGER: 41,
    FieldType.NUMBER: 1.25,
    FieldType.BOOLEAN: True,
    FieldType.DATE: date(2001, 2, 3),
    FieldType.DATETIME: datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    FieldType.JSON: {"a": [1, None, "é"], "b": {}},
}
"""The types that `crmlift propose` gives custom fields, each with a value."""


class Migration:
    """A target, its sandbox and a project folder: what a test of the suite works with."""

    def __init__(
        self, target: type[CrmTarget], server: Server, folder: Path, settings: dict[str, Any]
    ) -> None:
        self.target = target
        self.server = server
        self.folder = folder
        self.mapping_path = folder / "mapping.yml"
        self.config: dict[str, Any] = {
            "url": server.url,
            **target.sandbox_config,
            **settings,
            "mapping": str(self.mapping_path),
            "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
        }
        write_default(target.default_mapping, self.mapping_path, workspace="conformance")
        approve(self.mapping_path, by="conformance")

    @property
    def mapping(self) -> Mapping:
        """The approved mapping."""
        return read_mapping(self.mapping_path)

    def load(self, workspace: Workspace, **settings: Any) -> dict[str, dict[str, int]]:
        """Run the target over the whole workspace; return the counts per entity."""
        self.run(workspace.lines(), **settings)
        entities: dict[str, dict[str, int]] = self.counts().get("entities", {})
        return entities

    def run(self, lines: bytes, **settings: Any) -> None:
        """Run the target over Singer messages."""
        self.target(config=self.config | settings).listen(cast("IO[str]", io.BytesIO(lines)))

    def counts(self) -> dict[str, Any]:
        """Return the counts of the last run."""
        with self.ledger() as ledger:
            counts: dict[str, Any] = ledger.runs.all()[-1]["counts"]
            return counts

    @contextmanager
    def crm(self) -> Iterator[Destination]:
        """Open the CRM."""
        settings = dict(self.target(config=self.config).config)
        with self.target.open(settings, self.mapping) as crm:
            yield crm

    def ledger(self) -> Ledger:
        """Open the ledger."""
        name = self.mapping.destination
        return Ledger(self.config["ledger_url"], destination=name, workspace="conformance")

    def lose_ledger(self) -> None:
        """Play a run on another machine."""
        for file in self.folder.glob("ledger.db*"):
            file.unlink()

    def reconciled(self) -> Reconciliation:
        """Count."""
        with self.ledger() as ledger, self.crm() as crm:
            return reconcile(ledger, crm)

    def misses(self) -> list[Any]:
        """Read every row back; return the differences."""
        with self.ledger() as ledger, self.crm() as crm:
            return [miss for check in verify(ledger, crm).entities for miss in check.misses]

    def roll_back_everything(self) -> list[Any]:
        """Undo all runs; return what was kept."""
        with self.ledger() as ledger, self.crm() as crm:
            runs = runs_to_undo(ledger, run=None, everything=True)
            return [kept for run in runs for kept in roll_back(ledger, crm, run).kept]

    def snapshot(self) -> Snapshot:
        """Return every row of ours by key, with links as keys: equal for equal contents, whatever the ids."""
        with self.crm() as crm:
            return _Snapshots(crm, self.mapping).ours()

    def others(self) -> Snapshot:
        """Return every record that is not ours, by id."""
        with self.crm() as crm:
            return _Snapshots(crm, self.mapping).others()


class _Snapshots:
    def __init__(self, crm: Destination, mapping: Mapping) -> None:
        self.crm = crm
        self.entities = list(
            dict.fromkeys(rule.entity for rules in mapping.streams.values() for rule in rules)
        )
        self.links: dict[str, dict[str, list[str]]] = {name: {} for name in self.entities}
        self.fields: dict[str, set[str]] = {name: set() for name in self.entities}
        for rule in (rule for rules in mapping.streams.values() for rule in rules):
            self.fields[rule.entity] |= {*rule.fields, *rule.links}
            self.links[rule.entity] |= {name: link.entity for name, link in rule.links.items()}

    def ours(self) -> Snapshot:
        keys = {
            entity: {
                found.id: found.key or "" for page in self.crm.scan(entity, (), ours=True) for found in page
            }
            for entity in self.entities
            if not self.crm.entities[entity].natural and self.crm.describe(entity)
        }
        snapshot: Snapshot = {}
        for entity in self.entities:
            rows: dict[str, dict[str, Any]] = {}
            for page in self.crm.scan(entity, sorted(self.fields[entity]), ours=True):
                for found in page:
                    values = {
                        name: _as_keys(_either(keys, self.links[entity][name]), value)
                        if name in self.links[entity]
                        else value
                        for name, value in found.values.items()
                    }
                    natural = self.crm.entities[entity].natural
                    key = (
                        ":".join(str(values[name]) for name in sorted(values)) if natural else str(found.key)
                    )
                    assert key not in rows, f"{entity} {key} is there twice"
                    rows[key] = values
            snapshot[entity] = rows
        return snapshot

    def others(self) -> Snapshot:
        return {
            entity: {
                found.id: found.values
                for page in self.crm.scan(entity, self._known(entity), ours=False)
                for found in page
            }
            for entity in self.entities
            if not self.crm.entities[entity].natural and self.crm.describe(entity)
        }

    def _known(self, entity: str) -> list[str]:
        live = self.crm.describe(entity)
        return sorted(name for name in self.fields[entity] if name in live)


def _either(keys: dict[str, dict[str, str]], entities: list[str]) -> dict[str, str]:
    """Return the keys by id of all the entities that a link may point to."""
    return {crm_id: key for entity in entities for crm_id, key in keys[entity].items()}


def _as_keys(keys: dict[str, str], value: Any) -> Any:
    """Return keys in place of the ids of one link, or of a field that holds several."""
    return [keys.get(id_, id_) for id_ in value] if isinstance(value, list) else keys.get(value, value)


class TargetConformance:
    """Inherit, and name the target."""

    target: ClassVar[type[CrmTarget]]
    sandbox_env: ClassVar[dict[str, str]] = {}
    small_batches: ClassVar[dict[str, Any]] = {"batch_size": 10}
    people: ClassVar[tuple[str, ...]] = ("person",)
    """The entities that people become."""
    name_field: ClassVar[str] = "name"
    adopted_by: ClassVar[str] = "email"
    """The field of `people` by which the default mapping adopts existing records."""
    changed_field: ClassVar[tuple[str, str]] = ("job_title", "function")
    """An attribute of people, and the CRM field that the default mapping gives it."""

    kills: ClassVar[int] = KILLS
    """How often the target is killed in the middle of a run."""
    settings: ClassVar[dict[str, Any]] = {}
    """Settings of the target, beside those with which it reaches its sandbox."""

    def entity_of(self, person: dict[str, Any]) -> str:
        """Return what the default mapping makes of a person."""
        del person
        return self.people[0]

    def known(self, name: str, email: str) -> dict[str, Any]:
        """Return the values of a record of a person that is in the CRM before us."""
        return {self.name_field: name, self.adopted_by: email}

    def people_in(self, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        """Return the rows of all people by key; no key is in two entities."""
        rows: dict[str, dict[str, Any]] = {}
        for entity in self.people:
            assert not rows.keys() & snapshot[entity].keys(), "a person is there twice"
            rows |= snapshot[entity]
        return rows

    def outgoing(self, migration: Migration) -> dict[str, int]:
        """Return what the CRM has sent, or is about to send, by kind.

        Override it where the CRM's API cannot say: let the sandbox count what a record that was written
        without the quiet switches would have set off, and ask it here.
        """
        with migration.crm() as crm:
            assert isinstance(crm, CountsMessages), "the destination cannot count: override `outgoing`"
            return dict(crm.outgoing())

    def counted(self, counts: dict[str, dict[str, int]], result: str) -> int:
        """Return how many people had this result."""
        return sum(counts.get(entity, {}).get(result, 0) for entity in self.people)

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        """Start the target's sandbox."""
        short = self.target.name.removeprefix("target-")
        with serve(plugins.find(plugins.SANDBOXES, short).value, self.sandbox_env) as server:
            yield server

    @pytest.fixture
    def migration(self, server: Server, tmp_path: Path) -> Migration:
        """Make a project with the approved default mapping."""
        return Migration(self.target, server, tmp_path, self.settings)

    def test_a_workspace_arrives_and_every_field_reads_back(self, migration: Migration) -> None:
        workspace = Workspace()
        counts = migration.load(workspace)
        assert migration.misses() == []
        assert migration.reconciled().in_step
        assert sum(counter.get("rejected", 0) for counter in counts.values()) == 0
        # People without a twin become a row each; twins join one.
        emails = [person["email"] for person in workspace.streams["people"] if person["email"]]
        rows = len(workspace.streams["people"]) - (len(emails) - len(set(emails)))
        assert len(self.people_in(migration.snapshot())) == rows

    def test_values_of_every_type_read_back_and_can_be_cleared(self, migration: Migration) -> None:
        person = Workspace().streams["people"][1]
        entity, known = self.entity_of(person), self.known("Known", person["email"])
        declared = schema_changes.wanted(migration.mapping)[entity]
        names = self.target.field_names or FieldNames.like(declared.keys())
        fields = [Field(names.name(f"kind {kind}"), kind, f"Kind {kind}", custom=True) for kind in KINDS]
        values = dict(zip((field.name for field in fields), KINDS.values(), strict=True))
        with migration.crm() as crm:
            schema_changes.apply(migration.mapping, crm)
            crm.provision(entity, fields)
            expected = dict(crm.expected(entity, values))
            (made,) = crm.create(entity, [Create("kinds", {**known, **expected})])
            assert made.refusal is None, made.refusal
            crm_id = str(made.id)
            assert crm.read(entity, [crm_id], list(values)) == {crm_id: expected}
            crm.update(entity, [Update("kinds", crm_id, dict.fromkeys(values))])
            nothing = dict(crm.expected(entity, dict.fromkeys(values)))
            assert crm.read(entity, [crm_id], list(values)) == {crm_id: nothing}

    def test_a_second_run_writes_nothing(self, migration: Migration) -> None:
        workspace = Workspace()
        migration.load(workspace)
        before = migration.snapshot()
        counts = migration.load(workspace)
        assert {result for counter in counts.values() for result in counter} == {"unchanged"}
        assert migration.snapshot() == before

    def test_a_run_without_its_ledger_doubles_and_changes_nothing(self, migration: Migration) -> None:
        workspace = Workspace()
        migration.load(workspace)
        before = migration.snapshot()
        migration.lose_ledger()
        counts = migration.load(workspace)
        wrote = {"created", "updated", "rejected"}
        assert not {entity: counter for entity, counter in counts.items() if wrote & counter.keys()}
        assert migration.snapshot() == before

    def test_a_delta_writes_what_changed_and_removes_what_was_deleted(self, migration: Migration) -> None:
        workspace = Workspace()
        migration.load(workspace)
        before = migration.snapshot()
        attribute, field = self.changed_field
        changed = [person["cio_id"] for person in workspace.streams["people"][20:30]]
        for key in changed:
            workspace.person(key)["attributes"][attribute] = f"Changed {key}"
        membership = workspace.streams["segment_memberships"][0]
        membership |= GONE
        gone = workspace.streams["people"][0]
        gone |= GONE
        counts = migration.load(workspace)
        merged = self.counted(counts, "merged")
        assert self.counted(counts, "updated") + merged == len(changed)
        assert self.counted(counts, "archived") == 1
        after = migration.snapshot()
        people, were = self.people_in(after), self.people_in(before)
        differing = [key for key, row in people.items() if row != were.get(key)]
        assert set(differing) <= set(changed)
        assert len(differing) == len(changed) - merged
        assert {people[key][field] for key in differing} == {f"Changed {key}" for key in differing}
        lost = {entity: len(before[entity]) - len(after[entity]) for entity in before}
        assert sum(lost.values()) == 1
        assert migration.misses() == []

    def test_a_refused_row_stops_no_other(self, migration: Migration) -> None:
        workspace = Workspace()
        bad = workspace.streams["people"][7]
        bad["attributes"][self.changed_field[0]] = "refuse-this-row"
        migration.server.faults({"kind": "refuse", "value": "refuse-this-row"})
        counts = migration.load(workspace)
        assert self.counted(counts, "rejected") == 1
        assert bad["cio_id"] not in self.people_in(migration.snapshot())
        with migration.ledger() as ledger:
            (letter,) = [x for x in ledger.letters.all() if x.entity in self.people]
        assert letter.source == bad["cio_id"]
        assert letter.code
        migration.server.faults()
        undisturbed = migration.load(workspace)
        assert self.counted(undisturbed, "created") == 1
        assert migration.misses() == []

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_a_storm_of_errors_loses_and_doubles_nothing(self, migration: Migration, status: int) -> None:
        storms = [
            {"kind": "status", "status": status, "retry_after": 0, "times": 2, "skip": skip}
            for skip in (3, 9, 15)
        ]
        migration.server.faults(*storms)
        workspace = Workspace()
        migration.load(workspace, **self.small_batches)
        migration.server.faults()
        assert migration.misses() == []
        assert migration.reconciled().in_step

    @pytest.mark.parametrize("after", [True, False], ids=["after-the-work", "before-the-work"])
    def test_cut_connections_lose_and_double_nothing(self, migration: Migration, after: bool) -> None:
        cuts = [{"kind": "cut", "after": after, "times": 1, "skip": skip} for skip in (4, 8, 13, 19)]
        migration.server.faults(*cuts)
        workspace = Workspace()
        migration.load(workspace, **self.small_batches)
        migration.server.faults()
        assert migration.misses() == []
        assert migration.reconciled().in_step

    def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(
        self, migration: Migration, tmp_path: Path
    ) -> None:
        workspace = Workspace()
        chance = random.Random(7)
        (tmp_path / "config.json").write_bytes(orjson.dumps(migration.config | self.small_batches))
        # Slow answers widen the moment between a write and its outcome.
        migration.server.faults({"kind": "slow", "ms": 5})
        position = 0
        for _ in range(self.kills):
            position = self._run_and_kill(migration, workspace, position, after_calls=chance.randint(2, 25))
        migration.server.faults()
        migration.run(workspace.lines(after=position))
        assert migration.misses() == []
        assert migration.reconciled().in_step
        disturbed = migration.snapshot()
        migration.roll_back_everything()
        migration.lose_ledger()
        migration.load(workspace)
        assert disturbed == migration.snapshot()

    def _run_and_kill(
        self, migration: Migration, workspace: Workspace, position: int, *, after_calls: int
    ) -> int:
        """Start the target as a process, kill it in the middle; return the position in its last state."""
        module, name = self.target.__module__, self.target.__name__
        code = f"from {module} import {name}; {name}.cli()"
        start = sum(migration.server.stats()["requests"].values())
        with (
            (migration.folder / "input.jsonl").open("w+b") as lines,
            (migration.folder / "states").open("w+b") as out,
        ):
            lines.write(workspace.lines(after=position))
            lines.seek(0)
            command = [sys.executable, "-c", code, "--config", str(migration.folder / "config.json")]
            child = subprocess.Popen(command, stdin=lines, stdout=out, stderr=subprocess.DEVNULL)
            while child.poll() is None:
                if sum(migration.server.stats()["requests"].values()) - start >= after_calls:
                    child.send_signal(signal.SIGKILL)
                    child.wait()
            out.seek(0)
            states = out.read().splitlines()
        return int(orjson.loads(states[-1])["bookmarks"]["workspace"]["position"]) if states else position

    def test_existing_records_are_adopted_not_doubled_and_given_back(self, migration: Migration) -> None:
        workspace = Workspace()
        known = [person for person in workspace.streams["people"][1:4] if person["email"]]
        with migration.crm() as crm:
            for number, person in enumerate(known):
                entity, seed = self.entity_of(person), f"seed-{number}"
                crm.create(entity, [Create(seed, self.known(f"Known {number}", person["email"]))])
                crm.release(entity, [seed])
        before = migration.others()
        counts = migration.load(workspace)
        assert self.counted(counts, "adopted") == len(known)
        rows = self.people_in(migration.snapshot())
        names = {rows[person["cio_id"]][self.name_field] for person in known}
        assert names == {"Known 0", "Known 1", "Known 2"}
        assert migration.misses() == []
        assert migration.roll_back_everything() == []
        assert not any(migration.snapshot().values())
        assert _without_new_fields(migration.others(), before) == before

    def test_a_rollback_leaves_the_state_before(self, migration: Migration) -> None:
        before = migration.others()
        workspace = Workspace()
        migration.load(workspace)
        workspace.streams["people"][3]["attributes"][self.changed_field[0]] = "Changed"
        workspace.streams["segment_memberships"][1] |= GONE
        migration.load(workspace)
        assert migration.roll_back_everything() == []
        assert not any(migration.snapshot().values())
        assert _without_new_fields(migration.others(), before) == before

    def test_a_rollback_keeps_what_sales_changed_since(self, migration: Migration) -> None:
        workspace = Workspace()
        migration.load(workspace)
        person = workspace.streams["people"][1]
        key, entity = person["cio_id"], self.entity_of(person)
        with migration.crm() as crm:
            ids = crm.find(entity, [key])
            crm.update(entity, [Update(key, ids[key], {self.changed_field[1]: "Set by sales"})])
        kept = migration.roll_back_everything()
        assert {item.key for item in kept if item.entity in self.people} == {key}
        assert set(self.people_in(migration.snapshot())) == {key}

    def test_no_message_is_sent(self, migration: Migration) -> None:
        before = self.outgoing(migration)
        workspace = Workspace()
        migration.load(workspace)
        workspace.streams["people"][3]["attributes"][self.changed_field[0]] = "Changed"
        migration.load(workspace)
        migration.roll_back_everything()
        assert self.outgoing(migration) == before


def _without_new_fields(now: Snapshot, before: Snapshot) -> Snapshot:
    """Leave out what the load created in the schema, as long as it is empty."""
    return {
        entity: {
            crm_id: {
                name: value
                for name, value in row.items()
                if value or name in before.get(entity, {}).get(crm_id, row)
            }
            for crm_id, row in rows.items()
        }
        for entity, rows in now.items()
        if rows or entity in before
    }
