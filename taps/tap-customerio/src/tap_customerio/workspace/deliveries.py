"""Deliveries with their metrics, over fourteen months."""

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import Any

from tap_customerio.workspace.model import JSON, Person

_DAY = 86_400
_HOUR = 3600
_SPAN = 425 * _DAY
_NEWSLETTER_SHARE = 0.3


def deliveries(random: Random, count: int, people: list[Person], config: JSON, now: int) -> list[JSON]:
    """Deliveries of campaigns, newsletters, broadcasts and transactional templates, oldest first."""
    reachable = [person for person in people if person.email]
    if not reachable:
        return []
    found = [_of_newsletter(random, config, now) for _ in range(int(count * _NEWSLETTER_SHARE))]
    while len(found) < count:
        found.append(_of_others(random, config, now))
    found.sort(key=lambda delivery: delivery["created"])
    for number, delivery in enumerate(found, 1):
        person = random.choice(reachable)
        delivery["id"] = b64encode(f"delivery {number:07}".encode()).decode()
        delivery["deduplicate_id"] = f"{delivery['id']}:{delivery['created']}"
        delivery["customer"] = person.identifiers
        phone = delivery["type"] == "twilio"
        delivery["recipient"] = person.attributes.get("phone") if phone else person.email
        delivery["metrics"] = _metrics(random, delivery, now)
        delivery["forgotten"] = random.random() < 0.02
        if "bounced" in delivery["metrics"]:
            delivery["failure_message"] = "550 5.1.1 mailbox unavailable"
    return found


def _of_newsletter(random: Random, config: JSON, now: int) -> JSON:
    newsletter = random.choice(config["newsletters"])
    # Newsletter 1 goes out in one second, the others within an hour.
    spread = 0 if newsletter["id"] == 1 else random.randint(0, _HOUR)
    created = max(newsletter["sent_at"] + spread, now - _SPAN)
    ids = {"newsletter_id": newsletter["id"], "content_id": random.choice(newsletter["content_ids"])}
    return {"type": "email", "created": created, "subject": newsletter["name"], **ids}


def _of_others(random: Random, config: JSON, now: int) -> JSON:
    created = now - random.randint(_HOUR, _SPAN)
    kind = random.choices(["campaigns", "broadcasts", "transactional"], [80, 10, 10])[0]
    parent: dict[str, Any] = random.choice(config[kind])
    if kind == "transactional":
        return {
            "type": "email",
            "created": created,
            "subject": parent["name"],
            "transactional_message_id": parent["id"],
        }
    key = kind.removesuffix("s")
    action = random.choice(config[f"{key}_actions"][str(parent["id"])])
    ids = {f"{key}_id": parent["id"], "action_id": action["id"], "parent_action_id": action["id"]}
    return {"type": action["type"], "created": created, "subject": action["subject"], **ids}


def _metrics(random: Random, delivery: JSON, now: int) -> dict[str, int]:
    """Unix seconds per thing that happened; each step happens to fewer than the one before."""
    moment = delivery["created"]
    metrics = {"created": moment}
    if random.random() < 0.02:
        return metrics | {"drafted": moment} if random.random() < 0.5 else metrics | {"failed": moment}
    metrics["sent"] = moment + 2
    if random.random() < 0.03:
        return metrics | {"bounced": moment + 5}
    metrics["delivered"] = moment + 6
    for metric, chance in (("opened", 0.45), ("clicked", 0.3), ("converted", 0.2)):
        moment += random.randint(60, 2 * _DAY)
        if random.random() > chance or moment > now:
            return metrics
        metrics[metric] = moment
        if metric != "converted":
            metrics[f"human_{metric}"] = moment
    if random.random() < 0.05:
        metrics["unsubscribed"] = moment
    return metrics
