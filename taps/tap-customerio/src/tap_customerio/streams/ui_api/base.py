"""What the streams of the UI API share.

Its shapes are not published: few fields are promoted, and every record carries its whole object as `raw`,
less credentials. Ids are text, whatever form they come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_customerio import redact
from tap_customerio.errors import Forbidden, NoRoute, NotReadOnly, Refused, Unauthorized
from tap_customerio.routes import UI_API
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, CustomerIOStream, prop
from tap_customerio.transport import Transport
from tap_customerio.ui_api import UiClient
from tap_customerio.ui_api.graph import text
from tap_customerio.values import Record, unix

RAW = prop("raw", FREE_FORM, "The whole object as the API sends it, less credentials.")
UNDECODED = prop("undecoded", th.ArrayType(th.StringType), "Fields whose text could not be decoded.")
CONDITIONS = prop("conditions", FREE_FORM, "Conditions, decoded, by field of `raw`.")


class UiStream(CustomerIOStream):
    """A stream that only a service-account token makes readable."""

    routes = (UI_API,)

    @property
    def api(self) -> UiClient:
        """The client of the UI API."""
        api = self.run.ui_api
        assert api is not None, "the route is not taken without a token"
        return api

    @property
    def source(self) -> Transport:
        """What it reads from."""
        return self.api

    def calls(self, sizes: Sizes) -> int | None:
        """Nothing tells, in general."""
        del sizes
        return None

    def made(self, found: Any, **more: Any) -> Record:
        """A record: the declared fields, ids as text, times in unix seconds; the object as `raw`."""
        whole = found if isinstance(found, dict) else {"value": found}
        record = {name: self._fit(name, whole.get(name)) for name in self.schema["properties"]}
        return record | more | {"raw": redact.credentials(whole)}

    def _fit(self, name: str, value: Any) -> Any:
        kinds = self.schema["properties"][name]["type"]
        if value is None:
            return None
        if "integer" in kinds:
            return _number(value)
        if kinds[0] == "string" and not isinstance(value, str):
            return text(value) if isinstance(value, int) else None
        if kinds[0] == "array" and isinstance(value, list):
            texts = "string" in self.schema["properties"][name].get("items", {}).get("type", ())
            return [text(one) for one in value] if texts else value
        fits = {"object": dict, "array": list, "boolean": bool, "string": str}
        return value if any(isinstance(value, fits[kind]) for kind in kinds if kind in fits) else None

    def readable(self, found: Iterator[Any]) -> Iterator[Any]:
        """A list up to where it cannot be read any more: that is counted, and other lists go on."""
        end = object()
        while (one := self.some(lambda: next(found, end))) not in (None, end):
            yield one

    def identified(self, found: Iterable[Any]) -> Iterator[Record]:
        """The rows that have an id, which is needed to ask further; others are counted."""
        for one in found:
            if isinstance(one, dict) and one.get("id") is not None:
                yield one
            else:
                self.line.skip("a row without an id")

    def single(self, path: str, values: Mapping[str, object], root: str) -> Record:
        """One object under its root, or bare; empty where it cannot be read, which is counted."""
        answer = self.some(lambda: self.api.get(path, values))
        inner = answer.get(root) if isinstance(answer, dict) else None
        found = inner if isinstance(inner, dict) else answer
        return found if isinstance(found, dict) else {}

    def some(self, read: Callable[[], Any]) -> Any:
        """One answer among many, or None where this one cannot be read: it is counted and left out."""
        try:
            return read()
        except (Unauthorized, Forbidden, NoRoute, NotReadOnly):
            raise
        except Refused as error:
            self.line.skip(error)
            self.logger.warning("skipped: %s", error)
            return None


def _number(value: Any) -> int | None:
    """Unix seconds or a number, in any of their forms; None for what is neither."""
    if isinstance(value, float):
        return int(value)
    try:
        return unix(value)
    except ValueError:
        return None


class UiListStream(UiStream):
    """One list, each row a record: subclasses say where it is, and by what it is known.

    `paging` holds the query of a list with numbered pages; without, it comes whole.
    """

    path: ClassVar[str]
    root: ClassVar[str]
    paging: ClassVar[Mapping[str, object] | None] = None
    id_names: ClassVar[tuple[str, ...]] = ("id",)

    def read(self) -> Iterable[Record]:
        """The list's rows."""
        for found in self.rows():
            yield self.record(found)

    def rows(self) -> Iterator[Any]:
        """The list as the API sends it."""
        if self.paging is None:
            yield from self.api.listed(self.path, self.root)
        else:
            yield from self.api.pages(self.path, self.root, self.key, query=self.paging)

    def key(self, found: Any) -> str:
        """What a row is known by; a row without any name by all that it holds."""
        if isinstance(found, dict):
            for name in self.id_names:
                if found.get(name) not in (None, ""):
                    return str(found[name])
        return str(found)

    def record(self, found: Any) -> Record:
        """What becomes of a row."""
        return self.made(found, **{self.primary_keys[0]: self.key(found)})
