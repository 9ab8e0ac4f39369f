"""The generic model: what every Odoo model can do over the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from crmlift.sandbox.faults import Fault, Stats, refused
from target_odoo.sandbox.access import allowed
from target_odoo.sandbox.convert import convert
from target_odoo.sandbox.domain import mentions, to_sql
from target_odoo.sandbox.errors import access_error, missing, not_found, user_error, validation, value_error
from target_odoo.sandbox.registry import AUTOMATIC, F, Fields, Registry
from target_odoo.sandbox.store import Doc, Store

Vals = dict[str, Any]
M = TypeVar("M", bound="type[Model]")
Function = TypeVar("Function", bound=Callable[..., Any])
Commands = tuple["F", list[Any]]
DATETIME = "%Y-%m-%d %H:%M:%S"


def public(function: Function) -> Function:
    """Mark a method of records that the API may call."""
    function.api = "record"  # type: ignore[attr-defined]
    return function


def public_model(function: Function) -> Function:
    """Mark a method of the model itself that the API may call: it takes no ids."""
    function.api = "model"  # type: ignore[attr-defined]
    return function


@dataclass(slots=True)
class Database:
    """What all calls share. `major` is the version that the sandbox plays."""

    store: Store
    registry: Registry
    stats: Stats
    faults: list[Fault]
    major: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(slots=True, frozen=True)
class Env:
    """One call: who asks, and in which context."""

    db: Database
    uid: int
    context: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, model: str) -> Model:
        """Return an empty recordset of a model."""
        if model not in self.db.registry.models:
            raise not_found(f"the model {model!r} does not exist")
        return CLASSES.get(model, Model)(self, model, [])

    def quiet(self, **context: Any) -> Env:
        """Return this call with more context."""
        return replace(self, context={**self.context, **context})

    def now(self) -> str:
        """Return the time as Odoo writes it."""
        return self.db.clock().strftime(DATETIME)


class Model:
    """Records of one model."""

    name: ClassVar[str] = ""
    order: ClassVar[str] = "id"

    def __init__(self, env: Env, model: str, ids: Sequence[int]) -> None:
        self.env = env
        self.model = model
        self.ids = list(ids)
        self.store = env.db.store

    @property
    def fields(self) -> Fields:
        """Return the model's fields."""
        return self.env.db.registry.models[self.model]

    def browse(self, ids: Sequence[int]) -> Model:
        """Return records of the same model."""
        return type(self)(self.env, self.model, ids)

    # -- reading ---------------------------------------------------------------------------------

    @public_model
    def search(
        self, domain: list[Any], offset: int = 0, limit: int | None = None, order: str | None = None
    ) -> list[int]:
        """Return ids."""
        self.check("read")
        sql, params = to_sql(self.env.db.registry, self.model, domain)
        if (
            "active" in self.fields
            and self.env.context.get("active_test", True)
            and not mentions(domain, "active")
        ):
            sql = f"({sql}) AND COALESCE(json_extract(doc, '$.active'), 0) = 1"
        tail = f"ORDER BY {self._order(order or self.order)} LIMIT {limit or -1} OFFSET {offset or 0}"
        return self.store.ids(self.model, sql, params, tail)

    def _order(self, order: str) -> str:
        parts = []
        for part in order.split(","):
            name, _, direction = part.strip().partition(" ")
            if name not in self.fields or direction.lower() not in ("", "asc", "desc"):
                raise user_error(f'Invalid "order" specified ({order}).')
            parts.append(("id" if name == "id" else f"json_extract(doc, '$.{name}')") + " " + direction)
        return ", ".join(parts)

    @public_model
    def search_count(self, domain: list[Any], limit: int | None = None) -> int:
        """Return how many records fit."""
        return len(self.search(domain, limit=limit))

    @public_model
    def search_read(
        self,
        domain: list[Any] | None = None,
        fields: list[str] | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[Vals]:
        """Return values of the records that fit."""
        return self.browse(self.search(domain or [], offset, limit, order)).read(fields)

    @public
    def read(self, fields: list[str] | None = None, load: str | None = "_classic_read") -> list[Vals]:
        """Return values; ids that are gone are left out."""
        self.check("read")
        names = fields or list(self.fields)
        for name in names:
            if name not in self.fields:
                raise value_error(f"Invalid field {name!r} on {self.model!r}")
        docs = self.store.get(self.model, self.ids)
        columns = {name: self._column(name, docs, load is not None) for name in names if name != "id"}
        return [
            {"id": id_, **{name: values[id_] for name, values in columns.items()}}
            for id_ in dict.fromkeys(self.ids)
            if id_ in docs
        ]

    def _column(self, name: str, docs: dict[int, Doc], named: bool) -> dict[int, Any]:
        field_ = self.fields[name]
        if field_.inside:
            return self._column_inside(field_.inside, name, docs, named)
        if field_.type == "many2many":
            pairs = self.store.pairs(field_.table, field_.flip, list(docs))
            return {id_: pairs.get(id_, []) for id_ in docs}
        if field_.type == "one2many":
            return {id_: self._children(field_, id_) for id_ in docs}
        if name == "display_name":
            return {id_: doc.get("name", "") for id_, doc in docs.items()}
        values = {
            id_: doc.get(name, 0 if field_.type in ("integer", "float") else False)
            for id_, doc in docs.items()
        }
        if field_.type == "many2one" and named:
            linked = self.store.get(field_.relation, [v for v in values.values() if v])
            return {id_: [v, linked.get(v, {}).get("name", "")] if v else False for id_, v in values.items()}
        return values

    def _column_inside(self, link: str, name: str, docs: dict[int, Doc], named: bool) -> dict[int, Any]:
        other = root(self.env)[self.fields[link].relation]
        values = other._column(name, self.store.get(other.model, [doc[link] for doc in docs.values()]), named)
        return {id_: values[doc[link]] for id_, doc in docs.items()}

    def _children(self, field_: F, id_: int) -> list[int]:
        where = f"json_extract(doc, '$.{field_.inverse}') = ?"
        return self.store.ids(field_.relation, where, [id_], "ORDER BY id")

    @public_model
    def fields_get(
        self, allfields: list[str] | None = None, attributes: list[str] | None = None
    ) -> dict[str, Vals]:
        """Describe the fields."""
        return {
            name: {
                key: value
                for key, value in self._describe(name, f).items()
                if not attributes or key in attributes
            }
            for name, f in self.fields.items()
            if not allfields or name in allfields
        }

    def _describe(self, name: str, f: F) -> Vals:
        entry: Vals = {
            "name": name,
            "type": f.type,
            "string": f.string,
            "required": f.required,
            "readonly": f.readonly,
            "store": f.type != "one2many" and not f.inside,
            "searchable": True,
            "manual": f.manual,
        }
        if f.help:
            entry["help"] = f.help
        if f.inside:
            entry["related"] = f"{f.inside}.{name}"
        if f.relation:
            entry["relation"] = f.relation
        if f.type == "selection":
            entry["selection"] = [list(option) for option in self.selection(name, f)]
        return entry

    def selection(self, name: str, f: F) -> Sequence[tuple[str, str]]:
        """Return the options of a selection field."""
        del name
        return f.selection

    @public_model
    def default_get(self, fields: list[str]) -> Vals:
        """Return the values that a record gets where none is given."""
        return {name: f.default for name in fields if (f := self.fields[name]).default is not None}

    @public
    def has_access(self, operation: str) -> bool:
        """Say whether the user may do this with the model."""
        sudo = bool(self.env.context.get("sudo"))
        return sudo or allowed(self.env.uid, self.model, operation)

    @public_model
    def check_access_rights(self, operation: str, raise_exception: bool = True) -> bool:
        """Say the same, the way that servers before 18 did."""
        if raise_exception:
            self.check(operation)
        return self.has_access(operation)

    def check(self, operation: str) -> None:
        """Raise the access error where the user may not do this."""
        if not self.has_access(operation):
            verb = {"read": "access", "write": "modify", "unlink": "delete"}.get(operation, operation)
            raise access_error(
                f"You are not allowed to {verb} '{self.model}' records.\n\n"
                "This operation is allowed for the following groups:\n\t- Administration/Settings"
            )

    # -- writing ---------------------------------------------------------------------------------

    @public_model
    def create(self, vals_list: list[Vals] | Vals) -> list[int]:
        """Create records; all or none."""
        self.check("create")
        rows = [vals_list] if isinstance(vals_list, dict) else list(vals_list)
        self._refuse_unknown(rows)
        ids = list(self.store.next_ids(self.model, len(rows)))
        rows = [self.prepare({**self.default_get(list(self.fields)), **row}) for row in rows]
        stamp = {"create_date": self.env.now(), "create_uid": self.env.uid}
        for id_, row in zip(ids, rows, strict=True):
            self._save([id_], row, {id_: dict(stamp)})
            required = [n for n, f in self.fields.items() if f.required and not f.inside]
            missing_ = [n for n in required if row.get(n) in (None, False)]
            if missing_:
                raise validation(f"Missing required value for the field '{missing_[0]}'.")
        self.browse(ids).created(rows)
        return ids

    def _refuse_unknown(self, rows: list[Vals]) -> None:
        for row in rows:
            for name in row:
                if name not in self.fields:
                    raise value_error(f"Invalid field {name!r} in {self.model!r}")

    @public
    def write(self, vals: Vals) -> bool:
        """Change records; all or none."""
        self.check("write")
        self._refuse_unknown([vals])
        docs = self.existing()
        self._save(list(docs), self.prepare(dict(vals), docs), docs)
        self.written(vals)
        return True

    @public
    def unlink(self) -> bool:
        """Delete records, what hangs on them, and their external ids."""
        self.check("unlink")
        self.existing()
        self.before_unlink()
        self._loosen()
        self.store.delete(self.model, self.ids)
        return True

    def _loosen(self) -> None:
        registry = self.env.db.registry
        for owner, name, f in registry.pointing_at(self.model):
            where = f"json_extract(doc, '$.{name}') IN ({', '.join(map(str, self.ids))})"
            ids = self.store.ids(owner, where, [])
            if ids and f.on_delete == "restrict":
                raise validation("Another model requires the record being deleted.")
            if ids and f.on_delete == "cascade":
                root(self.env)[owner].browse(ids).unlink()
            elif ids:
                docs = self.store.get(owner, ids)
                self.store.put(
                    owner, [(i, {k: v for k, v in d.items() if k != name}) for i, d in docs.items()]
                )
        for table, flip in registry.relation_tables(self.model):
            self.store.unlink(table, flip, self.ids)
        listed = ", ".join(map(str, self.ids))
        notes = f"json_extract(doc, '$.model') = ? AND json_extract(doc, '$.res_id') IN ({listed})"
        if messages := self.store.ids("mail.message", notes, [self.model]):
            root(self.env)["mail.message"].browse(messages).unlink()
        where = f"json_extract(doc, '$.model') = ? AND json_extract(doc, '$.res_id') IN ({listed})"
        self.store.delete("ir.model.data", self.store.ids("ir.model.data", where, [self.model]))

    @public
    def web_save_multi(self, vals_list: list[Vals], specification: Vals) -> list[Vals]:
        """Write other values to each record; all or none."""
        del specification
        if len(self.ids) != len(vals_list):
            raise value_error("Each record must have a corresponding vals entry.")
        for id_, vals in zip(self.ids, vals_list, strict=True):
            self.browse([id_]).write(vals)
        return [{"id": id_} for id_ in self.ids]

    @public
    def get_external_id(self) -> dict[str, str]:
        """Return the external id of each record, empty where it has none."""
        found = {str(id_): "" for id_ in self.ids}
        data = root(self.env)["ir.model.data"]
        for row in data.search_read([["model", "=", self.model], ["res_id", "in", self.ids]]):
            found[str(row["res_id"])] = f"{row['module']}.{row['name']}"
        return found

    def existing(self) -> dict[int, Doc]:
        """Return the documents; raises the API's error where one is gone."""
        docs = self.store.get(self.model, self.ids)
        gone = [id_ for id_ in self.ids if id_ not in docs]
        if gone:
            raise missing(self.model, gone[:1])
        return docs

    def _save(self, ids: list[int], vals: Vals, docs: dict[int, Doc]) -> None:
        if refused(self.env.db.faults, vals):
            raise validation("The sandbox refuses this value.")
        changes, commands = self._split(vals)
        stamp = {"write_date": self.env.now(), "write_uid": self.env.uid}
        for id_ in ids:
            doc = {**docs[id_], **changes, **stamp}
            docs[id_] = {key: value for key, value in doc.items() if value is not None}
        self.store.put(self.model, [(id_, docs[id_]) for id_ in ids])
        for field_, value in commands:
            self._command(ids, field_, value)

    def _split(self, vals: Vals) -> tuple[Vals, list[Commands]]:
        changes: Vals = {}
        commands: list[Commands] = []
        for name, value in vals.items():
            field_ = self.fields[name]
            if name in AUTOMATIC:
                continue
            if field_.type in ("many2many", "one2many"):
                commands.append((field_, value or []))
            elif field_.type == "many2one":
                changes[name] = self._link(field_, value)
            else:
                changes[name] = convert(self.model, name, field_, value)
        return changes, commands

    def _link(self, field_: F, value: Any) -> int | None:
        if not value:
            return None
        if not isinstance(value, int):
            raise value_error(f"Wrong value for many2one: {value!r}")
        self._refuse_missing(field_, [value])
        return value

    def _refuse_missing(self, field_: F, ids: list[int]) -> None:
        """A link to a contact that is gone fails in the contact's own code, any other in the database."""
        gone = set(ids) - self.store.get(field_.relation, ids).keys()
        if gone and field_.relation == "res.partner":
            raise missing(field_.relation, sorted(gone)[:1])
        if gone:
            raise validation(
                "The operation cannot be completed: "
                "Another model is using the record you are trying to delete."
            )

    def _command(self, ids: list[int], field_: F, commands: list[Any]) -> None:
        if all(isinstance(command, int) for command in commands):
            commands = [[6, 0, commands]]
        other = root(self.env)[field_.relation]
        for command in commands:
            code = command[0]
            if field_.type == "one2many":
                if code == 0:
                    other.create([{**command[2], field_.inverse: id_} for id_ in ids])
                continue
            if code in (5, 6):
                self.store.unlink(field_.table, field_.flip, ids)
            targets = command[2] if code == 6 else [command[1]] if code in (3, 4) else []
            if code == 3:
                self.store.unlink(field_.table, field_.flip, ids, targets)
                continue
            if code == 0:
                targets = other.create([command[2]])
            self._refuse_missing(field_, targets)
            for id_ in ids:
                self.store.link(field_.table, field_.flip, id_, targets)

    # -- what a model may add ----------------------------------------------------------------------

    def prepare(self, vals: Vals, docs: dict[int, Doc] | None = None) -> Vals:
        """Change values before they are stored; `docs` is None for new records."""
        del docs
        return vals

    def created(self, rows: list[Vals]) -> None:
        """Act on new records; `rows` are their values."""

    def written(self, vals: Vals) -> None:
        """Act on changed records."""

    def before_unlink(self) -> None:
        """Refuse or prepare a deletion."""


CLASSES: dict[str, type[Model]] = {}


def model(name: str) -> Callable[[M], M]:
    """Register a class for a model's own behaviour."""

    def register(cls: M) -> M:
        cls.name = name
        CLASSES[name] = cls
        return cls

    return register


def root(env: Env) -> Env:
    """Return the call with all rights, for what the server does on its own behalf."""
    return env.quiet(sudo=True, active_test=False)
