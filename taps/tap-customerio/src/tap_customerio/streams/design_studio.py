"""Design Studio: emails, components and folders, in lists with numbered pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_customerio.client import Call, Client
from tap_customerio.streams.base import FREE_FORM, ListStream, prop
from tap_customerio.values import Record

_PER_PAGE = 1000
_COMMON = (
    prop("id", th.StringType, "Id (UUID).", key=True),
    prop("name", th.StringType, "Name."),
    prop("parent_folder_id", th.StringType, "Folder it lies in."),
    prop("created", th.IntegerType, "Unix seconds."),
    prop("updated", th.IntegerType, "Unix seconds."),
    prop("details", FREE_FORM, "Everything that the API sends: the form is not documented."),
)


class DesignStudioStream(ListStream):
    """One of the lists; the vendor documents neither its root key nor its fields."""

    primary_keys = ("id",)
    fields: ClassVar[tuple[th.Property[Any], ...]] = _COMMON

    @classmethod
    def listed(cls, client: Client) -> Iterator[Record]:
        """Page by page."""
        return client.numbered(cls.call, cls.root, _PER_PAGE)

    def record(self, found: Mapping[str, Any]) -> Record:
        """Known fields beside the whole."""
        made = self.declared({**found, "details": found})
        made["created"] = found.get("created", found.get("created_at"))
        made["updated"] = found.get("updated", found.get("updated_at"))
        return made | {"id": str(found.get("id", ""))}


class DesignStudioEmails(DesignStudioStream):
    """Emails of Design Studio with their content: one request each."""

    name = "design_studio_emails"
    description = "Emails made in Design Studio, with their content."
    call = Call("/v1/design_studio/emails")
    root = "emails"
    fields = (
        *_COMMON,
        prop("content", FREE_FORM, "Subject, preheader, html, amp and text."),
        prop("envelope", FREE_FORM, "Sender and the like."),
        prop("transformers", FREE_FORM, "How the content is processed."),
    )

    def read(self) -> Iterable[Record]:
        """Each email is asked for by itself: the list has no content."""
        return self.client.map(self._whole, self.run.listed(type(self)))

    def _whole(self, known: Record) -> Record:
        answer = self.ask(Call("/v1/design_studio/emails/{id}", {"id": known["id"]})) or {}
        found = answer.get("email") or answer
        parts = {name: found.get(name) for name in ("content", "envelope", "transformers")}
        return self.record(known) | parts


class DesignStudioComponents(DesignStudioStream):
    """Components of Design Studio."""

    name = "design_studio_components"
    description = "Components that emails of Design Studio are made of."
    call = Call("/v1/design_studio/components")
    root = "components"


class DesignStudioFolders(DesignStudioStream):
    """Folders of Design Studio."""

    name = "design_studio_folders"
    description = "Folders of Design Studio."
    call = Call("/v1/design_studio/folders")
    root = "folders"
