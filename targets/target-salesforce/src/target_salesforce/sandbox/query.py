"""Answering SOQL: conditions become SQL, columns are read from the documents."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from target_salesforce.sandbox.errors import ApiError, malformed, no_such_field
from target_salesforce.sandbox.fields import NUMBERS, SField, SObject
from target_salesforce.sandbox.org import Org, wire_time
from target_salesforce.sandbox.soql import Query, parse
from target_salesforce.sandbox.store import Doc, long_id

PAGE = 2000
_SQL = {"=": "IS", "!=": "IS NOT", "<>": "IS NOT"}
_KEPT_CURSORS = 50


class Queries:
    """Queries of one org, and the pages that are still to be fetched."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._cursors: dict[str, tuple[Query, list[str]]] = {}
        self._number = 0

    def start(self, text: str, version: str, *, everything: bool, page: int = PAGE) -> dict[str, Any]:
        """Answer a query with its first page; `everything` takes in deleted and archived records."""
        query = parse(text)
        if query.columns == [("count_rows",)]:
            return {"totalSize": self._count(query, everything), "done": True, "records": []}
        if query.group or any(column[0] == "aggregate" for column in query.columns):
            rows = self._aggregate(query, everything)
            return {"totalSize": len(rows), "done": True, "records": rows}
        ids = self.ids(query, everything)
        self._number += 1
        locator = f"01g5g{self._number:013d}"
        self._cursors[locator] = (query, ids)
        while len(self._cursors) > _KEPT_CURSORS:
            self._cursors.pop(next(iter(self._cursors)))
        return self.page(locator, 0, version, page)

    def page(self, locator: str, offset: int, version: str, page: int = PAGE) -> dict[str, Any]:
        """Answer a later page."""
        if locator not in self._cursors:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        query, ids = self._cursors[locator]
        rows = self.rows(query, ids[offset : offset + page], version)
        done = offset + page >= len(ids)
        following = (
            {} if done else {"nextRecordsUrl": f"/services/data/{version}/query/{locator}-{offset + page}"}
        )
        return {"totalSize": len(ids), "done": done, **following, "records": rows}

    def ids(self, query: Query, everything: bool) -> list[str]:
        """Return the ids that a query finds, in its order."""
        made = self.org.object(query.of, query.text)
        for column in query.columns:
            if column[0] == "field":
                self._resolve(made, column[1])
        where, params = self._where(made, query, everything)
        order = ", ".join(
            f"{self._sql(made, name)[0]} {'DESC' if down else 'ASC'}" for name, down in query.order
        )
        sql = f"SELECT r.id FROM record r WHERE {where} ORDER BY {order or 'r.id'}"
        if query.limit is not None or query.offset:
            sql += f" LIMIT {query.limit if query.limit is not None else -1} OFFSET {query.offset}"
        return [row[0] for row in self.org.store.db.execute(sql, params)]

    def rows(self, query: Query, ids: list[str], version: str) -> list[Doc]:
        """Return the rows of these records."""
        made = self.org.object(query.of)
        docs = self.org.store.get(ids)
        names = self._names(made, query)
        return [self._row(made, docs[id_], names, version) for id_ in ids if id_ in docs]

    # -- columns -----------------------------------------------------------------------------------

    def _names(self, made: SObject, query: Query) -> list[str]:
        names: list[str] = []
        for column in query.columns:
            if column[0] == "fields":
                seen = [one for one in made.fields.values() if self.org.sees(made.name, one)]
                if column[1] != "STANDARD" and (query.limit is None or query.limit > 200):
                    raise malformed("The SOQL FIELDS function must have a LIMIT of at most 200")
                names += [
                    one.name for one in seen if column[1] == "ALL" or one.custom == (column[1] == "CUSTOM")
                ]
            else:
                names.append(column[1])
        return names

    def _row(self, made: SObject, doc: Doc, names: list[str], version: str) -> Doc:
        row: Doc = {"attributes": _attributes(made.name, doc["Id"], version)}
        for name in names:
            path = name.split(".")
            if len(path) == 1:
                one = self._field(made, name)
                row[one.name] = doc.get(one.name, False if one.type == "boolean" else None)
                continue
            relation, below = path[0], ".".join(path[1:])
            link = self._relation(made, relation)
            parent = self.org.store.one(doc[link.name]) if doc.get(link.name) else None
            if parent is None:
                row[link.relationship] = None
                continue
            target = self.org.objects[self.org.store.object_of(parent["Id"]) or link.refers_to[0]]
            if len(link.refers_to) > 1 and below == "Type":
                inner: Doc = {"attributes": _attributes("Name", parent["Id"], version), "Type": target.name}
            else:
                inner = self._row(target, parent, [below], version)
            row[link.relationship] = {**(row.get(link.relationship) or {}), **inner}
        return row

    def _field(self, made: SObject, name: str) -> SField:
        one = self.org.field(made, name)
        if one is None:
            raise no_such_field(name, made.name)
        return one

    def _relation(self, made: SObject, name: str) -> SField:
        for one in made.fields.values():
            if one.relationship.lower() == name.lower() and self.org.sees(made.name, one):
                return one
        raise ApiError(400, "INVALID_FIELD", f"Didn't understand relationship '{name}' in field path.")

    def _resolve(self, made: SObject, name: str) -> SField:
        path = name.split(".")
        for part in path[:-1]:
            link = self._relation(made, part)
            if len(link.refers_to) > 1 and path[-1] == "Type":
                return SField("Type", "string")
            made = self.org.objects[link.refers_to[0]]
        return self._field(made, path[-1])

    # -- conditions --------------------------------------------------------------------------------

    def _where(self, made: SObject, query: Query, everything: bool) -> tuple[str, list[Any]]:
        parts = [f"r.object = '{made.name}'"]
        params: list[Any] = []
        if not everything:
            parts.append("r.deleted = 0")
            if made.name in ("Task", "Event"):
                parts.append("json_extract(r.doc, '$.IsArchived') IS NOT 1")
        if query.where is not None:
            sql, more = self._logic(made, query.where)
            parts.append(f"({sql})")
            params += more
        return " AND ".join(parts), params

    def _logic(self, made: SObject, tree: tuple[Any, ...]) -> tuple[str, list[Any]]:
        match tree:
            case (("AND" | "OR") as word, *parts):
                pieces = [self._logic(made, part) for part in parts]
                joined = f" {word} ".join(f"({sql})" for sql, _ in pieces)
                return joined, [param for _, more in pieces for param in more]
            case ("NOT", part):
                sql, more = self._logic(made, part)
                return f"NOT ({sql})", more
            case ("compare", name, operator, value):
                return self._compare(made, name, operator, value)
            case ("like", name, (_, pattern)):
                sql, _one = self._sql(made, name)
                return f"{sql} LIKE ? ESCAPE '\\'", [pattern]
            case ("in", name, values, wanted):
                return self._in(made, name, values, wanted)
        raise malformed("unexpected token")

    def _compare(self, made: SObject, name: str, operator: str, value: Any) -> tuple[str, list[Any]]:
        sql, one = self._sql(made, name)
        found = self._value(one, value)
        if operator in _SQL:
            return f"{sql} {_SQL[operator]} ?", [found]
        return f"{sql} {operator} ?", [found]

    def _in(self, made: SObject, name: str, values: Any, wanted: bool) -> tuple[str, list[Any]]:
        sql, one = self._sql(made, name)
        word = "IN" if wanted else "NOT IN"
        if isinstance(values, Query):
            target = self.org.object(values.of, values.text)
            inner, _ = self._sql(target, values.columns[0][1])
            where, params = self._where(target, values, everything=False)
            return f"{sql} {word} (SELECT {inner} FROM record r WHERE {where})", params
        return f"{sql} {word} ({', '.join('?' * len(values))})", [self._value(one, value) for value in values]

    def _sql(self, made: SObject, name: str) -> tuple[str, SField]:
        """Return the SQL of a field, and the field. Text compares without case, unless the field says so."""
        path = name.split(".")
        if len(path) == 1:
            one = self._field(made, name)
            if not one.filterable:
                raise ApiError(
                    400, "INVALID_FIELD", f"field '{one.name}' can not be filtered in a query call"
                )
            return self._collated("r", one), one
        link = self._relation(made, path[0])
        if len(link.refers_to) > 1 and path[1] == "Type":
            return (
                f"(SELECT p.object FROM record p WHERE p.id = json_extract(r.doc, '$.{link.name}'))",
                SField("Type", "string"),
            )
        one = self._field(self.org.objects[link.refers_to[0]], path[1])
        inner = self._collated("p", one)
        return f"(SELECT {inner} FROM record p WHERE p.id = json_extract(r.doc, '$.{link.name}'))", one

    def _collated(self, table: str, one: SField) -> str:
        if one.name == "Id":
            return f"{table}.id"
        sql = f"json_extract({table}.doc, '$.{one.name}')"
        if one.type == "boolean":
            return f"COALESCE({sql}, 0)"
        if one.type in NUMBERS:
            return sql
        return f"{sql} COLLATE {'BINARY' if one.case_sensitive or one.refers_to else 'NOCASE'}"

    def _value(self, one: SField, value: Any) -> Any:
        kind, raw = value
        if kind == "text":
            if one.type in ("date", "datetime", "boolean") or one.type in NUMBERS:
                message = (
                    f"value of filter criterion for field '{one.name}' must be of type {one.type} and "
                    "should not be enclosed in quotes"
                )
                raise ApiError(400, "INVALID_FIELD", message)
            return long_id(raw) if one.type in ("id", "reference") and len(raw) == 15 else raw or None
        if kind in ("number", "word"):
            return int(raw) if isinstance(raw, bool) else raw
        if kind == "date":
            return raw
        if kind == "datetime":
            return wire_time(datetime.fromisoformat(raw.replace(" ", "+")))
        return self._literal(one, raw)

    def _literal(self, one: SField, word: str) -> str:
        found = re.fullmatch(r"(TODAY|YESTERDAY|TOMORROW|LAST_N_DAYS|NEXT_N_DAYS)(?::(\d+))?", word)
        if not found:
            raise malformed(f"unexpected token: '{word}'")
        days = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}.get(found[1])
        if days is None:
            days = int(found[2] or 0) * (-1 if found[1] == "LAST_N_DAYS" else 1)
        day = self.org.clock().astimezone(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=days)
        return wire_time(day) if one.type == "datetime" else day.date().isoformat()

    # -- sums --------------------------------------------------------------------------------------

    def _count(self, query: Query, everything: bool) -> int:
        made = self.org.object(query.of, query.text)
        where, params = self._where(made, query, everything)
        (number,) = self.org.store.db.execute(
            f"SELECT COUNT(*) FROM record r WHERE {where}", params
        ).fetchone()
        return int(number)

    def _aggregate(self, query: Query, everything: bool) -> list[Doc]:
        made = self.org.object(query.of, query.text)
        where, params = self._where(made, query, everything)
        columns, names, unnamed = [], [], 0
        for column in query.columns:
            if column[0] == "aggregate":
                _, function, name, alias = column
                distinct = "DISTINCT " if function == "COUNT_DISTINCT" else ""
                columns.append(f"{function.removesuffix('_DISTINCT')}({distinct}{self._sql(made, name)[0]})")
                names.append(alias or f"expr{unnamed}")
                unnamed += alias is None
            else:
                if column[1] not in query.group:
                    raise malformed(f"Field must be grouped or aggregated: {column[1]}")
                columns.append(self._sql(made, column[1])[0])
                names.append(column[1].split(".")[-1])
        group = ", ".join(self._sql(made, name)[0] for name in query.group)
        sql = f"SELECT {', '.join(columns)} FROM record r WHERE {where}" + (
            f" GROUP BY {group}" if group else ""
        )
        if query.limit is not None:
            sql += f" LIMIT {query.limit}"
        return [
            {"attributes": {"type": "AggregateResult"}, **dict(zip(names, row, strict=True))}
            for row in self.org.store.db.execute(sql, params)
        ]


def _attributes(object_name: str, id_: str, version: str) -> Doc:
    return {"type": object_name, "url": f"/services/data/{version}/sobjects/{object_name}/{id_}"}
