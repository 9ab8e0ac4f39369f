"""What a tap sends, until it is a batch: streams with their schemas, and records with their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import fastjsonschema

from crmlift.batch import Item, Record, join_key
from crmlift.errors import Refusal
from crmlift.mapping.engine import DELETED


class Stream:
    """A stream and its records that wait to be processed; `schema` is None where they are not checked."""

    def __init__(
        self, key_properties: Sequence[str], schema: Mapping[str, Any] | None, *, mapped: bool
    ) -> None:
        self.key_properties = tuple(key_properties)
        self.mapped = mapped
        self.finished = False
        self.items: list[Item] = []
        self._check: Callable[[Record], object] | None = None
        if schema is not None:
            self._check = fastjsonschema.compile(dict(schema))

    @property
    def first(self) -> int | None:
        """The place of the first waiting record in the input."""
        return self.items[0].seq if self.items else None

    def take(self) -> list[Item]:
        """Return what waits, and wait for more."""
        items, self.items = self.items, []
        return items

    def checked(self, items: list[Item]) -> Iterator[tuple[Item, Refusal | None]]:
        """Give items their keys; yield each, with a refusal where it has none or is against the schema."""
        for item in items:
            parts = [item.record.get(key) for key in self.key_properties]
            if not parts or None in parts:
                item.key = f"record {item.seq}"
                wanted = ", ".join(self.key_properties) or "its keys"
                yield item, Refusal("no_key", f"the record lacks one of {wanted}")
                continue
            item.key = join_key(parts)
            yield item, self._refusal(item.record)

    def _refusal(self, record: Record) -> Refusal | None:
        if self._check is None or record.get(DELETED):
            return None
        try:
            self._check(record)
        except fastjsonschema.JsonSchemaValueException as error:
            return Refusal("against_schema", error.message, error.name)
        return None
