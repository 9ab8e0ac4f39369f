"""What must hold before the first write; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmlift.destination import Finding, Severity
from crmlift.errors import BatchRefused
from target_odoo.client import OdooClient
from target_odoo.custom_models import CUSTOM_MODELS
from target_odoo.entities import ENTITIES
from target_odoo.errors import NoSuchModel
from target_odoo.kinds import (
    ACTIVITY,
    BLACKLIST,
    CATEGORY,
    LEAD,
    LEAD_TAG,
    MAIL,
    MAILING,
    MAILING_LIST,
    MESSAGE,
    PARTNER,
    PHONE_BLACKLIST,
    STAGE,
    SUBSCRIBER,
    SUBSCRIPTION,
    TEMPLATE,
    TRACE,
    Pairs,
)
from target_odoo.rights import Rights
from target_odoo.schema import Schema
from target_odoo.versions import FIRST_JSON2, FIRST_KEEPS_DONE_ACTIVITIES, ONLINE, model_in

_GROUPS = {
    PARTNER: "Contact Creation",
    CATEGORY: "Contact Creation",
    BLACKLIST: "Email Marketing / User",
    MAILING: "Email Marketing / User",
    TRACE: "Email Marketing / User",
    MESSAGE: "Contact Creation",
    ACTIVITY: "Contact Creation",
    LEAD: "Sales / User",
    LEAD_TAG: "Sales / Administrator",
    STAGE: "Sales / Administrator",
    TEMPLATE: "Mail Template Editor",
    MAIL: "Administration / Settings",
    PHONE_BLACKLIST: "Administration / Settings",
    MAILING_LIST: "Email Marketing / User",
    SUBSCRIBER: "Email Marketing / User",
    SUBSCRIPTION: "Email Marketing / User",
    "ir.model.data": "Administration / Access Rights",
    "ir.model.fields": "Administration / Settings",
    "ir.model": "Administration / Settings",
}
_MODULE_OF = {
    **dict.fromkeys(
        (MAILING, TRACE, MAILING_LIST, SUBSCRIBER, SUBSCRIPTION), "Email Marketing (mass_mailing)"
    ),
    PHONE_BLACKLIST: "Phone Numbers Validation (phone_validation)",
    **dict.fromkeys((LEAD, LEAD_TAG, STAGE), "CRM (crm)"),
}
_ENTERPRISE = "web_enterprise"
_MODULES = ("contacts", "crm", "mail", "mass_mailing", "base_automation", "crm_iap_enrich", _ENTERPRISE)


def models_of(entities: Sequence[str]) -> list[str]:
    """Return the models that a run writes for these entities."""
    models: dict[str, None] = {}
    for name in entities:
        entity = ENTITIES[name]
        if isinstance(entity, Pairs):
            models.update(dict.fromkeys((PARTNER, entity.owner_model)))
        else:
            models[entity.model] = None
    return list(models)


def preflight(
    client: OdooClient,
    schema: Schema,
    entities: Sequence[str],
    *,
    company_id: int | None = None,
    allow_automations: bool,
) -> list[Finding]:
    """Return what was found. Raises RunStopped where not even that can be asked, as with a wrong key."""
    models = [model_in(model, client.version[0]) for model in models_of(entities)]
    return [
        *_server(client),
        *online(client.http.host),
        *_activities(client, models),
        *_companies(client, company_id),
        *_rights(client, schema, models),
        *_automations(client, models, allow=allow_automations),
        *_modules(client),
    ]


def _server(client: OdooClient) -> Iterator[Finding]:
    major, name = client.version
    yield Finding(Severity.INFO, f"Odoo {name}; the API key is good for user {client.uid}.")
    if major < FIRST_JSON2:
        yield Finding(
            Severity.WARNING,
            f"Odoo {name} is spoken to by XML-RPC, and contacts are updated in smaller calls.",
            fix="Expect updates to be slower than on Odoo 19; rehearse with a sample first.",
        )


def online(host: str) -> Iterator[Finding]:
    """Say what is special about Odoo's own cloud."""
    if host.endswith(ONLINE):
        yield Finding(
            Severity.WARNING,
            "This is Odoo Online: its API is for databases on a Custom plan, and is slower.",
            fix="Rehearse with a sample first, and plan the run for a night.",
        )


def _activities(client: OdooClient, models: Sequence[str]) -> Iterator[Finding]:
    if ACTIVITY in models and client.version[0] < FIRST_KEEPS_DONE_ACTIVITIES:
        yield Finding(
            Severity.ERROR,
            f"Odoo {client.version[1]} deletes an activity that is done.",
            fix="Choose another form for these events: a record of x_cio_event, or a note in the chatter.",
        )


def _companies(client: OdooClient, company_id: int | None) -> Iterator[Finding]:
    rows = client.call("res.company", "search_read", domain=[], fields=["name"])
    named = [row["name"] for row in rows if row["id"] == company_id]
    listed = ", ".join(f"{row['id']} ({row['name']})" for row in rows)
    if company_id is not None and not named:
        yield Finding(
            Severity.ERROR,
            f"The API key's user sees no company {company_id}.",
            fix=f"Set company_id to one of these: {listed}.",
        )
    elif company_id is None and len(rows) > 1:
        yield Finding(
            Severity.WARNING,
            "The database has several companies, and no company_id is set: all of them share what is loaded.",
            fix=f"To load into one of them, set company_id: {listed}.",
        )


def _rights(client: OdooClient, schema: Schema, models: Sequence[str]) -> Iterator[Finding]:
    wanted = (*models, "ir.model.data")
    rights = Rights(client, [*wanted, "ir.model", "ir.model.fields"])
    for model in wanted:
        if model in CUSTOM_MODELS and not schema.columns(model):
            if not rights.may("ir.model", "create"):
                yield Finding(
                    Severity.ERROR,
                    f"The model {model} is not there, and the API key's user may not create it.",
                    fix="Let a user of the group Administration / Settings run crmlift provision once.",
                )
            continue
        if model in _MODULE_OF and not schema.columns(model):
            yield Finding(
                Severity.ERROR,
                f"The database has no {model}.",
                fix=f"Install {_MODULE_OF[model]}, or take the rules that write it out of the mapping.",
            )
            continue
        if lacking := rights.lacking(model):
            yield Finding(
                Severity.ERROR,
                f"The API key's user may not {', '.join(lacking)} {model}.",
                fix=f"Give the user the group {_GROUPS.get(model, 'Administration / Settings')}.",
            )
    if not rights.may("ir.model.fields", "create"):
        yield Finding(
            Severity.WARNING,
            "The API key's user may not create custom fields.",
            fix="Where the plan names fields to create, let an administrator provision them.",
        )


def _automations(client: OdooClient, models: Sequence[str], *, allow: bool) -> Iterator[Finding]:
    domain = [["active", "=", True], ["model_id.model", "in", list(models)]]
    try:
        rules = client.call(
            "base.automation", "search_read", domain=domain, fields=["name", "model_name", "trigger"]
        )
    except NoSuchModel:
        return
    except BatchRefused:
        yield Finding(
            Severity.ERROR if not allow else Severity.WARNING,
            "The API key's user may not see whether automation rules are active: they could send mail.",
            fix="Give the user the group Administration / Settings, or set allow_automations.",
        )
        return
    for rule in rules:
        yield Finding(
            Severity.WARNING if allow else Severity.ERROR,
            f"Automation rule {rule['name']!r} on {rule['model_name']} is active ({rule['trigger']}): "
            "no API flag silences it.",
            fix="Archive the rule for the time of the run, or set allow_automations if it may fire.",
        )


def _modules(client: OdooClient) -> Iterator[Finding]:
    try:
        rows = client.call(
            "ir.module.module",
            "search_read",
            domain=[["state", "=", "installed"], ["name", "in", list(_MODULES)]],
            fields=["name"],
        )
    except (BatchRefused, NoSuchModel):
        return
    installed = sorted(row["name"] for row in rows)
    edition = "Enterprise" if _ENTERPRISE in installed else "Community"
    yield Finding(Severity.INFO, f"The edition is {edition}; neither needs Studio for our fields.")
    yield Finding(Severity.INFO, f"Installed modules: {', '.join(installed) or 'none of those that matter'}.")
    if "crm_iap_enrich" in installed:
        mode = client.call("ir.config_parameter", "get_param", key="crm.iap.lead.enrich.setting") or "auto"
        yield Finding(Severity.INFO, f"Paid enrichment of leads is {mode}; leads are marked as done with it.")
