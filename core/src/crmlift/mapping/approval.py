"""A person's yes to a mapping, as a small file beside it that can be kept in git."""

from __future__ import annotations

import getpass
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from crmlift.errors import ConfigError
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping
from crmlift.part import Part
from crmlift.whole_file import write_whole


class Approval(BaseModel):
    """Who approved which mapping, and when (UTC)."""

    digest: str
    approved_by: str
    approved_at: datetime


class _Kept(Approval):
    """What lies in the file; `mapping` is what was approved, for the next one to compare with."""

    mapping: dict[str, Any] | None = None


class Change(Part):
    """One difference between two mappings: `before` is None for what was added, `after` for what went."""

    where: str
    before: Any = None
    after: Any = None


class Approved(Part):
    """What `crmlift approve` prints; `changes` is None where there was no approval to compare with."""

    mapping: str
    digest: str
    approved_by: str
    approved_at: datetime
    changes: list[Change] | None


def digest(mapping: Mapping) -> str:
    """Return the SHA-256 of what the mapping means; comments and layout do not count."""
    return hashlib.sha256(
        orjson.dumps(_plain(mapping), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    ).hexdigest()


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Return what differs between two mappings, part by part, in the order of the newer one.

    A rule's field, link, match or setting is one part; `streams.people[0].fields.email` names it.
    """
    old, new = dict(_parts(before)), dict(_parts(after))
    return [
        Change(where=where, before=old.get(where), after=new.get(where))
        for where in dict.fromkeys([*new, *old])
        if old.get(where) != new.get(where)
    ]


_DEEP = re.compile(r"streams(\.[^.\[]+(\[\d+\](\.(fields|links|match))?)?)?|hooks|skip|")


def _parts(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and _DEEP.fullmatch(where):
        for key, inner in value.items():
            yield from _parts(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list) and _DEEP.fullmatch(where):
        for number, inner in enumerate(value):
            yield from _parts(inner, f"{where}[{number}]")
    else:
        yield where, value


def _plain(mapping: Mapping) -> dict[str, Any]:
    return mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def approval_path(mapping_path: Path) -> Path:
    """Return where the approval of a mapping file lies."""
    return mapping_path.with_name(mapping_path.name + ".approved.json")


def approve(mapping_path: Path, *, by: str | None = None) -> Approval:
    """Record that a person approves the mapping as it stands now."""
    mapping = read_mapping(mapping_path)
    kept = _Kept(
        digest=digest(mapping),
        mapping=_plain(mapping),
        approved_by=by or getpass.getuser(),
        approved_at=datetime.now(UTC).replace(microsecond=0),
    )
    write_whole(approval_path(mapping_path), kept.model_dump_json(indent=2) + "\n")
    return Approval(**kept.model_dump(exclude={"mapping"}))


def since_approval(mapping_path: Path) -> list[Change] | None:
    """Return what changed since the last approval, or None where there is none to compare with."""
    after = _plain(read_mapping(mapping_path))
    try:
        kept = _Kept.model_validate_json(approval_path(mapping_path).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return None if kept.mapping is None else changes(kept.mapping, after)


def is_approved(mapping_path: Path) -> bool:
    """Tell whether a mapping is approved as it stands."""
    try:
        read_approved(mapping_path)
    except ConfigError:
        return False
    return True


def read_approved(mapping_path: Path) -> tuple[Mapping, Approval]:
    """Return a mapping that may be loaded; raise `ConfigError` where it was not approved as it stands."""
    mapping = read_mapping(mapping_path)
    command = f"Look at it and run `crmlift approve --mapping {mapping_path}`."
    try:
        approval = Approval.model_validate_json(approval_path(mapping_path).read_bytes())
    except FileNotFoundError:
        message = f"The mapping {mapping_path} is not approved, so nothing was written."
        raise ConfigError(message, hint=command) from None
    except ValidationError:
        raise ConfigError(f"The approval beside {mapping_path} cannot be read.", hint=command) from None
    if approval.digest != digest(mapping):
        raise ConfigError(
            f"The mapping {mapping_path} was changed after {approval.approved_by} approved it, "
            "so nothing was written.",
            hint=command,
        )
    return mapping, approval
