"""What people agreed to: preferences, opt-outs and suppressions, raw and joined by person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.errors import Refused, Unauthorized
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes
from tap_customerio.streams.base import FREE_FORM, PERSONAL, CustomerIOStream, prop
from tap_customerio.streams.everybody import AUDIENCE, consent_of, scan
from tap_customerio.streams.setup import SubscriptionTopics
from tap_customerio.values import Record, flag

_KINDS = {"topics": "topic", "channels": "channel"}
_SUPPRESSIONS = ("bounces", "blocks", "spam_reports", "invalid_emails")
_PER_PAGE = 1000
_PERSON = (
    prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
    prop("email", th.StringType, "The person's email address. Personal data."),
)


def audience(run: Run) -> Iterator[Record]:
    """Everybody, in the short form of `consent_of`: read with `people`, or here where that was not."""
    return run.shelf.read(AUDIENCE, lambda: map(consent_of, scan(run.client)))


def preferences(value: object) -> dict[str, dict[str, bool]] | None:
    """`topics` and `channels` of the attribute `cio_subscription_preferences`, which is JSON in a text.

    None where it cannot be understood.
    """
    try:
        found = json.loads(value) if isinstance(value, str) and value else value or {}
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(kind) or {}, dict) for kind in _KINDS):
        return None
    return {
        kind: {
            name: chosen
            for name, answer in (found.get(kind) or {}).items()
            if (chosen := flag(answer)) is not None
        }
        for kind in _KINDS
    }


class SubscriptionPreferences(CustomerIOStream):
    """One record for each choice of a person, decoded from their attributes: no request of its own."""

    name = "subscription_preferences"
    description = f"What people chose, by topic and channel. {PERSONAL}"
    primary_keys = ("cio_id", "kind", "name")
    fields = (
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        prop("kind", th.StringType, "`topic` or `channel`.", key=True),
        prop("name", th.StringType, "Identifier of the topic, such as `topic_1`, or channel.", key=True),
        *_PERSON,
        prop("subscribed", th.BooleanType, "What the person chose."),
    )

    def calls(self, sizes: Sizes) -> int | None:
        """None beside those of people, unless each person is asked for."""
        return sizes.count("people") if self.config["preferences_per_person"] else 0

    def read(self) -> Iterable[Record]:
        """The choices of everybody; of those who never chose, none, unless each person is asked for."""
        if self.config["preferences_per_person"]:
            people: Iterable[Record] = self.client.map(self._ask_person, audience(self.run))
        else:
            people = audience(self.run)
        for person in people:
            found = preferences(person["preferences"])
            if found is None:
                self.line.skip("the attribute cio_subscription_preferences cannot be understood")
                continue
            who = {"cio_id": person["cio_id"], "person_id": person["id"], "email": person["email"]}
            for kind, choices in found.items():
                for name, subscribed in choices.items():
                    yield {**who, "kind": _KINDS[kind], "name": name, "subscribed": subscribed}

    def _ask_person(self, person: Record) -> Record:
        """With the topics as the subscription center shows them, defaults included."""
        path = "/v1/customers/{id}/subscription_preferences"
        # Without an id_type, the API would take a cio_id for the workspace's own id and find nobody.
        answer = self.ask(Call(path, {"id": person["cio_id"]}, {"id_type": "cio_id"})) or {}
        topics = (answer.get("customer") or {}).get("topics") or ()
        shown = {f"topic_{topic['id']}": topic.get("subscribed") for topic in topics}
        known = preferences(person["preferences"]) or {"topics": {}, "channels": {}}
        return person | {"preferences": known | {"topics": known["topics"] | shown}}


class OptOuts(CustomerIOStream):
    """Who does not want SMS or WhatsApp, by sender."""

    name = "optouts"
    description = f"People who opted out of a channel, by sender. {PERSONAL}"
    primary_keys = ("cio_id", "channel", "from")
    fields = (
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        prop("channel", th.StringType, "`sms` or `whatsapp`.", key=True),
        prop("from", th.StringType, "Sender that it holds for; empty for all.", key=True),
        prop("person_id", th.StringType, "The workspace's id of the person. Personal data."),
    )

    def read(self) -> Iterable[Record]:
        """The opt-outs of everybody."""
        return optouts(self.run)


def optouts(run: Run) -> Iterator[Record]:
    """Opt-outs, one record each."""

    def found() -> Iterator[Record]:
        for person in run.client.records(Call("/v1/optouts", query={"limit": _PER_PAGE}), "optouts"):
            who = {"cio_id": person["cio_id"], "person_id": person.get("customer_id") or None}
            for optout in person.get("optouts") or ():
                yield {**who, "channel": optout["channel"], "from": optout.get("from") or ""}

    return run.shelf.read("optouts", found, key=lambda record: record["cio_id"])


class EspSuppressions(CustomerIOStream):
    """Addresses that the email provider no longer sends to, of all four kinds."""

    name = "esp_suppressions"
    description = f"Addresses that the email provider suppresses, by sending domain. {PERSONAL}"
    primary_keys = ("kind", "domain", "email")
    fields = (
        prop("kind", th.StringType, "`bounces`, `blocks`, `spam_reports` or `invalid_emails`.", key=True),
        prop("domain", th.StringType, "Sending domain, if asked for by domain; else empty.", key=True),
        prop("email", th.StringType, "The suppressed address. Personal data.", key=True),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("reason", th.StringType, "Reason of the mail server. May hold personal data."),
        prop("status", th.StringType, "Status of the mail server."),
        prop("category", th.StringType, "The API's own word for the kind."),
    )

    def read(self) -> Iterable[Record]:
        """All kinds, of the configured domains or of all."""
        return map(self.declared, suppressions(self.run))


def suppressions(run: Run) -> Iterator[Record]:
    """Suppressed addresses, one record each."""
    domains = run.config.get("sending_domains") or []

    def found() -> Iterator[Record]:
        if domains:
            path = "/v1/esp/domains/{domain}/suppression/{kind}"
            calls = [
                Call(path, {"domain": domain, "kind": kind}, {"limit": _PER_PAGE})
                for domain in domains
                for kind in _SUPPRESSIONS
            ]
            for call, page in run.client.pages_of(calls):
                for one in page.get("suppressions") or ():
                    yield {**call.values, "category": page.get("category"), **one}
            return
        for kind in _SUPPRESSIONS:
            call = Call("/v1/esp/suppression/{kind}", {"kind": kind})
            for one in run.client.offsets(call, "suppressions", _PER_PAGE):
                yield {"kind": kind, "domain": "", **one}

    return run.shelf.read("esp suppressions", found, key=lambda record: record["email"].lower())


class Consent(CustomerIOStream):
    """One record for each person: everything that says whether, and how, they may be written to."""

    name = "consent"
    description = f"Unsubscription, topics, channels, opt-outs and suppressions of each person. {PERSONAL}"
    primary_keys = ("cio_id",)
    fields = (
        prop("cio_id", th.StringType, "Customer.io's id of the person.", key=True),
        *_PERSON,
        prop("phone", th.StringType, "The person's phone number, to which opt-outs apply. Personal data."),
        prop("unsubscribed", th.BooleanType, "True if the person left all messages; null if never set."),
        prop("topics", FREE_FORM, "Subscribed or not, by topic; what was never chosen has its default."),
        prop("channels", FREE_FORM, "Subscribed or not, by channel, where chosen."),
        prop("optouts", th.ArrayType(FREE_FORM), "`channel` and `from`; null if it could not be read."),
        prop(
            "suppressions",
            th.ArrayType(FREE_FORM),
            "`kind`, `domain`, `created` and `reason` by address; null if it could not be read.",
        ),
    )

    def read(self) -> Iterable[Record]:
        """Everybody, joined with what else is known of them."""
        shelf = self.run.shelf
        has_optouts = self._load("opt-outs", lambda: optouts(self.run))
        has_suppressions = self._load("suppressions", lambda: suppressions(self.run))
        has_topics = self._load("topics", lambda: self.run.listed(SubscriptionTopics))
        topics = self.run.listed(SubscriptionTopics) if has_topics else ()
        defaults = dict(map(_default, topics))
        for person in audience(self.run):
            chosen = preferences(person["preferences"])
            if chosen is None:
                self.line.skip("the attribute cio_subscription_preferences cannot be understood")
            optout = shelf.find("optouts", person["cio_id"]) if has_optouts else None
            address = (person["email"] or "").lower()
            blocked = shelf.find("esp suppressions", address) if has_suppressions and address else []
            yield {
                "cio_id": person["cio_id"],
                "person_id": person["id"],
                "email": person["email"],
                "phone": person["phone"],
                "unsubscribed": person["unsubscribed"],
                "topics": defaults | chosen["topics"] if chosen is not None else None,
                "channels": chosen["channels"] if chosen is not None else None,
                "optouts": None if optout is None else [_only(one, "channel", "from") for one in optout],
                "suppressions": [_only(one, "kind", "domain", "created", "reason") for one in blocked]
                if has_suppressions
                else None,
            }

    def _load(self, what: str, read: Callable[[], Iterable[Any]]) -> bool:
        """Bring a list onto the shelf; one that is closed leaves the others readable."""
        try:
            for _ in read():
                pass
        except Unauthorized:
            raise
        except Refused as error:
            self.line.skip(f"{what} could not be read: {error}")
            return False
        return True


def _default(topic: Record) -> tuple[str, bool]:
    return topic.get("identifier") or f"topic_{topic['id']}", bool(topic.get("subscribed_by_default"))


def _only(record: Record, *names: str) -> Record:
    return {name: record.get(name) for name in names}
