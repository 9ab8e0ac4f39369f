"""Values by which records are matched: existing CRM records to adopt, and people to merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import delete, select

from crmlift.chunks import chunks
from crmlift.ledger import tables
from crmlift.ledger.store import PAGE, Store


class CandidateIndex:
    """Existing CRM records by the values that adoption matches on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def clear(self, entity: str) -> None:
        """Empty the candidates of an entity before they are read anew."""
        t = tables.candidates.c
        with self._store.transaction() as db:
            db.execute(delete(tables.candidates).where(t.scope == self._store.scope, t.entity == entity))

    def add(self, entity: str, found: Iterable[tuple[str, str, str]]) -> None:
        """Add existing records as (field, value, CRM id)."""
        rows = [
            {"scope": self._store.scope, "entity": entity, "field": name, "value": value, "crm_id": crm_id}
            for name, value, crm_id in found
        ]
        if rows:
            with self._store.transaction() as db:
                db.execute(self._store.insert(tables.candidates).on_conflict_do_nothing(), rows)

    def find(self, entity: str, field: str, values: Iterable[str]) -> dict[str, list[str]]:
        """Return the ids of existing records per value."""
        t = tables.candidates.c
        found: dict[str, list[str]] = {}
        with self._store.transaction() as db:
            for page in chunks(values, PAGE):
                query = select(t.value, t.crm_id).where(
                    t.scope == self._store.scope, t.entity == entity, t.field == field, t.value.in_(page)
                )
                for value, crm_id in db.execute(query):
                    found.setdefault(value, []).append(crm_id)
        return found


class ClaimRegister:
    """What hooks remember: which record was first to claim a value, and a text per value."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, kind: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim values for keys, first come first served; return the owner's key per value."""
        if not wanted:
            return {}
        with self._store.transaction() as db:
            db.execute(self._store.insert(tables.claims).on_conflict_do_nothing(), self._rows(kind, wanted))
            return self.owners(kind, wanted)

    def owners(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Return the owner's key per value that was claimed or put; claim nothing."""
        t = tables.claims.c
        owners: dict[str, str] = {}
        with self._store.transaction() as db:
            for page in chunks(values, PAGE):
                query = select(t.value, t.key).where(
                    t.scope == self._store.scope, t.kind == kind, t.value.in_(page)
                )
                owners |= {row[0]: row[1] for row in db.execute(query)}
        return owners

    def put(self, kind: str, held: Mapping[str, str]) -> None:
        """Keep a text per value, in place of what was there."""
        if not held:
            return
        statement = self._store.insert(tables.claims)
        keys = ["scope", "kind", "value"]
        with self._store.transaction() as db:
            db.execute(
                statement.on_conflict_do_update(index_elements=keys, set_={"key": statement.excluded.key}),
                self._rows(kind, held),
            )

    def take(self, kind: str) -> Iterator[dict[str, str]]:
        """Yield all that a kind holds, page by page; a page is dropped once the next is asked for."""
        t = tables.claims.c
        mine = t.scope == self._store.scope, t.kind == kind
        while True:
            with self._store.transaction() as db:
                found = db.execute(select(t.value, t.key).where(*mine).order_by(t.value).limit(PAGE)).all()
            if not found:
                return
            page = {row[0]: row[1] for row in found}
            yield page
            with self._store.transaction() as db:
                db.execute(delete(tables.claims).where(*mine, t.value.in_(page)))

    def forget(self, *, besides: Sequence[str] = ()) -> None:
        """Drop all kinds but some."""
        t = tables.claims.c
        with self._store.transaction() as db:
            db.execute(delete(tables.claims).where(t.scope == self._store.scope, t.kind.not_in(besides)))

    def _rows(self, kind: str, held: Mapping[str, str]) -> list[dict[str, object]]:
        return [{"scope": self._store.scope, "kind": kind, "value": v, "key": k} for v, k in held.items()]
