"""One org: its objects, its records, its clock, and the switches for what an org may be set to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

from babel import Locale

from crmlift.sandbox.faults import Fault, Stats
from target_salesforce.sandbox.errors import no_such_type
from target_salesforce.sandbox.fields import SField, SObject
from target_salesforce.sandbox.standard import standard_objects
from target_salesforce.sandbox.store import Doc, Store

KILOBYTES = {"Campaign": 8, "CampaignMember": 1}
"""Storage per record, where it is not 2 KB."""
_UNINDEXED = ("Id", "OwnerId", "CreatedById", "LastModifiedById")


@dataclass(slots=True)
class Switches:
    """What an administrator, or chance, may have done to the org; set over `POST /_sandbox/org`.

    `locks` rows are refused as locked; a job fails after `job_rows` rows; `abort_jobs` jobs are aborted by
    somebody; a token is good for `session_calls` calls. `duplicate_rules` and `validation_rules` hold dicts,
    see `rules`.
    """

    audit_fields: bool = False
    address_picklists: bool = False
    contacts_to_many_accounts: bool = True
    duplicate_rules: list[dict[str, Any]] = field(default_factory=list)
    validation_rules: list[dict[str, Any]] = field(default_factory=list)
    flows: list[dict[str, Any]] = field(default_factory=list)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    assignment_rules: list[dict[str, Any]] = field(default_factory=list)
    locks: int = 0
    job_rows: int = 0
    job_polls: int = 0
    jobs_per_page: int = 1_000
    abort_jobs: int = 0
    session_calls: int = 0
    api_calls: int = 100_000
    bulk_batches: int = 15_000
    storage_mb: int = 10_240
    archive_tasks: bool = True
    shuffle_results: bool = True
    marketing_user: bool = True
    email_on_write: bool = False


ADDRESSES = {"Lead": ("",), "Contact": ("Mailing", "Other"), "Account": ("Billing", "Shipping")}
"""What the fields of addresses begin with, by object."""


@cache
def countries() -> dict[str, str]:
    """Return the labels of the country picklist by code."""
    names = Locale("en").territories
    return {code: str(name) for code, name in names.items() if len(code) == 2 and code.isalpha()}


class Org:
    """One org."""

    def __init__(self, path: str, now: datetime | None = None) -> None:
        self.store = Store(path)
        self.stats = Stats()
        self.faults: list[Fault] = []
        self.objects: dict[str, SObject] = standard_objects()
        self.by_lower = {name.lower(): name for name in self.objects}
        self.grants: set[str] = set()
        self.flows: dict[str, Doc] = {}
        """Flows that were deployed, as setup lists them."""
        self.switches = Switches()
        self.clock: Callable[[], datetime] = (lambda: now) if now else (lambda: datetime.now(UTC))
        self.used_calls = 0
        self.used_batches = 0
        self.used_kb = 0
        self.user_id = ""
        self.org_id = ""

    def now(self) -> str:
        """Return the time as REST writes it."""
        return wire_time(self.clock())

    def object(self, name: str, query: str = "") -> SObject:
        """Return an object that is there and may be seen; names take any case."""
        found = self.objects.get(self.by_lower.get(name.lower(), ""))
        hidden = found is not None and (
            (found.hidden and f"object:{found.name}" not in self.grants)
            or (found.name == "AccountContactRelation" and not self.switches.contacts_to_many_accounts)
        )
        if found is None or hidden:
            raise no_such_type(name, query)
        return found

    def sees(self, object_name: str, one: SField) -> bool:
        """Say whether the user may see a field."""
        return not one.hidden or f"{object_name}.{one.name}" in self.grants

    def field(self, of: SObject, name: str) -> SField | None:
        """Return a field that is there and may be seen; names take any case."""
        found = of.fields.get(of.by_lower.get(name.lower(), ""))
        return found if found is not None and self.sees(of.name, found) else None

    def add_object(self, new: SObject) -> None:
        """Add a custom object."""
        self.objects[new.name] = new
        self.by_lower[new.name.lower()] = new.name

    def add_field(self, of: SObject, new: SField) -> None:
        """Add a field and index what is looked up by."""
        of.add(new)
        if new.external_id or new.unique:
            self.store.index(of.name, new.name, exact=new.case_sensitive)

    def switch(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Change switches; return all."""
        known = {one.name for one in fields(Switches)}
        unknown = settings.keys() - known
        if unknown:
            raise ValueError(f"no switch {sorted(unknown)}")
        for name, value in settings.items():
            setattr(self.switches, name, value)
        self._show_address_codes()
        return asdict(self.switches)

    def _show_address_codes(self) -> None:
        """Add the codes beside countries where their picklists are on, or take them away."""
        for name, prefixes in ADDRESSES.items():
            for prefix in prefixes:
                code = f"{prefix}CountryCode"
                if not self.switches.address_picklists:
                    self.objects[name].fields.pop(code, None)
                    continue
                names, codes = tuple(countries().values()), tuple(countries())
                self.objects[name].add(
                    SField(code, "picklist", 10, choices=names, codes=codes, restricted=True)
                )

    def prepare(self) -> None:
        """Index what the platform indexes."""
        for made in self.objects.values():
            for one in made.fields.values():
                if (one.id_lookup or one.unique or one.refers_to) and one.name not in _UNINDEXED:
                    self.store.index(made.name, one.name, exact=bool(one.refers_to))


def wire_time(moment: datetime) -> str:
    """Return a time as REST writes it: `2024-09-09T19:25:27.000+0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
