"""A journey as automation rules of Odoo that work together, none of them active.

A rule remembers nothing, and only Enterprise has Marketing Automation. So where somebody stands on the way is
a record of a model of ours, `x_cio_journey_run`: a rule for each step waits for runs that come to it, and
sends them on. A wait is a rule by time since the step was reached, a branch a rule for each way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from crmlift.handoff import words
from crmlift.handoff.advice import Exactness, Fields
from crmlift.handoff.conditions import Node, awaited_event
from crmlift.handoff.journey import Journey, Step, StepKind, Way
from target_odoo.deeds import event_rules
from target_odoo.domains import ENTITY, Domain, OdooDomain
from target_odoo.drafts import DataFile, refer
from target_odoo.journey_runs import RUN, SINCE, add_model
from target_odoo.kinds import EVENT, PARTNER

_UNITS = {"day": "day", "hour": "hour", "minute": "minutes"}
_NOBODY: Domain = [("id", "=", 0)]


@dataclass
class Drafted:
    """The file of a journey; `lost` is what its rules do not do, `by_hand` the steps that are empty in it."""

    text: str
    lost: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)


def drafted(journey: Journey, fields: Fields, begins: Domain, *, on_event: bool) -> Drafted:
    """Return the rules of a journey; `begins` is the domain of the contact or event that starts it."""
    writer = _Writer(journey, fields)
    writer.begin(begins, on_event=on_event)
    for step in journey.steps:
        if step.kind is not StepKind.EXIT:
            writer.step(step)
    writer.leave_early()
    return Drafted(writer.file.text(), writer.lost, writer.by_hand)


class _Writer:
    def __init__(self, journey: Journey, fields: Fields) -> None:
        self.journey = journey
        self.fields = fields
        self.file = DataFile()
        self.lost: list[str] = []
        self.by_hand: list[str] = []
        self.with_events = bool(event_rules(fields))
        add_model(self.file, with_events=self.with_events)

    # -- what begins, what ends ---------------------------------------------------------------------

    def begin(self, domain: Domain, *, on_event: bool) -> None:
        """The rule that lets people in: once; where they may enter again, at each event or after the end."""
        again = ""
        if self.journey.again:
            again = ", ('x_event_id', '=', found.id)" if on_event else ", ('x_step', '!=', False)"
        begun_by = ", 'x_event_id': found.id" if on_event else ""
        code = (
            "for found in records:\n"
            f"    partner = {'found.x_partner_id' if on_event else 'found'}\n"
            f"    runs = env[{RUN!r}].search_count([('x_partner_id', '=', partner.id), "
            f"('x_journey', '=', {self.journey.id!r}){again}])\n"
            "    if partner and not runs:\n"
            f"        env[{RUN!r}].create({{'x_partner_id': partner.id, 'x_journey': {self.journey.id!r}, "
            f"'x_step': {self.journey.first_step()!r}, 'x_since': datetime.datetime.now()"
            f"{begun_by}}})\n"
        )
        trigger = "on_create" if on_event else "on_create_or_write"
        model = EVENT if on_event else PARTNER
        self.file.rule(self._id("begin"), self._name("begins"), model, domain, code, trigger=trigger)

    def leave_early(self) -> None:
        """A rule for each condition that takes people out."""
        for n, node in enumerate(self.journey.exit_conditions, 1):
            domain = self._domain(node)
            if domain is None:
                continue
            code = (
                f"runs = env[{RUN!r}].search([('x_partner_id', 'in', records.ids), "
                f"('x_journey', '=', {self.journey.id!r}), ('x_step', '!=', False)])\n"
                "runs.write({'x_step': False})\n"
            )
            self.file.rule(self._id(f"exit_{n}"), self._name(f"left early {n}"), PARTNER, domain, code)

    # -- steps --------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """The rules of a step."""
        ways = self.journey.ways_from(step)
        match step.kind:
            case StepKind.BRANCH:
                self._branch(step, ways)
            case StepKind.WAIT:
                self._wait(step, step.seconds, ways[0] if ways else None)
            case StepKind.WAIT_UNTIL:
                self._wait_until(step, ways)
            case StepKind.SPLIT:
                self._choose(step, _by_share(ways))
            case StepKind.LANGUAGES:
                self._choose(step, _by_language(ways))
            case _:
                self._rule(step, self._does(step), self._to(ways[0] if ways else None))

    def _does(self, step: Step) -> str:
        """What a step does to a run, before the run goes on."""
        if step.kind is StepKind.UPDATE and step.changes:
            if values := self.fields.sets(step.changes, ENTITY):
                return f"    run.x_partner_id.write({values!r})\n"
        elif step.kind is StepKind.EVENT and step.event and self.with_events:
            return (
                f"    env[{EVENT!r}].create({{'x_name': {step.event!r}, 'x_type': 'event', "
                "'x_partner_id': run.x_partner_id.id, 'x_occurred_at': datetime.datetime.now()})\n"
            )
        if step.kind is StepKind.GATE:
            return "    pass  # the rule that begins the journey has its filters\n"
        self.by_hand.append(step.title)
        kind = step.channel or step.kind.value
        return f"    pass  # TO DO, nothing is done or sent here: {_line(f'{kind}: {step.line}')}\n"

    def _branch(self, step: Step, ways: list[Way]) -> None:
        """A rule for each way: its own condition, and none of those before."""
        before: list[Domain] = []
        for n, way in enumerate(ways, 1):
            last = n == len(ways)
            domain = self._domain(way.condition) if way.condition is not None else None
            if domain is None and not last:
                self._nobody(step, way, n)
                continue
            on_run = [] if domain is None else of_run(domain)
            parts = [*before, *([on_run] if on_run else [])]
            more = ["&"] * (len(parts) - 1) + [term for part in parts for term in part]
            self._rule(step, "", self._to(way), n=n, more=more)
            before.append(["!", *on_run])

    def _nobody(self, step: Step, way: Way, n: int) -> None:
        """A way whose condition Odoo cannot say."""
        self.by_hand.append(f"{step.title}: {way.label}")
        asked = _line(f"TO DO: nobody goes this way until the domain says: {way.words or way.label}")
        self._rule(step, f"    pass  # {asked}\n", self._to(way), n=n, more=_NOBODY)

    def _wait(self, step: Step, seconds: int | None, way: Way | None) -> None:
        if not seconds:
            self._rule(step, "", self._to(way))
            return
        number, unit = words.in_one_unit(seconds)
        rule = self._rule(step, "", self._to(way), trigger="on_time", trg_date_range=str(number),
                          trg_date_range_type=_UNITS[unit])  # fmt: skip
        refer(rule, "trg_date_id", SINCE)

    def _wait_until(self, step: Step, ways: list[Way]) -> None:
        """A rule by time for the way that is gone when it takes too long, one for each thing awaited."""
        for n, way in enumerate(ways, 1):
            if way.wait_seconds:
                self._wait(step, way.wait_seconds, way)
            elif (event := awaited_event(way.condition)) and self.with_events:
                self._when_event(step, way, event, n)
            elif way.condition is not None and (domain := self._domain(way.condition)) is not None:
                self._rule(step, "", self._to(way), n=n, more=of_run(domain))
            else:
                self._nobody(step, way, n)

    def _when_event(self, step: Step, way: Way, event: str, n: int) -> None:
        code = (
            f"for run in env[{RUN!r}].search([('x_partner_id', 'in', records.x_partner_id.ids), "
            f"('x_journey', '=', {self.journey.id!r}), ('x_step', '=', {step.id!r})]):\n"
            f"    {_go(repr(self._to(way)), step)}"
        )
        domain: Domain = [("x_name", "=", event), ("x_type", "=", "event")]
        name = self._name(f"{step.title}: {event}")
        self.file.rule(self._id(step.id, str(n)), name, EVENT, domain, code, trigger="on_create")

    def _choose(self, step: Step, ways: list[tuple[str, Way]]) -> None:
        """One rule whose code chooses the way."""
        lines = "".join(
            f"    {'if' if n == 0 else 'elif'} {test}:\n        to = {self._to(way)!r}\n"
            for n, (test, way) in enumerate(ways[:-1])
        )
        last = repr(self._to(ways[-1][1])) if ways else "False"
        chosen = f"{lines}    else:\n        to = {last}\n" if lines else f"    to = {last}\n"
        domain = self._at(step)
        code = f"for run in records:\n{chosen}    {_go('to', step)}"
        self.file.rule(self._id(step.id), self._name(step.title), RUN, domain, code)

    # -- parts --------------------------------------------------------------------------------------

    def _rule(
        self,
        step: Step,
        does: str,
        to: str | bool,
        *,
        n: int = 0,
        more: Domain | None = None,
        **values: str,
    ) -> ET.Element:
        """A rule for runs that are at a step."""
        code = f"for run in records:\n{does}    {_go(repr(to), step)}"
        id = self._id(step.id, *([str(n)] if n else []))
        return self.file.rule(id, self._name(step.title), RUN, self._at(step, more), code, **values)

    def _at(self, step: Step, more: Domain | None = None) -> Domain:
        here: Domain = ["&", ("x_journey", "=", self.journey.id), ("x_step", "=", step.id)]
        return ["&", *here, *more] if more else here

    def _domain(self, node: Node) -> Domain | None:
        """A condition on the contact; what is lost of it is said."""
        translator = OdooDomain(self.fields, ENTITY)
        found = translator.translate(node)
        if found is not None and translator.exactness is Exactness.PARTIAL:
            self.lost += [lost for lost in translator.lost if lost not in self.lost]
        return found

    def _to(self, way: Way | None) -> str | bool:
        """The next step; False where the run ends."""
        return self.journey.goes_on(way) or False

    def _id(self, *parts: str) -> str:
        return re.sub(r"\W", "_", "_".join(("crmlift_journey", self.journey.id, *parts)))

    def _name(self, what: str) -> str:
        return f"Customer.io: {self.journey.name}: {what}"


def _go(to: str, step: Step) -> str:
    """Send a run on, and write down what it has been through."""
    log = f"(run.x_log or '') + {_line(step.line) + chr(10)!r}"
    return f"run.write({{'x_step': {to}, 'x_since': datetime.datetime.now(), 'x_log': {log}}})\n"


def of_run(domain: Domain) -> Domain:
    """A domain of contacts as one of their runs."""
    return [(f"x_partner_id.{term[0]}", *term[1:]) if isinstance(term, tuple) else term for term in domain]


def _by_share(ways: list[Way]) -> list[tuple[str, Way]]:
    """Runs are numbered one after the other, which is as good as chance."""
    found, sum = [], 0.0
    for way in ways:
        sum += way.share_percent or 0
        found.append((f"run.id % 100 < {sum:g}", way))
    return found


def _by_language(ways: list[Way]) -> list[tuple[str, Way]]:
    """By the contact's language, whatever its country; the last is for all others."""
    return [(f"(run.x_partner_id.lang or '').startswith({way.label[:2]!r})", way) for way in ways]


def _line(text: str) -> str:
    return " ".join("".join(c if c >= " " else " " for c in text).split())
