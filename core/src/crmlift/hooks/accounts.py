"""Which company a person belongs to: a company object, a domain, or a name; one account per domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from pydantic import Field, PrivateAttr

from crmlift.addresses import domain_of, host_of, is_email, is_free_mail
from crmlift.batch import Batch, Record
from crmlift.hooks.options import Options, Texts
from crmlift.hookspecs import hookimpl
from crmlift.mapping.engine import DELETED, Getter, first_of
from crmlift.mapping.expression import compile_expression, digest

_DOMAINS, _NAMES, _TITLES = "accounts.domains", "accounts.names", "accounts.titles"
_OBJECTS, _FIRST = "accounts.objects", "accounts.first"
_OF_DOMAIN, _OF_NAME = "domain-", "company-"
_SEVERAL = ""
"""Stands in the place of the one account where a domain or name has several."""

Known = dict[str, str]
"""The account's key by domain or by name."""


class Clue(NamedTuple):
    """What a person's record tells of their company: `name` is the title in a comparable form."""

    domain: str | None
    title: str | None
    name: str | None


class Accounts(Options):
    """Write a person's account into their record, under `into`: `key`, `name`, `domain`, `by` and `derived`.

    A company object with the domain of the person's address, or the name of their company, is the account.
    Else one is derived: of the domain, unless it is a provider's, or of the company's name; `by` gives
    the order of the two. Where a domain or name leads to several companies, no account is written.

    In `relationships`, the first company of a person that is not `secondary` gets `first` true.
    """

    by: list[Literal["domain", "company"]] = Field(["domain", "company"], min_length=1)
    into: str = "account"
    companies: str = (
        "object_type_slug in ['companies', 'company', 'accounts', 'account'] "
        "or (object_type_id == '1' and not object_type_slug)"
    )
    secondary: str = "attributes.primary == False"
    object_name_from: Texts = ["attributes.name"]
    object_domain_from: Texts = ["attributes.domain", "attributes.website"]
    company_from: Texts = ["attributes.company", "attributes.company_name"]
    email_from: Texts = ["email"]
    free_mail: list[str] = []
    not_free_mail: list[str] = []
    _is_company: Callable[[Record], Any] = PrivateAttr()
    _is_secondary: Callable[[Record], Any] = PrivateAttr()
    _get: dict[str, Getter] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _context: object) -> None:
        """Compile what is configured, so that a mistake is reported before the first record."""
        self._is_company = compile_expression(self.companies)
        self._is_secondary = compile_expression(self.secondary)
        paths = {
            "object_name": self.object_name_from,
            "object_domain": self.object_domain_from,
            "company": self.company_from,
            "email": self.email_from,
        }
        self._get = {name: first_of(found) for name, found in paths.items()}

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Learn of companies; find the account of people; tell the first company of each."""
        if batch.stream == "objects":
            self._learn(batch)
        elif batch.stream == "people":
            self._find(batch)
        elif batch.stream == "relationships":
            self._mark_first(batch)

    def _domain(self, value: object) -> str | None:
        """Return the domain of a company's own address or site, never that of a provider."""
        domain = domain_of(value)
        free = (is_free_mail(value) or domain in self.free_mail) and domain not in self.not_free_mail
        return None if free and host_of(value) not in self.not_free_mail else domain

    # Company objects, which come before people

    def _learn(self, batch: Batch) -> None:
        items = [
            item
            for item in batch
            if self._is_company(item.record) and not (item.merged or item.record.get(DELETED))
        ]
        domains = {item.key: self._domain(self._get["object_domain"](item.record)) for item in items}
        names = {item.key: _plain(self._get["object_name"](item.record)) for item in items}
        by_domain = batch.claims.owners(_DOMAINS, _given(domains.values()))
        by_name = batch.claims.owners(_NAMES, _given(names.values()))
        rows = batch.claims.owners(_OBJECTS, domains)
        for item in items:
            domain, name = domains[item.key], names[item.key]
            row = by_domain.get(domain or "", item.key)
            if row.startswith(_OF_DOMAIN) and rows.get(item.key, row) == row:
                # Somebody of that domain came first and had an account derived: the company is the same.
                batch.merge(item, row, code="same_domain", wins=True)
            rows.setdefault(item.key, item.into or item.key)
            if domain and not _learned(by_domain, domain, rows[item.key]):
                batch.count("ambiguous_accounts", item=item)
            if name:
                _learned(by_name, name, rows[item.key])
        batch.claims.put(_DOMAINS, by_domain)
        batch.claims.put(_NAMES, by_name)
        batch.claims.put(_OBJECTS, rows)

    # People

    def _find(self, batch: Batch) -> None:
        people = [(item, self._clue(item.record)) for item in batch if not item.record.get(DELETED)]
        clues = [clue for _, clue in people]
        by_domain = batch.claims.owners(_DOMAINS, _given(clue.domain for clue in clues))
        by_name = batch.claims.owners(_NAMES, _given(clue.name for clue in clues))
        # The first form in which anybody writes a company's name is the account's, for good.
        named = [clue for clue in reversed(clues) if clue.title]
        given = {f"={clue.name}": clue.title or "" for clue in named}
        given |= {clue.domain: clue.title or "" for clue in named if clue.domain}
        titles = batch.claims.claim(_TITLES, given) | batch.claims.owners(_TITLES, by_domain)
        for item, clue in people:
            by, key = self._account(clue, by_domain, by_name)
            if not key:
                item.record[self.into] = None
                batch.count("no_account" if key is None else "account_ambiguous", item=item)
                continue
            derived = key.startswith((_OF_DOMAIN, _OF_NAME))
            domain = key.removeprefix(_OF_DOMAIN) if key.startswith(_OF_DOMAIN) else None
            name = titles.get(domain or f"={clue.name}") or domain
            item.record[self.into] = {
                "key": key, "name": name, "domain": domain, "by": by, "derived": derived,
            }  # fmt: skip
            batch.count(f"account_by_{by}" if derived else "account_by_object", item=item)
        batch.claims.put(_DOMAINS, by_domain)
        batch.claims.put(_NAMES, by_name)

    def _clue(self, record: Record) -> Clue:
        email, title = self._get["email"](record), self._get["company"](record)
        title = " ".join(str(title).split()) if title is not None else None
        return Clue(self._domain(email) if is_email(email) else None, title or None, _plain(title))

    def _account(self, clue: Clue, by_domain: Known, by_name: Known) -> tuple[str, str | None]:
        """Return what led to the account, and its key: None without a clue, empty where there are several."""
        values = {"domain": clue.domain, "company": clue.name}
        known = {"domain": by_domain, "company": by_name}
        keys = {by: known[by].get(str(values[by])) for by in self.by if values[by]}
        for by, key in keys.items():
            if key and not key.startswith((_OF_DOMAIN, _OF_NAME)):
                return by, key
        for by, key in keys.items():
            if key is None:
                key = f"{_OF_DOMAIN}{clue.domain}" if by == "domain" else f"{_OF_NAME}{digest(clue.name)}"
                known[by][str(values[by])] = key
            if by == "domain" and key and clue.name:
                _learned(by_name, clue.name, key)
            return by, key
        return "", None

    # Relationships, which come after people

    def _mark_first(self, batch: Batch) -> None:
        asks = {
            id(item): str(item.record["cio_id"])
            for item in batch
            if self._is_company(item.record) and not self._is_secondary(item.record)
        }
        wanted: dict[str, str] = {}
        for item in batch.items:
            if id(item) in asks and not item.record.get(DELETED):
                wanted.setdefault(asks[id(item)], str(item.record["cio_object_id"]))
        first = batch.claims.claim(_FIRST, wanted)
        for item in batch.items:
            is_first = first.get(asks.get(id(item), "")) == str(item.record["cio_object_id"])
            item.record[self.into] = {"first": is_first}
            if id(item) in asks and not is_first:
                batch.count("more_companies", item=item)


def _learned(known: Known, value: str, key: str) -> bool:
    """Remember the account of a domain or name; tell whether it is the only one."""
    before = known.setdefault(value, key)
    if before != key and not before.startswith(_OF_NAME):
        known[value] = _SEVERAL
    return known[value] != _SEVERAL


def _given(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value}


def _plain(value: object) -> str | None:
    """A name without case, punctuation and spaces: `ACME, Inc.` and `Acme Inc` are one."""
    return "".join(letter for letter in str(value or "").casefold() if letter.isalnum()) or None
