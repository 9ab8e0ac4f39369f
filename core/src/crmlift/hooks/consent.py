"""Consent: whoever opted out anywhere stays out, across records, merges and runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson
from pydantic import PrivateAttr

from crmlift.batch import Batch, Item, Record
from crmlift.hooks.options import Options, Texts
from crmlift.hookspecs import hookimpl
from crmlift.mapping.convert import to_boolean
from crmlift.mapping.engine import DELETED, Getter, path_getter
from crmlift.mapping.expression import digest

EVERYTHING, BOUNCED, COMPLAINED, TOPIC = "all", "bounced", "complained", "topic:"
CHANNELS = ("email", "sms", "whatsapp", "push", "in_app")
KIND = "consent"
"""Under which opt-outs are remembered."""
_METRICS = {"unsubscribed": "", "bounced": BOUNCED, "spammed": COMPLAINED}
# Blocks are refusals of one message, not of an address.
_SUPPRESSIONS = {
    "bounces": BOUNCED,
    "invalid_emails": BOUNCED,
    "spam_reports": COMPLAINED,
}
_SENDERS = {"twilio": "sms"}

Facts = Iterator[tuple[str, bool]]
"""What a record says: something that a person can leave, and whether they left it."""


class Consent(Options):
    """Write what a person has left into their records, under `into`, for the mapping to read.

    `opted_out` lists paths where true means that they left everything; `channels` gives, per channel,
    paths where false means that they left it. What Customer.io itself keeps needs no option: the attribute
    `unsubscribed`, subscription preferences, opt-outs by sender, suppressions, and what deliveries and
    activities tell. See docs/hooks/consent.md for the fields that come of it.
    """

    into: str = "consent"
    opted_out: Texts = []
    channels: dict[str, Texts] = {}
    _outs: Getter = PrivateAttr()
    _channels: list[tuple[str, list[Getter]]] = PrivateAttr(default_factory=list)
    _readers: dict[str, Callable[[Record], Facts]] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _context: object) -> None:
        """Make the readers once."""
        outs = [path_getter(path) for path in ("unsubscribed", "attributes.unsubscribed", *self.opted_out)]
        self._outs = lambda record: any(_truth(get(record)) is True for get in outs)
        self._channels = [(name, [path_getter(p) for p in paths]) for name, paths in self.channels.items()]
        self._readers = {
            "people": self._person,
            "consent": _joined,
            "subscription_preferences": _preference,
            "optouts": lambda record: iter([(str(record.get("channel")), True)]),
            "esp_suppressions": lambda record: _suppressed([record]),
            "deliveries": _delivery,
            "activities": _activity,
        }

    @hookimpl
    def crmlift_prepare(self, batch: Batch) -> None:
        """Learn what the batch tells, and write what is known into the records that tell it."""
        read = self._readers.get(batch.stream)
        if read is None:
            return
        everybody = batch.stream in ("people", "consent")
        told = [
            _Told(item, said, _names(item, everybody))
            for item in batch.items
            if any((said := _said(read(item.record))).values()) or everybody
        ]
        known = self._learn(batch, told)
        for one in told:
            if one.item.record.get(DELETED):
                continue
            left = set().union(*(known.get(name, ()) for name in one.names))
            stays = {name for name, gone in one.said.items() if not gone}
            one.item.record[self.into] = canonical(left, stays)
            if everybody and left:
                batch.count("opted_out", item=one.item)
                if stays & left:
                    batch.count("consent_kept", item=one.item)

    def _learn(self, batch: Batch, told: list[_Told]) -> dict[str, set[str]]:
        """Return all that each name of a person has left, as it is known with this batch."""
        before = batch.claims.owners(KIND, {name for one in told for name in one.names})
        known = {name: set(orjson.loads(text)) for name, text in before.items()}
        # Until nothing is new: what the last record tells must reach the first, by any name that they share.
        learning = True
        while learning:
            learning = False
            for one in told:
                left = {name for name, gone in one.said.items() if gone}
                left = left.union(*(known.get(name, ()) for name in one.names))
                for name in one.names if left else ():
                    if known.get(name) != left:
                        known[name], learning = left, True
        after = {name: orjson.dumps(sorted(left)).decode() for name, left in known.items()}
        batch.claims.put(KIND, {name: text for name, text in after.items() if before.get(name) != text})
        return known

    def _person(self, record: Record) -> Facts:
        left = self._outs(record)
        if left or _truth(record.get("unsubscribed")) is False:
            yield EVERYTHING, left
        yield from _preferences(path_getter("attributes.cio_subscription_preferences")(record))
        for channel, getters in self._channels:
            answers = {_truth(get(record)) for get in getters} - {None}
            if answers:
                yield channel, False in answers


def canonical(left: set[str], chosen: Iterable[str] = ()) -> dict[str, Any]:
    """Return the fields that a mapping reads, of what a person has left and what they chose to get."""
    fields: dict[str, Any] = {"opted_out": EVERYTHING in left}
    for channel in CHANNELS:
        fields[f"{channel}_opted_out"] = bool({EVERYTHING, channel} & left)
    fields["email_opted_out"] |= COMPLAINED in left
    fields["email_bounced"] = BOUNCED in left
    fields["complained"] = COMPLAINED in left
    fields["no_email"] = fields["email_opted_out"] or fields["email_bounced"]
    fields["topics_out"] = sorted(name.removeprefix(TOPIC) for name in left if name.startswith(TOPIC))
    stays = () if fields["opted_out"] else set(chosen) - left
    fields["topics_in"] = sorted(name.removeprefix(TOPIC) for name in stays if name.startswith(TOPIC))
    return fields


class _Told(NamedTuple):
    """What one record says, and the names by which its person is remembered."""

    item: Item
    said: dict[str, bool]
    names: list[str]


def _said(facts: Facts) -> dict[str, bool]:
    """Gather facts; of two that disagree, the one that left counts."""
    said: dict[str, bool] = {}
    for name, gone in facts:
        said[name] = gone or said.get(name, False)
    return said


def _names(item: Item, is_person: bool) -> list[str]:
    """Return the person's key, that of the row that they joined, and their address, as a digest."""
    record = item.record
    address = record.get("recipient") if record.get("type") == "email" else None
    who = [item.key, item.into] if is_person else [record.get("cio_id")]
    marked = digest(address or record.get("email"))
    return [str(name) for name in who if name] + ([f"@{marked}"] if marked else [])


def _truth(value: object) -> bool | None:
    try:
        return None if value is None else to_boolean(value)
    except ValueError:
        return None


def _preferences(value: object) -> Facts:
    """`{"topics": {"topic_1": true}, "channels": {…}}`, which the API sends as JSON in a text."""
    try:
        found = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return
    for kind, prefix in (("topics", TOPIC), ("channels", "")):
        choices = found.get(kind) if isinstance(found, dict) else None
        if isinstance(choices, dict):
            for name, answer in choices.items():
                if (chosen := _truth(answer)) is not None:
                    yield f"{prefix}{name}", not chosen


def _joined(record: Record) -> Facts:
    """A record of the stream `consent`: all that the tap found about one person."""
    if (left := _truth(record.get("unsubscribed"))) is not None:
        yield EVERYTHING, left
    yield from _preferences(record)
    for optout in record.get("optouts") or ():
        yield str(optout.get("channel")), True
    yield from _suppressed(record.get("suppressions") or ())


def _suppressed(suppressions: Iterable[Record]) -> Facts:
    for suppression in suppressions:
        if fact := _SUPPRESSIONS.get(str(suppression.get("kind"))):
            yield fact, True


def _preference(record: Record) -> Facts:
    if (chosen := _truth(record.get("subscribed"))) is not None:
        yield f"{TOPIC if record.get('kind') == 'topic' else ''}{record.get('name')}", not chosen


def _delivery(record: Record) -> Facts:
    channel = str(record.get("type"))
    for metric in record.get("metrics") or ():
        yield from _told(metric, channel)


def _activity(record: Record) -> Facts:
    """Activities are called after metric and channel: `bounced_email`, `unsubscribed_sms`."""
    metric, _, channel = str(record.get("type")).partition("_")
    yield from _told(metric, channel)


def _told(metric: str, channel: str) -> Facts:
    if metric not in _METRICS:
        return
    if metric == "unsubscribed":
        # The link in an email also sets the attribute `unsubscribed`: whether everything is left, that says.
        yield _SENDERS.get(channel, channel), True
    elif channel == "email":
        yield _METRICS[metric], True
