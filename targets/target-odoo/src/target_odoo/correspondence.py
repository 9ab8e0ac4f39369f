"""What target-odoo writes of messages: consent, mailings, what was sent to whom, templates."""

from __future__ import annotations

from target_odoo.keys import MODULE
from target_odoo.kinds import (
    ARCHIVED,
    ATTACHMENT,
    BLACKLIST,
    DATED,
    KEYED,
    MAIL,
    MAILING,
    MAILING_LIST,
    MESSAGE,
    PARTNER,
    PHONE_BLACKLIST,
    SUBSCRIBER,
    SUBSCRIPTION,
    TEMPLATE,
    TRACE,
    Pairs,
    Records,
    spec,
)

_MESSAGE_KEY = f"{MODULE}."
_SENDER = "Customer.io"

CORRESPONDENCE: tuple[Records | Pairs, ...] = (
    Records(
        spec(
            "mail_optout",
            "Addresses not to mail",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"email"}),
        ),
        BLACKLIST,
    ),
    Records(
        spec(
            "sms_optout",
            "Numbers not to text",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"number"}),
        ),
        PHONE_BLACKLIST,
    ),
    Records(
        spec("mailing_list", "Mailing lists", can=KEYED, archive=ARCHIVED, match=frozenset({"name"})),
        MAILING_LIST,
    ),
    Records(
        spec("subscriber", "Subscribers", can=KEYED, match=frozenset({"email_normalized"})),
        SUBSCRIBER,
    ),
    Records(
        spec("subscription", "Subscriptions to mailing lists", "subscriber", "mailing_list", can=KEYED),
        SUBSCRIPTION,
    ),
    Records(
        spec("mailing", "Mailings", can=KEYED, archive=ARCHIVED),
        MAILING,
        # Odoo refuses a mailing without a sender; it takes its user's address, who may have none.
        constants={"state": "done", "mailing_type": "mail", "email_from": "Customer.io"},
        refs={"mailing_model_id": "base.model_res_partner"},
    ),
    Records(
        spec("mailing_note", "Notes on mailings", "mailing", can=DATED),
        MESSAGE,
        key="field",
        key_field="message_id",
        key_start=_MESSAGE_KEY,
        oldest_first="date",
        constants={
            "model": MAILING,
            "message_type": "comment",
            "email_from": _SENDER,
            "reply_to": None,
        },
        refs={"subtype_id": "mail.mt_note"},
        only=("model", "=", MAILING),
    ),
    Records(
        spec("document", "Documents on mailings", "mailing", can=KEYED),
        ATTACHMENT,
        constants={"type": "binary", "res_model": MAILING, "mimetype": "application/json"},
        only=("res_model", "=", MAILING),
    ),
    Records(
        spec("delivery", "Deliveries", "person", "mailing", can=DATED),
        TRACE,
        key="field",
        constants={"trace_type": "mail", "model": PARTNER},
    ),
    Records(
        spec("message", "Messages of contacts", "person", can=DATED),
        MESSAGE,
        key="field",
        key_field="message_id",
        key_start=_MESSAGE_KEY,
        oldest_first="date",
        # With `email_from` and `reply_to` given, Odoo computes neither: five times as fast.
        constants={
            "model": PARTNER,
            "message_type": "comment",
            "email_from": _SENDER,
            "reply_to": None,
        },
        refs={"subtype_id": "mail.mt_note"},
        only=("model", "=", PARTNER),
    ),
    Records(
        # On a message that is there a mail is written five times as fast as with one of its own, and all of
        # a thread stands in one entity, in order of time. It has no recipient that Odoo could send to, should
        # somebody press "Retry", and is kept after "sending".
        spec("mail", "Emails of contacts", "message", can=DATED),
        MAIL,
        key="field",
        constants={"auto_delete": False},
        only=("model", "=", PARTNER),
    ),
    Records(
        spec("template", "Email templates", can=KEYED, archive=ARCHIVED),
        TEMPLATE,
        # Archived until somebody has read it; nobody's, so that it names no recipient.
        constants={"active": False, "auto_delete": False, "use_default_to": True},
        refs={"model_id": "base.model_res_partner"},
        only=("model", "=", PARTNER),
    ),
)
