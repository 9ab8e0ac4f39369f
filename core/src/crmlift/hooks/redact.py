"""Redact: drop, hash or mask fields before anything is mapped, kept or written."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from crmlift.batch import Batch
from crmlift.errors import ConfigError
from crmlift.hooks.options import Options, Texts
from crmlift.hookspecs import hookimpl
from crmlift.mapping.convert import to_text

_HASHED = re.compile(r"redacted:[0-9a-f]{32}")
_DROP = object()
Change = Callable[[Any], Any]


class RedactRule(Options):
    """What becomes of the values at some paths of one stream, or of all.

    A path is dotted; `*` in it stands for any part of a name. A key that holds dots itself is found as well.
    """

    stream: str = "*"
    fields: Texts = Field(min_length=1)
    how: Literal["drop", "hash", "mask"]
    keep: int = Field(0, ge=0)


class Redact(Options):
    """Drop, hash or mask values; put it first, so that no other hook sees them.

    `hash` is an HMAC-SHA256 with a salt from the environment variable `salt_env`: the same value gives the
    same text, and without the salt nobody can tell which. `mask` leaves the last `keep` characters.
    """

    rules: list[RedactRule] = Field(min_length=1)
    salt_env: str = "CRMLIFT_REDACT_SALT"
    _changes: list[tuple[RedactRule, list[list[str]], Change]] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _has_salt(self) -> Redact:
        if any(rule.how == "hash" for rule in self.rules) and len(os.environ.get(self.salt_env, "")) < 16:
            raise ConfigError(
                f"The hook 'redact' hashes with a salt, and {self.salt_env} holds none.",
                hint="Set it to a random text of at least 16 characters, such as `openssl rand -hex 16`; "
                "keep it, so that later runs give the same hashes.",
            )
        return self

    def model_post_init(self, _context: object) -> None:
        """Make the changes once; the salt is read from the environment here and nowhere else."""
        salt = os.environ.get(self.salt_env, "").encode()
        hows: dict[str, Callable[[RedactRule], Change]] = {
            "drop": lambda _rule: lambda _value: _DROP,
            "hash": lambda _rule: lambda value: _hash(value, salt),
            "mask": lambda rule: lambda value: _mask(value, rule.keep),
        }
        self._changes = [
            (rule, [path.split(".") for path in rule.fields], hows[rule.how](rule)) for rule in self.rules
        ]

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Change the records of a batch in place."""
        for rule, paths, change in self._changes:
            if not fnmatchcase(batch.stream, rule.stream):
                continue
            for path in paths:
                if len(path) == 1 and any(fnmatchcase(key, path[0]) for key in batch.key_properties):
                    raise ConfigError(
                        f"The hook 'redact' may not change '{path[0]}', by which records of "
                        f"'{batch.stream}' are known.",
                        hint="Leave it out of the mapping instead, or name other fields.",
                    )
            for item in batch.items:
                if number := sum(_apply(item.record, path, change) for path in paths):
                    batch.count(f"redacted_by_{rule.how}", number, item=item)


def _apply(place: Any, path: list[str], change: Change) -> int:
    """Change what lies at a path of a dict, or of each dict in a list; return how many values that were."""
    if type(place) is list:
        return sum(_apply(inner, path, change) for inner in place)
    if type(place) is not dict:
        return 0
    number = 0
    for name in list(place):
        for size in range(1, len(path) + 1):
            if not fnmatchcase(name, ".".join(path[:size])):
                continue
            if size < len(path):
                number += _apply(place[name], path[size:], change)
            elif place[name] is not None:
                after = change(place[name])
                number += 1
                if after is _DROP:
                    del place[name]
                else:
                    place[name] = after
                break
    return number


def _hash(value: Any, salt: bytes) -> str:
    """A record may come again as it was left, on a retry: what is hashed already stays."""
    text = to_text(value)
    if _HASHED.fullmatch(text):
        return text
    return "redacted:" + hmac.new(salt, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()[:32]


def _mask(value: Any, keep: int) -> str:
    text = to_text(value)
    hidden = max(0, len(text) - keep) if keep < len(text) else len(text)
    return "*" * hidden + text[hidden:]
