"""What people did in the last month, and the other kinds of objects."""

from __future__ import annotations

from random import Random

from tap_customerio.workspace import words
from tap_customerio.workspace.model import JSON, Event, Object, Person

_DAY = 86_400
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KINDS = [("2", "project"), ("3", "subscription"), ("4", "venue")]


def events(random: Random, count: int, people: list[Person], now: int) -> list[Event]:
    """Events, pages and screens of active people within 29 days before now, oldest first."""
    active = [person for person in people if person.active]
    moments = sorted(now - random.randint(3600, 29 * _DAY) for _ in range(count)) if active else []
    found = []
    for moment in moments:
        kind = random.choices(["event", "page", "screen"], [80, 15, 5])[0]
        name, attributes = _what(random, kind)
        person = active[int(len(active) * random.random() ** 2)]  # few do much, many do little
        found.append(Event(_ulid(random, moment), person.identifiers, kind, name, moment, attributes))
    return found


def other_objects(random: Random, count: int, people: list[Person], now: int) -> list[Object]:
    """Projects, subscriptions and venues, `count` of each, with a few people."""
    found = []
    for type_id, kind in _KINDS:
        for number in range(1, count + 1):
            attributes: JSON = {
                "name": f"{random.choice(words.COMPANY)} {kind} {number}",
                "status": random.choice(["open", "won", "closed"]),
                "value": random.choice([100, 2500.75, "n/a"]),
                "created_at": now - random.randint(1, 700) * _DAY,
                "tags": random.sample(["north", "vip", "pilot", "renewal"], 2),
            }
            links: list[tuple[dict[str, str], JSON]] = [
                (person.identifiers, {"role": random.choice(["owner", "guest"]), "primary": False})
                for person in random.sample(people, min(len(people), random.randint(0, 6)))
            ]
            found.append(Object(type_id, f"{kind}-{number:03}", attributes, links))
    return found


def _what(random: Random, kind: str) -> tuple[str, JSON]:
    if kind == "page":
        path = random.choice(words.PAGES)
        return f"https://www.example.com/{path}", {
            "title": path or "Home",
            "referrer": "https://www.example.org/",
        }
    if kind == "screen":
        return random.choice(words.SCREENS), {"app_version": "2.4.1"}
    name = random.choice(words.EVENTS)
    attributes: JSON = {"source": random.choice(["web", "app", "import"])}
    if name in {"order_placed", "invoice_paid"}:
        items = [{"sku": f"sku-{random.randint(1, 50)}", "name": random.choice(words.PRODUCTS), "qty": 1}]
        attributes |= {"amount": random.choice([9.99, 120, "49.00"]), "currency": "EUR", "items": items}
    elif name == "product_viewed":
        attributes |= {"product": {"name": random.choice(words.PRODUCTS), "in_stock": random.random() < 0.8}}
    return name, attributes


def _ulid(random: Random, moment: int) -> str:
    value = (moment * 1000 << 80) | random.getrandbits(80)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
