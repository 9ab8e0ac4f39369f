"""Cardfile as a crmlift destination: tables of cards, each with a unique `external_id` for our key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from crmlift.destination import (
    Can,
    Create,
    EntitySpec,
    Field,
    FieldType,
    Finding,
    Found,
    Outcome,
    Severity,
    Update,
    Value,
    Values,
)
from crmlift.errors import Refusal, RunStopped
from crmlift.once import create_once
from target_cardfile.client import Card, CardfileClient

KEY, ADOPTED = "external_id", "x_adopted"
BATCH = 200
LONGEST = 500
_CAN = frozenset({Can.UPSERT, Can.DELETE})
ENTITIES = {
    "company": EntitySpec("company", "Company", batch_limit=BATCH, can=_CAN),
    "person": EntitySpec(
        "person",
        "Person",
        depends_on=("company",),
        batch_limit=BATCH,
        can=_CAN,
        archive={"hidden": True},
        match=frozenset({"email"}),
    ),
    "tag": EntitySpec("tag", "Tag", batch_limit=BATCH, can=_CAN),
    "tagging": EntitySpec("tagging", "Tagging", depends_on=("person", "tag"), batch_limit=BATCH, can=_CAN),
    "note": EntitySpec("note", "Note", depends_on=("person",), batch_limit=BATCH, can=_CAN),
}


class CardfileDestination:
    """One account, for one workspace."""

    def __init__(self, client: CardfileClient, workspace: str, batch_size: int = BATCH) -> None:
        self.client = client
        self.entities: Mapping[str, EntitySpec] = {
            name: replace(spec, batch_limit=batch_size) for name, spec in ENTITIES.items()
        }
        self._prefix = f"{workspace}:"
        self._fields: dict[str, dict[str, Field]] = {}

    def __enter__(self) -> CardfileDestination:
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.http.close()

    def preflight(self, entities: Sequence[str]) -> list[Finding]:
        """Check that the key may write."""
        if "write" in self.client.call("account", "GET", "/account")["rights"]:
            return []
        return [Finding(Severity.ERROR, "The key may only read.", "Make one that may write.")]

    # The schema

    def describe(self, entity: str) -> dict[str, Field]:
        """Return the live fields by name."""
        if entity not in self._fields:
            found = self.client.call("fields", "GET", f"/{entity}/fields")
            self._fields[entity] = {
                name: Field(
                    name, FieldType(kind), custom=name.startswith("x_"), readonly=name in (KEY, ADOPTED)
                )
                for name, kind in found.items()
            }
        return self._fields[entity]

    def own_fields(self, entity: str) -> Sequence[Field]:
        """Return the field that says of a card that it was there before us."""
        return [Field(ADOPTED, FieldType.BOOLEAN, custom=True)]

    def provision(self, entity: str, fields: Sequence[Field]) -> None:
        """Create custom fields; those that are there stay."""
        kinds = {field.name: str(field.type) for field in fields}
        self.client.call("add_fields", "POST", f"/{entity}/fields", json=kinds)
        self._fields.pop(entity, None)

    def expected(self, entity: str, values: Values) -> Values:
        """Return the values as Cardfile will hold them: text is cut, and empty text is nothing."""
        fields = self.describe(entity)
        return {name: _kept(fields.get(name), value) for name, value in values.items()}

    # Reading

    def find(self, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the id per key."""
        wanted = {KEY: [self._prefix + key for key in keys]}
        pages = self.client.query(entity, wanted) if keys else ()
        return {self._key(card) or "": str(card["id"]) for page in pages for card in page}

    def scan(self, entity: str, fields: Sequence[str], *, ours: bool) -> Iterator[list[Found]]:
        """Page through all cards with our key, or all without any."""
        for page in self.client.query(entity):
            yield [
                Found(
                    str(card["id"]),
                    self._key(card),
                    self._values(entity, card, fields),
                    bool(card.get(ADOPTED)),
                )
                for card in page
                if (self._key(card) is not None if ours else card[KEY] is None)
            ]

    def read(self, entity: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return values by id."""
        pages = self.client.query(entity, {"id": [int(crm_id) for crm_id in ids]}) if ids else ()
        return {str(card["id"]): self._values(entity, card, fields) for page in pages for card in page}

    def count(self, entity: str) -> int:
        """Return how many cards are ours."""
        return sum(len(page) for page in self.scan(entity, (), ours=True))

    def outgoing(self) -> Mapping[str, int]:
        """Return the mails that Cardfile has sent."""
        return {"mail": int(self.client.call("account", "GET", "/account")["mails_sent"])}

    # Writing

    def create(self, entity: str, rows: Sequence[Create]) -> list[Outcome]:
        """Write new cards by their key."""
        by_key = {row.key: {**_wire(row.values), KEY: self._prefix + row.key} for row in rows}
        answers: dict[str, Card] = {}

        def send(keys: Sequence[str]) -> dict[str, str]:
            answer = self.client.put(entity, KEY, [by_key[key] for key in keys], repeat=False)
            answers.update(zip(keys, answer, strict=True))
            return {key: str(card["id"]) for key, card in answers.items() if "id" in card}

        # Sent again, a call whose answer got lost would say of our own cards that they were there before us.
        # Cardfile undoes what it cuts off: there is nothing to wait for.
        ids = create_once(list(by_key), send, lambda keys: self.find(entity, keys), limit_s=0)
        return [
            Outcome(row.key, ids[row.key], existed=not answers.get(row.key, {}).get("created", True))
            if row.key in ids
            else _refused(row.key, answers[row.key])
            for row in rows
        ]

    def update(self, entity: str, rows: Sequence[Update]) -> list[Outcome]:
        """Change cards."""
        return self._change(entity, {row.key: {"id": int(row.id), **_wire(row.values)} for row in rows})

    def adopt(self, entity: str, ids: Mapping[str, str]) -> None:
        """Put our key on cards."""
        self._mark(
            entity, {key: {"id": int(ids[key]), KEY: self._prefix + key, ADOPTED: True} for key in ids}
        )

    def release(self, entity: str, keys: Sequence[str]) -> None:
        """Take our key off cards."""
        nothing = {KEY: None, ADOPTED: None} if ADOPTED in self.describe(entity) else {KEY: None}
        found = self.find(entity, keys)
        self._mark(entity, {key: {"id": int(found[key]), **nothing} for key in found})

    def delete(self, entity: str, rows: Mapping[str, str]) -> list[Outcome]:
        """Delete cards; Cardfile passes over those that are gone."""
        self.client.call("delete", "DELETE", f"/{entity}", json=[int(crm_id) for crm_id in rows.values()])
        return [Outcome(key, crm_id) for key, crm_id in rows.items()]

    def _mark(self, entity: str, cards: Mapping[str, Card]) -> None:
        if any(outcome.refusal for outcome in self._change(entity, cards)):
            raise RunStopped(f"Cardfile refuses our key on a {entity}.", hint="Is external_id locked there?")

    def _change(self, entity: str, cards: Mapping[str, Card]) -> list[Outcome]:
        answers = self.client.put(entity, "id", list(cards.values())) if cards else []
        return [
            Outcome(key, str(answer["id"])) if "id" in answer else _refused(key, answer)
            for key, answer in zip(cards, answers, strict=True)
        ]

    def _key(self, card: Card) -> str | None:
        own = str(card[KEY] or "")
        return own.removeprefix(self._prefix) if own.startswith(self._prefix) else None

    def _values(self, entity: str, card: Card, names: Sequence[str]) -> dict[str, Value]:
        fields = self.describe(entity)
        return {name: _canonical(fields.get(name), card.get(name)) for name in names}


def _refused(key: str, answer: Card) -> Outcome:
    return Outcome(key, refusal=Refusal(answer["error"], answer["message"]))


def _kept(field: Field | None, value: Value) -> Value:
    if isinstance(value, str) and field and field.type is FieldType.TEXT:
        return value[:LONGEST] or None
    return value


def _wire(values: Values) -> Card:
    # A datetime is a date, too.
    return {name: v.isoformat() if isinstance(v, date) else v for name, v in values.items()}


def _canonical(field: Field | None, value: Value) -> Value:
    if value is None or field is None:
        return value
    match field.type:
        case FieldType.DATE:
            return date.fromisoformat(value)
        case FieldType.DATETIME:
            return datetime.fromisoformat(value).astimezone(UTC)
        case FieldType.LINK:
            return str(value)
    return value
