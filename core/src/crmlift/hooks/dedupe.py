"""Merge records that are one and the same: the first one seen owns the row, later ones join it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Literal

import orjson
from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from crmlift.addresses import domain_of, is_free_mail, phone_e164
from crmlift.batch import Batch, Item, Record
from crmlift.hooks.names import leaves
from crmlift.hooks.options import Options, Texts, moment_of
from crmlift.hookspecs import hookimpl
from crmlift.mapping.convert import to_country
from crmlift.mapping.engine import DELETED, Getter, first_of

Known = dict[str, dict[str, str]]
"""The key of the row that has a value, by kind of value and value."""


def _as_by(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class By(Options):
    """A value by which records are the same: the first of the paths `from` that holds one, read `as` a kind.

    `text` and `email` ignore case and outer spaces, `mailbox` also what follows a `+`; `phone` compares
    E.164, with `region` or the country at `region_from` for national forms; `domain` is the registered
    one, never that of a provider of free addresses.
    """

    from_: Texts = Field(alias="from", min_length=1)
    as_: Literal["text", "email", "mailbox", "phone", "domain"] = Field("text", alias="as")
    region: str | None = None
    region_from: Texts = []

    @property
    def name(self) -> str:
        """What merges by it are called in reports."""
        return self.from_[0].rpartition(".")[2]

    def reader(self) -> Callable[[Record], str | None]:
        """Return a function that finds the comparable value of a record."""
        get = first_of(self.from_)
        region = first_of(self.region_from) if self.region_from else None

        def read(record: Record) -> str | None:
            value = get(record)
            if value is None:
                return None
            if self.as_ == "phone":
                return phone_e164(value, _region(region, record) or self.region)
            if self.as_ == "domain":
                return None if is_free_mail(value) else domain_of(value)
            text = str(value).strip().casefold()
            if self.as_ == "mailbox":
                local, at, host = text.rpartition("@")
                text = f"{local.partition('+')[0]}{at}{host}"
            return text or None

        return read


def _region(get: Getter | None, record: Record) -> str | None:
    try:
        return to_country(get(record)) if get else None
    except ValueError:
        return None


class Dedupe(Options):
    """Records of `stream` that share a value of one of `by` become one row.

    Who was first owns the row, in this run and in all later ones. Whose values the row shows is said by
    `keep`: those of the owner, or of the record that is `latest` or `earliest` by the moment at
    `keep_from`, most `complete` in its attributes (or what lies at `keep_from`), or whose value at
    `keep_from` comes first in `keep_order`. The others fill its gaps.

    What hangs on a merged record (events, memberships) follows it to the row that it joined. A record that
    has a row of its own keeps it, even if its values change later.
    """

    stream: str = "people"
    by: list[Annotated[By, BeforeValidator(_as_by)]] = [By.model_validate({"from": "email"})]
    keep: Literal["first", "latest", "earliest", "complete", "order"] = "first"
    keep_from: Texts = []
    keep_order: list[str] = []
    _readers: list[tuple[str, Callable[[Record], str | None]]] = PrivateAttr(default_factory=list)
    _codes: dict[str, str] = PrivateAttr(default_factory=dict)
    _rank: Callable[[Record], float] | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _says_how(self) -> Dedupe:
        if self.keep in ("latest", "earliest", "order") and not self.keep_from:
            raise ValueError(f"'keep: {self.keep}' needs 'keep_from'")
        if self.keep == "order" and not self.keep_order:
            raise ValueError("'keep: order' needs 'keep_order'")
        return self

    def model_post_init(self, _context: object) -> None:
        """Make the readers, and what a merge is called in reports, by kind of value."""
        for by in self.by:
            kind = f"{self.stream}.{by.as_}.{by.from_[0]}"
            self._readers.append((kind, by.reader()))
            self._codes[kind] = f"same_{by.name}"
        if self.keep != "first":
            self._rank = _ranking(self.keep, self.keep_from, self.keep_order)

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Merge the records of a batch whose value belongs to an earlier record."""
        if batch.stream != self.stream:
            return
        pairs = [(item, self._values_of(item)) for item in batch.items]
        keys = [item.key for item in batch.items]
        known = self._known(batch, [value for _, values in pairs for value in values])
        rows = batch.claims.owners(f"{self.stream}.row", keys)
        best = batch.claims.owners(f"{self.stream}.best", {*rows.values(), *keys}) if self._rank else {}
        new: Known = defaultdict(dict)
        for item, values in pairs:
            if item.record.get(DELETED) and item.key not in rows:
                continue
            row, code = self._row_of(item, values, rows, known)
            if item.key not in rows:
                new[f"{self.stream}.row"][item.key] = rows[item.key] = row
            for kind, value in values:
                if value not in known[kind]:
                    new[kind][value] = known[kind][value] = row
                if known[kind][value] != row:
                    batch.count("dedupe_conflicts", item=item)
            weak = self._yields(item, row, best)
            if row != item.key:
                batch.merge(item, row, code=code, wins=not weak)
            else:
                item.weak = weak
        for kind, held in new.items():
            batch.claims.put(kind, held)
        batch.claims.put(f"{self.stream}.best", best)

    def _values_of(self, item: Item) -> list[tuple[str, str]]:
        """Return the values by which a record is the same as others, each with its kind."""
        read = [(kind, get(item.record)) for kind, get in self._readers]
        return [(kind, value) for kind, value in read if value is not None]

    def _known(self, batch: Batch, values: list[tuple[str, str]]) -> Known:
        """Ask once per kind which rows have the values of a batch."""
        asks: dict[str, dict[str, None]] = {kind: {} for kind in self._codes}
        for kind, value in values:
            asks[kind][value] = None
        return {kind: batch.claims.owners(kind, asked) for kind, asked in asks.items()}

    def _row_of(
        self, item: Item, values: list[tuple[str, str]], rows: dict[str, str], known: Known
    ) -> tuple[str, str]:
        """Return the row that a record belongs to, and how that is called in reports."""
        before = rows.get(item.key)
        for kind, value in values:
            row = known[kind].get(value)
            if row is not None and before in (None, row):
                return row, self._codes[kind]
        return before or item.key, "same_before"

    def _yields(self, item: Item, row: str, best: dict[str, str]) -> bool:
        """Tell whether another record of the row is preferred to this one; remember which one is."""
        if self._rank is None:
            return row != item.key
        rank = self._rank(item.record)
        if row in best:
            best_rank, best_key = orjson.loads(best[row])
            if best_key != item.key and rank <= best_rank:
                return True
        best[row] = orjson.dumps([rank, item.key]).decode()
        return False


def _ranking(keep: str, paths: list[str], order: list[str]) -> Callable[[Record], float]:
    """Return a function that gives a number to each record; the highest is preferred."""
    get = first_of(paths or ["attributes"])
    if keep == "complete":
        return lambda record: sum(v not in (None, "", [], {}) for v in leaves(get(record) or {}).values())
    if keep == "order":
        places = {value.casefold(): -place for place, value in enumerate(order)}
        return lambda record: places.get(str(get(record)).casefold(), -len(order))
    sign = 1 if keep == "latest" else -1

    def by_moment(record: Record) -> float:
        moment = moment_of(get(record))
        return -1e15 if moment is None else sign * moment

    return by_moment
