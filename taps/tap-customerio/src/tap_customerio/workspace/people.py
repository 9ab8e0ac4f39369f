"""People and companies, with what makes real workspaces hard."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from random import Random

from tap_customerio.workspace import words
from tap_customerio.workspace.model import JSON, Object, Person

DAY = 86_400
_WIDE = 300  # the most attributes that a person may have
_TRAITS = 280


def companies(random: Random, count: int, now: int) -> list[Object]:
    """Companies: objects of type 1."""
    found = []
    for number in range(1, count + 1):
        place = random.choice(words.PLACES)
        name = f"{random.choice(words.COMPANY)} {random.choice(words.COMPANY_KIND)} {number}"
        domain = f"{_ascii(name)}.example.com"
        attributes: JSON = {
            "name": name,
            "domain": domain,
            "website": f"https://{domain}",
            "industry": random.choice(words.INDUSTRIES),
            "street": f"{place.street} {random.randint(1, 200)}",
            "city": place.city,
            "state": place.state,
            "postal_code": place.postal_code,
            "country": random.choice(place.country),
            "phone": place.phone.format(f"{number % 100:02}"),
            "employees": random.choice([3, 12, 48, 250, 1400]),
            "annual_revenue": random.choice([120_000, 950_000.5, 12_500_000]),
            "plan": random.choice(words.PLANS),
            "created_at": now - random.randint(60, 1500) * DAY,
        }
        found.append(Object("1", f"company-{number:03}", attributes))
    return found


def people(random: Random, count: int, firms: list[Object], now: int) -> list[Person]:
    """People; about three in a hundred have no email, as many no id, two share another one's email."""
    found: list[Person] = []
    for number in range(1, count + 1):
        firm = random.choice(firms) if firms and random.random() < 0.7 else None
        attributes = _attributes(random, number, firm, now)
        first, last = _ascii(attributes["first_name"]), _ascii(attributes["last_name"])
        email = f"{first}.{last}.{number}@example.{random.choice(['com', 'org', 'net'])}"
        id = person_id(number)
        person = Person({"id": id} if id else {"email": email}, attributes, active=random.random() < 0.6)
        match number % 100:
            case 11 | 44 | 77:
                pass  # no email
            case _ if id is None:
                pass  # the email is the identifier
            case 33 | 66 if attributes_of := [other for other in found[-20:] if "email" in other.attributes]:
                attributes["email"] = attributes_of[0].attributes["email"]
            case 8 | 50:
                attributes["email"] = email.replace("@", "+news@")
            case _:
                attributes["email"] = email
        if not person.active:
            attributes["last_seen_at"] = now - random.randint(400, 900) * DAY
        if number % 200 == 100:
            _widen(attributes, number)
        if person.active and number % 9 == 0:
            person.devices.append(
                {
                    "token": f"device-{number:06}",
                    "platform": random.choice(["ios", "android"]),
                    "last_used": now - random.randint(0, 30) * DAY,
                    "attributes": {"app_version": "2.4.1", "push_enabled": "true"},
                }
            )
        if firm is not None:
            role = {"role": random.choice(["member", "admin", "billing"]), "primary": random.random() < 0.9}
            firm.links.append((person.identifiers, role | {"since": attributes["created_at"]}))
        found.append(person)
    return found


def person_id(number: int) -> str | None:
    """The id of the n-th person; three in a hundred have none and are known by email only."""
    return None if number % 100 in {22, 55, 88} else f"user-{number:06}"


def _attributes(random: Random, number: int, firm: Object | None, now: int) -> JSON:
    place = random.choice(words.PLACES)
    created = now - random.randint(31, 1400) * DAY
    signup = created + random.randint(0, 3600)
    plan = random.choice(words.PLANS)
    unsubscribed = random.random() < 0.05
    topics = {f"topic_{topic}": random.random() < 0.7 for topic in (1, 2, 3)}
    attributes: JSON = {
        "first_name": random.choice(words.FIRST),
        "last_name": random.choice(words.LAST),
        "phone": place.phone.format(f"{number % 100:02}"),
        "company": firm.attributes["name"] if firm else None,
        "website": firm.attributes["website"] if firm else None,
        "job_title": random.choice(words.JOBS),
        "street": f"{place.street} {random.randint(1, 200)}",
        "city": place.city,
        "state": place.state,
        "postal_code": place.postal_code,
        "country": random.choice(place.country),
        "language": place.language,
        "timezone": place.timezone,
        "lifecycle_stage": random.choice(words.STAGES),
        "lead_score": random.choice([0, 12, 55, 87, 100, "n/a"]),
        "plan": plan,
        "created_at": created,
        "signup_date": _iso(signup) if random.random() < 0.5 else signup,
        "last_seen_at": now - random.randint(0, 30) * DAY,
        "birthday": f"{random.randint(1955, 2004)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        "unsubscribed": unsubscribed,
    }
    if random.random() < 0.03:
        attributes["Plan"] = random.choice(words.PLANS).title()
    if random.random() < 0.4:
        mrr = random.choice([19, 49.5, "99"])
        renews = _iso(now + random.randint(1, 365) * DAY)
        attributes["subscription"] = {"plan_name": plan, "mrr": mrr, "seats": 5, "renews_at": renews}
    if random.random() < 0.3:
        attributes["preferences"] = {"email_marketing": not unsubscribed, "sms": False, "topics": topics}
        channels = ',"channels":{"email":true,"sms":false}' if number % 2 else ""
        attributes["cio_subscription_preferences"] = (
            f'{{"topics":{{"topic_1":true,"topic_2":false}}{channels}}}'
        )
    if random.random() < 0.3:
        attributes["enabled_channels"] = random.sample(["email", "sms", "push", "in_app"], 2)
    if random.random() < 0.2:
        attributes["bio"] = random.choice(words.BIOS)
    return {name: value for name, value in attributes.items() if value is not None}


def _widen(attributes: JSON, number: int) -> None:
    """Make it a person with as many attributes as there may be: 280 traits and 20 others."""
    needed = {"first_name", "last_name", "email", "created_at", "unsubscribed"}
    spare = [name for name in attributes if name not in needed]
    for name in spare[_WIDE - _TRAITS - len(needed & attributes.keys()) :]:
        del attributes[name]
    attributes |= {f"trait_{trait:03}": f"value {number}.{trait}" for trait in range(1, _TRAITS + 1)}


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
    kept = (c for c in plain.lower() if c.isascii() and (c.isalnum() or c == " "))
    return "".join(kept).strip().replace(" ", "-")
