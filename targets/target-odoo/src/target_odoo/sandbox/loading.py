"""`load`, which the API calls on any model: the import of a matrix of cells, with its savepoint, its messages
and its two passes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from target_odoo.sandbox.convert import from_cell
from target_odoo.sandbox.errors import OdooError, value_error
from target_odoo.sandbox.orm import DATETIME, Model, Vals, public_model, root
from target_odoo.sandbox.registry import F

Message = dict[str, Any]
MANY_ERRORS = (
    "Found more than 10 errors and more than one error per 10 records, "
    "interrupted to avoid showing too many errors."
)


USER_ERRORS = ("odoo.exceptions.UserError", "odoo.exceptions.ValidationError")


class _Failed(Exception):
    """Undo everything: some row is bad."""


@public_model
def load(model: Model, fields: list[str], data: list[list[Any]]) -> Vals:
    """Return `{ids, messages, nextrow}`; `ids` is False where nothing was written."""
    model.check("create")
    columns = [_path(model, name) for name in fields]
    messages: list[Message] = []
    rows = [_row(model, columns, cells, index, messages) for index, cells in enumerate(data)]
    ids: list[int] = []
    try:
        with model.store.savepoint():
            if not messages:
                try:
                    with model.store.savepoint():
                        ids = _write_all(model, rows)
                except OdooError as error:
                    ids = []
                    _one_by_one(model, rows, error, messages)
            if messages:
                raise _Failed
    except _Failed:
        return {"ids": False, "messages": messages, "nextrow": 0}
    return {"ids": ids, "messages": [], "nextrow": 0}


def _path(model: Model, name: str) -> tuple[str, str]:
    head, _, tail = name.partition("/")
    if head not in ("id", ".id") and head not in model.fields:
        raise value_error(f"Invalid field name {head!r}")
    return head, tail


def _row(
    model: Model, columns: list[tuple[str, str]], cells: list[Any], index: int, messages: list[Message]
) -> Vals:
    row: Vals = {}
    for (name, how), cell in zip(columns, cells, strict=True):
        if name in ("id", ".id"):
            row[name] = cell
            continue
        field = model.fields[name]
        if not cell:
            row[name] = [[6, 0, []]] if field.type == "many2many" else False
            continue
        try:
            row[name] = _cell(model, field, how, cell)
        except ValueError as error:
            text = str(error).replace("%(field)s", field.string or name)
            messages.append(_message(index, text, field=name))
    return row


def _message(index: int, text: str, **more: Any) -> Message:
    return {"type": "error", "record": index, "rows": {"from": index, "to": index}, "message": text, **more}


def _cell(model: Model, field: F, how: str, cell: Any) -> Any:
    if field.type == "many2one":
        return _resolve(model, field, how, str(cell))
    if field.type == "many2many":
        return [[6, 0, [_resolve(model, field, how, part) for part in str(cell).split(",")]]]
    if field.type == "datetime":
        return _to_utc(from_cell(field, cell), model.env.context.get("tz") or "UTC")
    if field.type == "selection":
        options = tuple(model.selection(next(n for n, f in model.fields.items() if f is field), field))
        return from_cell(F("selection", selection=options), cell)
    return from_cell(field, cell)


def _to_utc(text: str, zone: str) -> str:
    local = datetime.strptime(text, DATETIME).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).strftime(DATETIME)


def _resolve(model: Model, field: F, how: str, text: str) -> int:
    other = root(model.env)[field.relation]
    if how == ".id":
        if not text.isdigit() or not model.store.get(field.relation, [int(text)]):
            raise ValueError(f"No matching record found for database id '{text}' in field '%(field)s'")
        return int(text)
    if how == "id":
        module, _, name = text.partition(".") if "." in text else ("__import__", "", text)
        found = root(model.env)["ir.model.data"].search_read([["module", "=", module], ["name", "=", name]])
        if not found:
            raise ValueError(f"No matching record found for external id '{text}' in field '%(field)s'")
        return int(found[0]["res_id"])
    by_code = [["code", "=", text]] if field.relation == "res.country" else [["name", "=", text]]
    ids = other.search(by_code) or other.search([["name", "=", text]])
    if not ids:
        raise ValueError(f"No matching record found for name '{text}' in field '%(field)s'")
    return ids[0]


def _one_by_one(model: Model, rows: list[Vals], first: OdooError, messages: list[Message]) -> None:
    errors = 0
    before = len(messages)
    for index, row in enumerate(rows):
        try:
            with model.store.savepoint():
                _write_all(model, [row])
        except OdooError as error:
            text = error.message
            if not error.name.startswith("odoo."):
                text = f"Unknown error during import: <class '{error.name}'>: {error.message}"
            messages.append(_message(index, text))
            errors += 1
            if errors >= 10 and errors >= (index + 1) / 10:
                messages.append({"type": "warning", "message": MANY_ERRORS})
                break
    # Odoo puts the error of the first, common try in front, as if it were the first row's.
    common = _message(0, first.message)
    if not errors or (first.name in USER_ERRORS and common not in messages):
        messages.insert(before, common)


def _write_all(model: Model, rows: list[Vals]) -> list[int]:
    data = root(model.env)["ir.model.data"]
    known = _known(model, rows)
    fresh: dict[str | int, Vals] = {}
    for index, row in enumerate(rows):
        values = {name: value for name, value in row.items() if name not in ("id", ".id")}
        xmlid = _full(row.get("id"))
        if xmlid in known:
            model.browse([known[xmlid]]).write(values)
        elif row.get(".id") and not xmlid:
            model.browse([int(row[".id"])]).write(values)
        else:
            fresh[xmlid or index] = values
    ids = model.create(list(fresh.values())) if fresh else []
    made = dict(zip(fresh, ids, strict=True))
    data.create([
        {"module": key.partition(".")[0], "name": key.partition(".")[2], "model": model.model, "res_id": id_}
        for key, id_ in made.items()
        if isinstance(key, str)
    ])  # fmt: skip
    return [
        known.get(_full(row.get("id"))) or made.get(_full(row.get("id")) or index) or int(row[".id"])
        for index, row in enumerate(rows)
    ]


def _full(xmlid: Any) -> str:
    if not xmlid:
        return ""
    return xmlid if "." in xmlid else f"__import__.{xmlid}"


def _known(model: Model, rows: list[Vals]) -> dict[str, int]:
    names = [_full(row.get("id")).partition(".")[2] for row in rows if row.get("id")]
    if not names:
        return {}
    found = root(model.env)["ir.model.data"].search_read([["name", "in", names], ["model", "=", model.model]])
    return {f"{row['module']}.{row['name']}": row["res_id"] for row in found}
