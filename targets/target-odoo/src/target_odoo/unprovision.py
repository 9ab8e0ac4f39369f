"""Taking away what provisioning added to Odoo, as far as it holds nothing."""

from __future__ import annotations

from collections.abc import Sequence

from crmlift.destination import TakenBack
from crmlift.errors import BatchRefused
from target_odoo.client import OdooClient
from target_odoo.errors import NoSuchModel
from target_odoo.marks import Marks
from target_odoo.pages import ACTION, ARCH, MENU, Pages
from target_odoo.records import ALL

_FIELDS = "ir.model.fields"
_MODELS = "ir.model"
_NUMBERS = ("integer", "float")


class Unprovision:
    """Everything that is marked as ours; `dry_run` only says what would become of it."""

    def __init__(self, client: OdooClient, marks: Marks, pages: Pages, *, dry_run: bool) -> None:
        self._client = client
        self._marks = marks
        self._pages = pages
        self._dry_run = dry_run
        self._kept: dict[str, str] = {}
        self._removed: list[str] = []

    def all(self) -> TakenBack:
        """Take away pages, fields and models, in the order in which Odoo lets them go."""
        models = {name: id_ for name, id_ in self._marks.of(_MODELS) if self._is_empty_model(name)}
        fields = dict(self._marks.of(_FIELDS))
        types = self._types(list(fields.values()))
        doomed = {
            name: id_
            for name, id_ in fields.items()
            if id_ in types and (_owner(name) in models or self._is_empty_field(name, types[id_]))
        }
        self._hide(models, {name for name in fields if name not in doomed})
        # Fields go before their models: else their external ids stay, and a many2many holds the model fast.
        self._unlink(_FIELDS, doomed)
        self._unlink(_MODELS, models)
        return TakenBack(tuple(self._removed), self._kept)

    def _is_empty_model(self, model: str) -> bool:
        try:
            filled = self._client.call(model, "search_count", domain=[], context=ALL)
        except NoSuchModel:
            return True
        if filled:
            self._kept[model] = f"{filled:,} records are in it"
        return not filled

    def _types(self, ids: Sequence[int]) -> dict[int, str]:
        domain = [["id", "in", list(ids)]]
        rows = self._client.call(_FIELDS, "search_read", domain=domain, fields=["ttype"])
        return {row["id"]: row["ttype"] for row in rows}

    def _is_empty_field(self, name: str, ttype: str) -> bool:
        model, field = _owner(name), name.rpartition(".")[2]
        # Numbers have no empty state: nothing and 0 are the same.
        numbers = ["|", [field, "<", 0], [field, ">", 0]]
        domain = numbers if ttype in _NUMBERS else [[field, "!=", False]]
        try:
            filled = self._client.call(model, "search_count", domain=domain, context=ALL)
        except (NoSuchModel, BatchRefused):
            self._kept[name] = "it cannot be read"
            return False
        if filled:
            self._kept[name] = f"{filled:,} records hold a value"
        return not filled

    def _hide(self, models: dict[str, int], fields: set[str]) -> None:
        """Take away views, which hold on to their fields, and what leads to them."""
        if self._dry_run:
            return
        for kind in (MENU, ACTION, ARCH):
            for name, id_ in self._marks.of(kind):
                if self._pages.is_needed(name, models.keys(), fields):
                    self._pages.show_only(name, fields)
                else:
                    self._unlink(kind, {name: id_})

    def _unlink(self, kind: str, ids: dict[str, int]) -> None:
        """Delete in one call; where Odoo refuses, one by one, to name what stays."""
        if self._dry_run or not ids:
            self._removed += sorted(ids)
            return
        try:
            self._client.call(kind, "unlink", sorted(ids.values()))
            self._removed += sorted(ids)
        except BatchRefused as error:
            if len(ids) == 1:
                self._kept[next(iter(ids))] = f"Odoo refuses: {error.reason.code}"
                return
            for name, id_ in ids.items():
                self._unlink(kind, {name: id_})


def _owner(name: str) -> str:
    return name.rpartition(".")[0]
