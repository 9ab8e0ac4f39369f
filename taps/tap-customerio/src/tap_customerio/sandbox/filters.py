"""The audience filter grammar of the App API, as SQL over people or objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tap_customerio.sandbox.errors import ApiError

Condition = tuple[str, list[object]]
_COLUMNS = {"attribute": {"cio_id", "id", "email"}, "object_attribute": {"object_id", "cio_object_id"}}


def where(
    node: Any, leaf: str = "attribute", segment: Callable[[int], Condition] | None = None, depth: int = 0
) -> Condition:
    """An SQL condition with its values.

    `leaf` is `attribute` for people and `object_attribute` for objects; `segment` resolves the members
    of a segment. Raises ApiError 400 for what the grammar does not have.
    """
    if not isinstance(node, dict) or len(node) != 1 or depth > 20:
        raise ApiError(400, "invalid filter: exactly one of and, or, not, segment or attribute is expected")
    ((key, value),) = node.items()
    if key in {"and", "or"} and isinstance(value, list) and value:
        parts = [where(part, leaf, segment, depth + 1) for part in value]
        joined = f" {key.upper()} ".join(f"({sql})" for sql, _ in parts)
        return joined, [item for _, values in parts for item in values]
    if key == "not":
        sql, values = where(value, leaf, segment, depth + 1)
        return f"NOT coalesce(({sql}), 0)", values
    if key == leaf and isinstance(value, dict):
        return _attribute(value, _COLUMNS[leaf])
    if key == "segment" and segment and isinstance(value, dict) and isinstance(value.get("id"), int):
        return segment(value["id"])
    raise ApiError(400, f"invalid filter: {key}")


def _attribute(test: dict[str, Any], columns: set[str]) -> Condition:
    field, operator, value = test.get("field"), test.get("operator"), test.get("value")
    if not isinstance(field, str) or not field:
        raise ApiError(400, "invalid filter: field is required")
    path = f'$."{field}"'
    if operator == "exists":
        if field in columns:
            return f"{field} IS NOT NULL", []
        return "coalesce(json_type(attributes, ?), 'null') <> 'null'", [path]
    if operator == "eq" and isinstance(value, str):
        if field in columns:
            return f"{field} = ?", [value]
        text = (
            "CASE json_type(attributes, ?1) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
            " ELSE CAST(json_extract(attributes, ?1) AS TEXT) END = ?2"
        )
        return text.replace("?1", "?").replace("?2", "?"), [path, path, value]
    raise ApiError(400, "invalid filter: operator must be eq (with a text value) or exists")
