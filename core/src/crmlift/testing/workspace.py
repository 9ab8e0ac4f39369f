"""A small workspace as Singer messages, in the shape of tap-customerio, holding what real ones hold.

All names and addresses are invented; the domains are reserved for documentation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson

Record = dict[str, Any]
Message = dict[str, Any]

KEYS = {
    "object_types": ["id"],
    "objects": ["cio_object_id"],
    "people": ["cio_id"],
    "relationships": ["object_type_id", "cio_object_id", "cio_id"],
    "segments": ["id"],
    "segment_memberships": ["segment_id", "cio_id"],
    "subscription_topics": ["id"],
    "subscription_preferences": ["cio_id", "kind", "name"],
    "esp_suppressions": ["kind", "domain", "email"],
    "consent": ["cio_id"],
    "campaigns": ["id"],
    "campaign_actions": ["campaign_id", "id", "language"],
    "newsletters": ["id"],
    "newsletter_metrics": ["newsletter_id"],
    "broadcasts": ["id"],
    "broadcast_metrics": ["broadcast_id"],
    "broadcast_triggers": ["broadcast_id", "id"],
    "transactional_messages": ["id"],
    "transactional_contents": ["transactional_message_id", "id", "language"],
    "activities": ["id"],
    "deliveries": ["id"],
    "archived_messages": ["id"],
}
NOW = 1_780_000_000
"""The moment at which the workspace stands still, in unix seconds."""
_FIRST = ("Ada", "Björn", "Chloé", "Đorđe", "Emre", "فاطمة", "Γιώργος", "Hana", "Ines", "雪")
_LAST = (
    "Abel",
    "Brandt",
    "Costa",
    "d'Arc",
    "Östberg",
    "O’Neil",
    "Петрова",
    "Quist",
    "Roy & Söhne",
    "🙂 Smith",
)


class Workspace:
    """Records by stream, which tests may change and add to; `messages` sends them as a tap would."""

    def __init__(self, people: int = 60, *, seed: int = 1) -> None:
        chance = random.Random(seed)
        self.streams: dict[str, list[Record]] = {name: [] for name in KEYS}
        self.streams["object_types"].append({"id": "1", "name": "Companies", "slug": "companies"})
        companies = max(2, people // 10)
        self.streams["objects"] += [_company(number) for number in range(companies)]
        self.streams["people"] += [_person(number) for number in range(people)]
        self.streams["segments"] += [
            {"id": number, "name": f"Segment {number} “é”", "type": "manual", "description": ""}
            for number in range(1, 4)
        ]
        for number, person in enumerate(self.streams["people"]):
            who = _who(person)
            if number % 3:
                self.streams["relationships"].append(_works_at(who, number % companies))
            if number % 9 == 1:
                self.streams["relationships"].append(_works_at(who, (number + 1) % companies))
            for segment in chance.sample((1, 2, 3), chance.randint(0, 2)):
                self.streams["segment_memberships"].append({"segment_id": segment, **who})
            for event in range(chance.randint(0, 4)):
                self.streams["activities"].append(_event(number * 10 + event, who, chance))
            if person["email"]:
                self.streams["deliveries"] += [_delivery(number * 10 + n, who, n) for n in range(number % 4)]

    def person(self, key: str) -> Record:
        """Return the record of a person, to be changed in place."""
        return next(person for person in self.streams["people"] if person["cio_id"] == key)

    def messages(self, *, state_every: int = 25, after: int = 0) -> Iterator[Message]:
        """Yield the workspace as Singer messages; states hold the number of records sent before them.

        `after` leaves out so many records, as a tap does that resumes from such a state.
        """
        position = 0
        for stream, records in self.streams.items():
            if not records:
                continue
            yield {
                "type": "SCHEMA",
                "stream": stream,
                "schema": {"type": "object", "properties": {name: {} for name in KEYS[stream]}},
                "key_properties": KEYS[stream],
            }
            for record in records:
                position += 1
                if position <= after:
                    continue
                yield {"type": "RECORD", "stream": stream, "record": record}
                if position % state_every == 0:
                    yield _state(position)
        yield _state(position)

    def lines(self, *, after: int = 0) -> bytes:
        """Return the messages as a tap writes them."""
        return b"".join(orjson.dumps(message) + b"\n" for message in self.messages(after=after))


def _state(position: int) -> Message:
    return {"type": "STATE", "value": {"bookmarks": {"workspace": {"position": position}}}}


def _company(number: int) -> Record:
    return {
        "cio_object_id": f"co{number:04d}",
        "object_type_id": "1",
        "object_type_slug": "companies",
        "object_id": f"acct-{number}",
        "attributes": {
            "name": f"Company {number} GmbH & Co",
            "domain": f"company{number}.example.com",
            "website": f"company{number}.example.com",
            "city": "Bremen",
            "country": "DE",
            "employees": 10 * number,
            "created_at": NOW - 86_400 * 400,
        },
    }


def _person(number: int) -> Record:
    """Every seventh has no email, every eleventh shares one with another; values vary in form."""
    email = None if number % 7 == 6 else f"person+{number - (number % 11 == 10)}@example.org"
    first, last = _FIRST[number % 10], _LAST[number * 3 % 10]
    return {
        "cio_id": f"0f{number:06x}",
        "id": None if number % 5 == 4 else f"user-{number}",
        "email": email,
        "phone": f"+1555{number:07d}" if number % 2 else None,
        "unsubscribed": number % 6 == 5,
        "attributes": {
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": f"+1555{number:07d}" if number % 2 else None,
            "job_title": "Head of " + ("Möbel" if number % 2 else "R&D"),
            "city": "Lyon",
            "country": ("FR", "France", "Deutschland", "nowhere at all")[number % 4],
            "language": "en",
            "timezone": "Europe/Paris",
            "lifecycle_stage": ("subscriber", "lead", "customer")[number % 3],
            "lead_score": "n/a" if number % 8 == 7 else number,
            "plan": "pro" if number % 2 else "free",
            "Plan": "PRO" if number % 13 == 0 else None,
            "subscription": {"plan_name": "pro", "mrr": 49.5, "seats": number % 4},
            "preferences": {"email_marketing": number % 2 == 0, "topics": {"news": True}},
            "enabled_channels": ["email", "sms"][: number % 3],
            "created_at": NOW - 86_400 * (number + 30),
            "signup_date": "2025-03-01T10:00:00+02:00" if number % 2 else NOW - 86_400 * 90,
            "bio": "שלום 👋 <b>bold</b>",
        },
        "devices": [],
    }


def _who(person: Record) -> Record:
    return {"cio_id": person["cio_id"], "person_id": person["id"], "email": person["email"]}


def _works_at(who: Record, company: int) -> Record:
    return {
        "object_type_id": "1",
        "object_type_slug": "companies",
        "object_id": f"acct-{company}",
        "cio_object_id": f"co{company:04d}",
        "attributes": {"role": "member", "primary": True},
        **who,
    }


def _event(number: int, who: Record, chance: random.Random) -> Record:
    name = chance.choice(("order_placed", "trial started", "Größe gewählt"))
    return {
        "id": f"01ACT{number:08d}",
        "type": "event",
        "name": name,
        "timestamp": NOW - chance.randint(0, 86_400 * 29),
        "data": {"amount": number / 4, "items": [{"sku": "a-1", "qty": 2}], "note": "👍"},
        **who,
    }


def _delivery(number: int, who: Record, kind: int) -> Record:
    """A newsletter that was read, an email of a campaign that may have bounced, a text message."""
    sent = NOW - 86_400 * 60 + number
    bounced = number % 30 == 1
    metrics = {"created": sent, "sent": sent + 2}
    if kind == 0:
        metrics |= {"delivered": sent + 5, "opened": sent + 90, "clicked": sent + 95}
    elif bounced:
        metrics["bounced"] = sent + 4
    return {
        "id": f"dgT{number:06d}==",
        "type": ("email", "email", "twilio")[kind],
        "created": sent,
        "recipient": f"+1555{number:07d}" if kind == 2 else who["email"],
        "subject": None if kind == 2 else f"News for you, №{number}",
        "newsletter_id": 3 if kind == 0 else None,
        "campaign_id": 3 if kind else None,
        "action_id": 7 if kind else None,
        "metrics": metrics,
        "failure_message": "550 5.1.1 mailbox unavailable" if bounced else None,
        "forgotten": number % 7 == 0,
        **who,
    }
