"""Consent, mailings, deliveries and messages: the same on the sandbox and on the real server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crmlift.destination import Create, Field, FieldType, Outcome, Update
from crmlift.errors import BatchRefused, Refusal, RunStopped
from target_odoo.client import refuse_to_send
from target_odoo.destination import OdooDestination
from target_odoo.forms import address
from target_odoo.xmlids import XmlIdTable

if TYPE_CHECKING:
    from conftest import Odoo

AT = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = datetime(2021, 3, 5, 5, 6, 7, tzinfo=UTC)


def ids(outcomes: list[Outcome]) -> dict[str, str]:
    assert all(outcome.refusal is None for outcome in outcomes)
    return {outcome.key: outcome.id or "" for outcome in outcomes}


def person(crm: OdooDestination) -> str:
    return ids(crm.create("person", [Create("p", {"name": "Ann", "email": "ann@example.com"})]))["p"]


def optout(key: str, email: str) -> Create:
    return Create(key, {"email": email, "active": True})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("Ann <Ann@example.com>", "ann@example.com"),
        ("Größe@Example.com", "Größe@example.com"),
        ("a@example.com, b@example.com", None),
        ("@example.com", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_an_address_is_known_by_its_normal_form(text: str, expected: str | None) -> None:
    assert address(text) == expected


def test_opt_outs_meet_those_that_are_there_and_never_loosen(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    there = odoo.id("mail.blacklist", email=f"there.{workspace}@example.com")
    off = odoo.id("mail.blacklist", email=f"off.{workspace}@example.com", active=False)
    rows = [
        optout("new", f"New.{workspace}@Example.com"),
        optout("there", f"There.{workspace}@example.com"),
        optout("twin", f"new.{workspace}@example.com"),
        optout("off", f"off.{workspace}@example.com"),
    ]
    expected = [Create(row.key, dict(crm.expected("mail_optout", row.values))) for row in rows]
    outcomes = crm.create("mail_optout", expected)
    made = ids(outcomes)
    assert [o.existed for o in outcomes] == [False, True, False, True]
    assert made["new"] == made["twin"]
    assert (made["there"], made["off"]) == (str(there), str(off))
    found = crm.read("mail_optout", list(made.values()), ["email", "active"])
    assert [found[made[row.key]] for row in expected] == [row.values for row in expected]
    assert crm.find("mail_optout", list(made)) == made
    again = crm.create("mail_optout", expected)
    assert ids(again) == made
    assert crm.count("mail_optout") == 4
    crm.delete("mail_optout", {"new": made["new"]})
    assert set(crm.read("mail_optout", list(made.values()), [])) == {str(there), str(off)}


def test_what_is_no_address_is_refused_by_name(crm: OdooDestination) -> None:
    rows = [optout("a", "a@example.com"), optout("b", "nobody at all")]
    expected = [Create(row.key, dict(crm.expected("mail_optout", row.values))) for row in rows]
    with pytest.raises(BatchRefused) as caught:
        crm.create("mail_optout", expected)
    assert {n: refusal.code for n, refusal in caught.value.rows.items()} == {1: "no_email_address"}


def mailing(crm: OdooDestination) -> str:
    row = Create("newsletter-1", {"subject": "Customer.io newsletter 1"})
    return ids(crm.create("mailing", [row]))["newsletter-1"]


def test_a_mailing_is_born_done_and_leaves_no_source_behind(odoo: Odoo, crm: OdooDestination) -> None:
    def sources() -> int:
        return int(odoo.raw("utm.source", "search_count", domain=[])[1])

    before = sources()
    made = mailing(crm)
    assert mailing(crm) == made
    names = ["state", "mailing_model_id", "subject"]
    (row,) = odoo.raw("mailing.mailing", "read", ids=[int(made)], fields=names)[1]
    assert (row["state"], row["subject"]) == ("done", "Customer.io newsletter 1")
    assert row["mailing_model_id"][1] == "Contact"
    assert sources() == before + 1
    crm.delete("mailing", {"newsletter-1": made})
    assert crm.count("mailing") == 0
    assert sources() == before


def test_a_delivery_carries_its_times_and_counts_on_its_mailing(odoo: Odoo, crm: OdooDestination) -> None:
    crm.provision("delivery", [Field("x_cio_metrics", FieldType.JSON)])
    parent, who = mailing(crm), person(crm)
    rows = [
        Create(
            f"dg{n}==",
            {
                "res_id": who,
                "mass_mailing_id": parent,
                "email": "ann@example.com",
                "trace_status": ("open", "bounce", "sent")[n],
                "sent_datetime": AT,
                "open_datetime": LATER,
                "x_cio_metrics": {"sent": 1, "opened": 2},
            },
        )
        for n in range(3)
    ]
    made = ids(crm.create("delivery", rows))
    found = crm.read("delivery", list(made.values()), list(rows[0].values))
    assert [found[made[row.key]] for row in rows] == [row.values for row in rows]
    assert crm.find("delivery", list(made)) == made
    assert crm.count("delivery") == 3
    crm.update("delivery", [Update("dg2==", made["dg2=="], {"trace_status": "open", "open_datetime": LATER})])
    if odoo.sandbox is None:
        counts = ["sent", "delivered", "opened", "bounced"]
        (row,) = odoo.raw("mailing.mailing", "read", ids=[int(parent)], fields=counts)[1]
        assert [row[name] for name in counts] == [3, 2, 2, 1]
    assert {o.refusal for o in crm.delete("delivery", made)} == {None}
    assert crm.count("delivery") == 0


def test_a_delivery_of_nobody_is_refused(crm: OdooDestination) -> None:
    rows = [Create("a", {"mass_mailing_id": mailing(crm), "trace_status": "sent"})]
    with pytest.raises(BatchRefused):
        crm.create("delivery", rows)


def test_messages_stand_in_the_chatter_with_their_own_time(odoo: Odoo, crm: OdooDestination) -> None:
    crm.provision("message", [Field("x_push_notification", FieldType.BOOLEAN)])
    who = person(crm)
    before = crm.outgoing()
    others = {found.id for page in crm.scan("message", (), ours=False) for found in page}
    sent = [(LATER, "Push: sale", "comment"), (AT, "SMS: hi", "sms")]
    rows = [
        Create(
            f"dgM{n}==",
            {
                "res_id": who,
                "date": at,
                "body": body,
                "message_type": kind,
                "x_push_notification": kind != "sms",
            },
        )
        for n, (at, body, kind) in enumerate(sent)
    ]
    expected = [Create(row.key, dict(crm.expected("message", row.values))) for row in rows]
    made = ids(crm.create("message", expected))
    found = crm.read("message", list(made.values()), list(rows[0].values))
    assert [found[made[row.key]] for row in rows] == [row.values for row in expected]
    assert crm.find("message", list(made)) == made
    assert crm.count("message") == 2
    assert {found.id for page in crm.scan("message", (), ours=False) for found in page} == others
    # The chatter shows messages by id, so the older one must have the lower one.
    assert int(made["dgM1=="]) < int(made["dgM0=="])
    names = ["model", "subtype_id", "email_from"]
    (row,) = odoo.raw("mail.message", "read", ids=[int(made["dgM1=="])], fields=names)[1]
    assert (row["model"], row["subtype_id"][1], row["email_from"]) == ("res.partner", "Note", "Customer.io")
    assert crm.outgoing() == before
    crm.delete("message", made)
    assert crm.count("message") == 0


def test_a_lost_answer_doubles_no_message(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    who = person(sandbox_crm)
    row = Create("m", {"res_id": who, "body": "<span>x</span>", "date": AT})
    sandbox_crm.create("message", [Create("first", row.values)])
    sandbox.sandbox.faults({"kind": "cut", "match": "mail.message/create", "times": 1})  # type: ignore[union-attr]
    sandbox_crm.create("message", [row])
    assert sandbox_crm.count("message") == 2


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("load", {"fields": ["id", "subject"], "data": [["a", "x"]]}),
        ("load", {"fields": ["id", "state"], "data": [["a", "done"], ["b", "in_queue"]]}),
        ("create", {"vals_list": [{"subject": "x"}]}),
        ("write", {"vals": {"state": "in_queue"}}),
        ("web_save_multi", {"vals_list": [{"subject": "x"}, {"state": "sending"}]}),
        ("action_put_in_queue", {}),
    ],
)
def test_a_mailing_that_could_be_sent_never_leaves_the_client(
    method: str, arguments: Mapping[str, Any]
) -> None:
    with pytest.raises(RunStopped, match="can send messages"):
        refuse_to_send("mailing.mailing", method, arguments)


def test_a_mailing_in_the_queue_would_be_counted(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    """Without this, the silence of a load would prove nothing."""
    before = sandbox_crm.outgoing()["mail.mail"]
    model = sandbox.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    sandbox.id("mailing.mailing", subject="x", mailing_model_id=model, email_from="x", state="in_queue")
    assert sandbox_crm.outgoing()["mail.mail"] == before + 1


def test_an_address_that_another_call_lists_in_between_is_met(
    sandbox_crm: OdooDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call of a killed run may end on the server after we have looked."""
    table = sandbox_crm._tables["mail_optout"]
    (late,) = ids(sandbox_crm.create("mail_optout", [optout("late", "late@example.com")])).values()
    look = table._listed  # type: ignore[union-attr]
    too_early: list[dict[str, int]] = [{}]
    monkeypatch.setattr(table, "_listed", lambda emails: too_early.pop() if too_early else look(emails))
    refusal = BatchRefused("x", reason=Refusal("row_refused"))
    monkeypatch.setattr(XmlIdTable, "create", _raise_once(refusal, XmlIdTable.create))
    rows = [optout("late", "late@example.com"), optout("next", "next@example.com")]
    assert ids(sandbox_crm.create("mail_optout", rows))["late"] == late
    assert sandbox_crm.count("mail_optout") == 2


def _raise_once(error: Exception, then: Any) -> Any:
    errors = [error]

    def call(*args: Any) -> Any:
        if errors:
            raise errors.pop()
        return then(*args)

    return call
