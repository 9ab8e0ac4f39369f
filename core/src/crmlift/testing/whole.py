"""The suite's workspace with what else one holds: consent, what sends, templates, other objects."""

from __future__ import annotations

from crmlift.testing.workspace import NOW, Record, Workspace

_DAY = 86_400


class WholeWorkspace(Workspace):
    """For targets whose mapping has a place for all of the tap's streams."""

    def __init__(self, people: int = 24, *, seed: int = 1) -> None:
        super().__init__(people, seed=seed)
        self._add_objects()
        self._add_consent()
        self._add_senders()
        self._add_templates()

    def _add_objects(self) -> None:
        streams = self.streams
        streams["objects"] += [
            {
                "cio_object_id": f"pr{n}",
                "object_type_id": "2",
                "object_type_slug": "projects",
                "object_id": f"project-{n}",
                "attributes": {"name": f"Project {n}", "budget": 100.5 * n, "created_at": NOW - _DAY},
            }
            for n in range(3)
        ]
        streams["relationships"] += [
            {
                "object_type_id": "2",
                "object_type_slug": "projects",
                "cio_object_id": f"pr{n % 3}",
                "attributes": {"role": "owner"},
                **_who(person),
            }
            for n, person in enumerate(streams["people"][:6])
        ]

    def _add_consent(self) -> None:
        streams = self.streams
        streams["subscription_topics"] += [
            {"id": n, "identifier": f"topic_{n}", "name": f"Topic {n}", "subscribed_by_default": True}
            for n in (1, 2)
        ]
        streams["subscription_preferences"] += [
            {"kind": "topic", "name": f"topic_{1 + n % 2}", "subscribed": n % 3 == 0, **_who(person)}
            for n, person in enumerate(streams["people"])
        ]
        streams["esp_suppressions"] += [
            {"kind": "bounces", "domain": "", "email": "Gone@Example.com", "created": NOW - _DAY}
        ]
        streams["consent"] += [
            {
                "phone": "+1 (201) 555-0123" if n == 1 else None,
                "channels": {"sms": n > 2},
                "optouts": [],
                **_who(person),
            }
            for n, person in enumerate(streams["people"])
        ]

    def _add_senders(self) -> None:
        streams = self.streams
        streams["campaigns"] += [
            {
                "id": 3,
                "name": "Welcome 🎂",
                "type": "event",
                "event_name": "order_placed",
                "actions": [],
                "tags": None,
            }
        ]
        streams["campaign_actions"] += [
            {
                "campaign_id": 3,
                "id": 301,
                "language": "",
                "type": "email",
                "subject": "Hi {{customer.first_name}}",
                "body": "<p>x</p>",
            }
        ]
        streams["newsletters"] += [
            {"id": 3, "name": "News №3", "sent_at": NOW - _DAY * 60, "content_ids": [31]}
        ]
        streams["newsletter_metrics"] += [
            {
                "newsletter_id": 3,
                "resolution": "months",
                "series": {"sent": [0, 40, 2], "delivered": [40], "opened": [7]},
            }
        ]
        streams["broadcasts"] += [{"id": 51, "name": "Flash sale", "first_started": NOW - _DAY * 9}]
        streams["broadcast_triggers"] += [{"broadcast_id": 51, "id": 1, "processed_at": NOW - _DAY * 9}]

    def _add_templates(self) -> None:
        streams = self.streams
        streams["transactional_messages"] += [
            {
                "id": 7,
                "name": "Receipt",
                "trigger_name": "receipt",
                "send_to_unsubscribed": True,
                "hide_message_body": False,
            }
        ]
        streams["transactional_contents"] += [
            {
                "transactional_message_id": 7,
                "id": 907,
                "language": "de",
                "name": "Receipt 1",
                "subject": "Danke, {{ customer.first_name | default: 'du' }} {{trigger.number}}",
                "body": "<p>Hallo {{customer.email}}</p>{% if customer.plan == 'pro' %}<b>Pro</b>{% endif %}",
                "layout": "<div>{{content}}</div>",
            }
        ]
        emails = [delivery for delivery in streams["deliveries"] if delivery["type"] == "email"]
        of_template = {"transactional_message_id": 7, "newsletter_id": None, "campaign_id": None}
        streams["deliveries"] += [{**d, **of_template, "id": f"t{d['id']}"} for d in emails[:5]]


def _who(person: Record) -> Record:
    return {"cio_id": person["cio_id"], "person_id": person["id"], "email": person["email"]}
