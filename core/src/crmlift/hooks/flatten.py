"""Flatten nested attributes: `{"plan": {"name": "pro"}}` becomes `{"plan.name": "pro"}`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PrivateAttr

from crmlift.batch import Batch, Item
from crmlift.hooks.names import Names, leaves
from crmlift.hooks.options import Options
from crmlift.hookspecs import hookimpl
from crmlift.mapping.convert import to_list, to_text

Array = Literal["keep", "text", "json", "multi", "rows"]


class Flatten(Options):
    """Write a flat copy of a nested dict into another key of the record; the original stays.

    `streams` maps a stream to the key that holds its nested dict. `crmlift.hooks.names` says how names are
    made. `arrays`, and `arrays_of` by flat name, say what becomes of a list: kept, text, JSON, the distinct
    items joined by `multi_joiner`, or child rows: a record each in the stream `<stream>_<name>`.
    """

    streams: dict[str, str]
    into: str = "traits"
    separator: str = Field(".", min_length=1)
    legal: bool = False
    max_length: int | None = Field(None, ge=16)
    ignore_case: bool = False
    contested: list[str] = []
    arrays: Array = "keep"
    arrays_of: dict[str, Array] = {}
    multi_joiner: str = ";"
    _names: Names = PrivateAttr(default_factory=Names)

    def model_post_init(self, _context: object) -> None:
        """Make the names' rule once: it remembers the paths that it has seen."""
        self._names = Names(self.separator, self.legal, self.max_length, self.ignore_case, self.contested)

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Add the flat copy to every record of the configured streams."""
        source = self.streams.get(batch.stream)
        if source is None:
            return
        for item in batch.items:
            nested = item.record.get(source)
            item.record[self.into] = self._flat(nested, item, batch) if isinstance(nested, dict) else {}

    def _flat(self, nested: dict[str, Any], item: Item, batch: Batch) -> dict[str, Any]:
        values = leaves(nested)
        names = self._names.of(values)
        if clashes := self._names.clashes(names):
            batch.count("names_clashed", clashes, item=item)
        flat: dict[str, Any] = {}
        for path, name in names.items():
            value = values[path]
            how = self.arrays_of.get(name, self.arrays) if type(value) is list else "keep"
            if how == "rows":
                self._emit(name, value, item, batch)
            else:
                flat[name] = value if how == "keep" else self._array(value, how)
        return flat

    def _array(self, value: list[Any], how: Array) -> str:
        if how == "multi":
            return self.multi_joiner.join(dict.fromkeys(map(to_text, value)))
        return to_text(value) if how == "json" else to_list(value)

    def _emit(self, name: str, values: list[Any], item: Item, batch: Batch) -> None:
        """Make a record of each item; `parent` is the source's key, also where its row is another's."""
        keys = {key: item.record[key] for key in batch.key_properties}
        for position, value in enumerate(values):
            record = {"parent": item.key, "position": position, **keys, "item": value}
            batch.emit(f"{batch.stream}_{name}", ("parent", "position"), record, after=item)
        batch.count("child_rows", len(values), item=item)
