"""The bundled workspace: invented, seeded, as untidy as real ones."""

from __future__ import annotations

from random import Random

from tap_customerio.workspace.content import content
from tap_customerio.workspace.deliveries import deliveries
from tap_customerio.workspace.events import events, other_objects
from tap_customerio.workspace.model import Event, Object, Person, Workspace
from tap_customerio.workspace.people import companies, people
from tap_customerio.workspace.setup import consent, links, setup
from tap_customerio.workspace.ui_api import ui_api

_MEMBERS = {12: 40, 13: 25, 14: 5}  # manual segments; the last one, 15, stays empty


def generate(people_count: int = 2000, seed: int = 1, *, now: int) -> Workspace:
    """A workspace of that many people; the rest follows in proportion. Equal arguments, equal results.

    `now` in unix seconds: events lie within 29 days before it, deliveries within 14 months.
    """
    random = Random(seed)
    firms = companies(random, max(people_count * 3 // 100, 2), now)
    everybody = people(random, people_count, firms, now)
    others = other_objects(random, max(people_count // 100, 1), everybody, now)
    config = content(random, now)
    for kind, more in setup(now).items():
        config[kind] = [*config.get(kind, ()), *more] if isinstance(more, list) else more
    config["links"] = links(config)
    config |= consent(everybody, now)
    config["ui_api"] = ui_api(config, now)
    happened = events(random, people_count * 25 // 2, everybody, now)
    config["deliveries"] = deliveries(random, people_count * 6, everybody, config, now)
    ids = [person.identifiers["id"] for person in everybody if "id" in person.identifiers]
    members = {segment: sorted(random.sample(ids, min(len(ids), n))) for segment, n in _MEMBERS.items()}
    return Workspace(everybody, [*firms, *others], happened, members, config)


__all__ = ["Event", "Object", "Person", "Workspace", "generate"]
