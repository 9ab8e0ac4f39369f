"""A person's yes to a mapping, as a small file beside it that can be kept in git."""

from __future__ import annotations

import getpass
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, ValidationError

from crmlift.errors import ConfigError
from crmlift.mapping.load import read_mapping
from crmlift.mapping.model import Mapping


class Approval(BaseModel):
    """Who approved which mapping, and when (UTC)."""

    digest: str
    approved_by: str
    approved_at: datetime


def digest(mapping: Mapping) -> str:
    """Return the SHA-256 of what the mapping means; comments and layout do not count."""
    plain = mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return hashlib.sha256(
        orjson.dumps(plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    ).hexdigest()


def approval_path(mapping_path: Path) -> Path:
    """Return where the approval of a mapping file lies."""
    return mapping_path.with_name(mapping_path.name + ".approved.json")


def approve(mapping_path: Path, *, by: str | None = None) -> Approval:
    """Record that a person approves the mapping as it stands now."""
    approval = Approval(
        digest=digest(read_mapping(mapping_path)),
        approved_by=by or getpass.getuser(),
        approved_at=datetime.now(UTC).replace(microsecond=0),
    )
    approval_path(mapping_path).write_text(approval.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return approval


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
