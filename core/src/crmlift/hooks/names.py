"""Flat names for nested values: the same for a path whatever the order, legal, and short enough."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

Path = tuple[str, ...]
_ILLEGAL = re.compile(r"[^A-Za-z0-9_]")
_DIGEST = 6


@dataclass
class Names:
    """How paths into nested values become names.

    A name is the path's parts, joined by `separator`. With `legal`, whatever is no ASCII letter, digit,
    `_` or separator becomes `_`. A name longer than `max_length` is cut and ends in a digest of its path.
    Where several paths of a record would get one name (with `ignore_case`: but for case), the shortest path
    has it, then the one whose text is the name, then the first in code-point order; the others end in the
    digest of their path. For a name in `contested`, only the path of a single part has it, in every record.
    """

    separator: str = "."
    legal: bool = False
    max_length: int | None = None
    ignore_case: bool = False
    contested: Collection[str] = ()
    _plain: dict[Path, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._contested = {self._canonical(name) for name in self.contested}

    def of(self, paths: Collection[Path]) -> dict[Path, str]:
        """Return the name of each of the paths that a record has, in their order."""
        plain = {path: self._plain.get(path) or self._make(path) for path in paths}
        if len({canonical for _, canonical in plain.values()}) == len(plain):
            return {path: name for path, (name, _) in plain.items()}
        return self._resolve(plain)

    def clashes(self, names: dict[Path, str]) -> int:
        """Return how many of the names are not the plain ones of their paths."""
        return sum(self._plain[path][0] != name for path, name in names.items())

    def _resolve(self, plain: dict[Path, tuple[str, str]]) -> dict[Path, str]:
        def rank(path: Path) -> tuple[object, ...]:
            return len(path), self.separator.join(path) != plain[path][0], path

        names: dict[Path, str] = {}
        taken: set[str] = set()
        for path in sorted(plain, key=rank):
            name, canonical = plain[path]
            size = _DIGEST
            while canonical in taken:
                name = self._with_digest(path, size)
                canonical, size = self._canonical(name), size + 2
            taken.add(canonical)
            names[path] = name
        return {path: names[path] for path in plain}

    def _make(self, path: Path) -> tuple[str, str]:
        name = self.separator.join(map(self._legal, path))
        too_long = self.max_length is not None and len(name) > self.max_length
        if too_long or (len(path) > 1 and self._canonical(name) in self._contested):
            name = self._with_digest(path, _DIGEST)
        self._plain[path] = name, self._canonical(name)
        return self._plain[path]

    def _legal(self, part: str) -> str:
        return _ILLEGAL.sub("_", part) if self.legal else part

    def _with_digest(self, path: Path, size: int) -> str:
        end = "_" + blake2b(orjson.dumps(path, default=list), digest_size=32).hexdigest()[:size]
        name = self.separator.join(map(self._legal, path))
        return (name if self.max_length is None else name[: max(0, self.max_length - len(end))]) + end

    def _canonical(self, name: str) -> str:
        return name.casefold() if self.ignore_case else name


def leaves(nested: dict[str, Any]) -> dict[Path, Any]:
    """Return all values of nested dicts by path; lists and empty dicts are values."""
    found: dict[Path, Any] = {}
    _walk(nested, (), found)
    return found


def _walk(nested: dict[str, Any], path: Path, found: dict[Path, Any]) -> None:
    for name, value in nested.items():
        if type(value) is dict and value:
            _walk(value, (*path, name), found)
        else:
            found[*path, name] = value


def unflatten(flat: dict[str, Any], paths: dict[str, Path]) -> dict[str, Any]:
    """Build the nested dict that was flattened, given the path behind each name."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *way, last = paths[name]
        place = nested
        for part in way:
            place = place.setdefault(part, {})
        place[last] = value
    return nested
