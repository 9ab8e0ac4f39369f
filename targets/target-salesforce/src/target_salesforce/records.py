"""Writing records that carry our key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from crmlift.destination import Create, Field, Outcome, Update, Value, Values
from crmlift.errors import Refusal, RunStopped
from target_salesforce.cascades import Below
from target_salesforce.entities import ENTITIES, Records
from target_salesforce.errors import DUPLICATE, GONE
from target_salesforce.reading import RecordReader, dated
from target_salesforce.results import Sent
from target_salesforce.sending import outcomes
from target_salesforce.values import Unfit, encode, expected


class RecordTable(RecordReader):
    """Records of one object that are one entity of ours, and how they are written."""

    @cached_property
    def constants(self) -> Mapping[str, Value]:
        """What every new record gets; a task is born closed."""
        closed = {"Status": self.schema.closed_status} if self.entity.archives else {}
        return {**self.entity.constants, **closed}

    def provision(self, fields: Sequence[Field]) -> None:
        """Create what is missing."""
        self.schema.provision(self.entity, fields)

    # -- writing -------------------------------------------------------------------------------------

    def create(self, rows: Sequence[Create]) -> list[Outcome]:
        """Write new records; those whose key is there already are left as they are."""
        if not self.has_key:
            self.provision(())
        elsewhere = self._elsewhere([row.key for row in rows])
        bad: dict[str, Refusal] = {
            key: Refusal("exists_as_other", detail) for key, detail in elsewhere.items()
        }
        wire: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row.key in bad:
                continue
            try:
                values = self._encode({**self.constants, **row.values})
                wire[row.key] = {
                    self.key_field: self.encode_key(row.key),
                    **values,
                    **dated(self.columns, row.values.get(self.entity.dated_by)),
                }
            except Unfit as unfit:
                bad[row.key] = unfit.refusal
        sent = dict(zip(wire, self._insert(list(wire.values())), strict=True))
        there = self._there(
            [key for key, one in sent.items() if one.refusal and one.refusal.code == DUPLICATE]
        )
        return [
            Outcome(row.key, refusal=bad[row.key])
            if row.key in bad
            else Outcome(row.key, id=there[row.key], existed=True)
            if row.key in there
            else Outcome(row.key, id=sent[row.key].id, refusal=sent[row.key].refusal)
            for row in rows
        ]

    def update(self, rows: Sequence[Update]) -> list[Outcome]:
        """Change records."""
        bad: dict[str, Refusal] = {}
        wire: dict[str, dict[str, Any]] = {}
        for row in rows:
            try:
                wire[row.key] = {
                    "Id": row.id,
                    **self._encode(expected(self.columns, row.values, whole=False)),
                }
            except Unfit as unfit:
                bad[row.key] = unfit.refusal
        sent = dict(
            zip(
                wire,
                self.sender.update(self.sobject, list(wire.values()), order=self.entity.parents),
                strict=True,
            )
        )
        return [
            Outcome(row.key, refusal=bad[row.key])
            if row.key in bad
            else Outcome(row.key, id=sent[row.key].id, refusal=sent[row.key].refusal)
            for row in rows
        ]

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Write our key into the records, with a mark that they were there before us."""
        if not self.has_key:
            self.provision(())
        marks = dict.fromkeys(self._marks, True)
        rows = [{"Id": id_, self.key_field: self.encode_key(key), **marks} for key, id_ in ids.items()]
        self._mark(rows)

    def release(self, keys_: Sequence[str]) -> None:
        """Empty our key and the mark."""
        marks = dict.fromkeys(self._marks, False)
        self._mark([{"Id": id_, self.key_field: None, **marks} for id_ in self.find(keys_).values()])

    def delete(self, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete records, but none below which others stand that Salesforce would delete along."""
        below = self._below.all(list(rows.values()))
        bad = {
            key: Refusal("has_children", f"deleting it would delete {number} records that are not ours")
            for key, id_ in rows.items()
            if (number := below.get(id_, 0))
        }
        doomed = {key: id_ for key, id_ in rows.items() if key not in bad}
        sent = self.sender.delete(self.sobject, list(doomed.values()))
        done = outcomes(doomed, sent)
        for outcome in done:
            if outcome.refusal and outcome.refusal.code in GONE:
                outcome.id, outcome.refusal = doomed[outcome.key], None
            else:
                outcome.id = doomed[outcome.key] if outcome.refusal is None else None
        return [*done, *(Outcome(key, refusal=reason) for key, reason in bad.items())]

    def foreign_below(self, ids: Sequence[str]) -> dict[str, int]:
        """Count the records, by parent, that are not ours and would be deleted along."""
        return self._below.foreign(ids)

    # -- the parts -----------------------------------------------------------------------------------

    @cached_property
    def _below(self) -> Below:
        return Below(self.client, self.schema, self.entity, self.workspace)

    def _encode(self, values: Values) -> dict[str, Any]:
        columns = self.columns
        unknown = values.keys() - columns.keys()
        if unknown and unknown <= set(self.entity.granted):
            self.provision(())
            columns = self.columns
        elif unknown:
            raise RunStopped(
                f"{self.sobject} has no field {', '.join(sorted(unknown))}.", hint="Run crmlift provision."
            )
        return self.converted.to_wire({name: encode(columns[name], value) for name, value in values.items()})

    def _insert(self, rows: Sequence[Mapping[str, Any]]) -> list[Sent]:
        return self.sender.insert(
            self.sobject, rows, by=[self.key_field], find=self._find, order=self.entity.parents
        )

    def _there(self, keys_: Sequence[str]) -> dict[str, str]:
        wire = self._find([self.encode_key(key) for key in keys_]) if keys_ else {}
        return {self.decode_key(text): id_ for text, id_ in wire.items()}

    def _elsewhere(self, keys_: Sequence[str]) -> dict[str, str]:
        """Say which keys the other entity of people holds: only a user makes a lead a contact."""
        if not self.entity.other or not self._others_at_start:
            return {}
        other = self._other
        wire = {other.encode_key(key): key for key in keys_}
        label = other.sobject.lower()
        detail = f"the person is there as a {label}; convert it in Salesforce"
        return {wire[text]: detail for text in other._find(list(wire))}

    @cached_property
    def _other(self) -> RecordReader:
        entity = ENTITIES[self.entity.other]
        assert isinstance(entity, Records)
        return RecordReader(self.sender, self.schema, entity, self.workspace, self.converted, self.named)

    @cached_property
    def _others_at_start(self) -> bool:
        """Whether an earlier run left rows in the other entity: within one run the hooks keep them apart."""
        return self._other.count() > 0

    def _mark(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        for sent in self.sender.update(self.sobject, rows):
            if sent.refusal and sent.refusal.code not in GONE:
                raise RunStopped(
                    f"{self.sobject}: our key cannot be put on or taken off a record ({sent.refusal.code}).",
                    hint="Run again once the integration user may change it.",
                )
