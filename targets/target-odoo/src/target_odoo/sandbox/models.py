"""The models and fields that the sandbox knows, as Odoo 19 Community has them.

Fields cut down to those that a migration meets; names, types and selections as in Odoo 19.
"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

from target_odoo.sandbox.registry import F, Fields, active, automatic, char, many2one, selection

_TAGS = "res_partner_res_partner_category_rel"
_ZONES = tuple((zone, zone) for zone in sorted(available_timezones()))


def _message() -> Fields:
    """Return the fields of a message, which each mail has too (mail.mail inherits them)."""
    return {
        "model": char("Related Document Model"),
        "res_id": F("many2one_reference", "Related Document ID"),
        "subject": char("Subject"),
        "body": F("html", "Contents"),
        "date": F("datetime", "Date"),
        "message_type": selection(
            "Type",
            *("email", "comment", "email_outgoing", "notification", "auto_comment", "out_of_office"),
            *("user_notification", "sms", "snailmail"),
            required=True,
            default="comment",
        ),
        "subtype_id": many2one("mail.message.subtype", "Subtype"),
        "email_from": char("From"),
        "author_id": many2one("res.partner", "Author"),
        "reply_to": char("Reply-To"),
        "message_id": char("Message-Id", index=True, readonly=True),
    }


def base_models() -> dict[str, Fields]:
    """Return a fresh registry, without custom fields."""
    models: dict[str, Fields] = {
        "res.partner": {
            "name": char("Name"),
            "active": active(),
            "type": selection(
                "Address Type", "contact", "invoice", "delivery", "followup", "other", default="contact"
            ),
            "is_company": F("boolean", "Is a Company"),
            "parent_id": many2one("res.partner", "Related Company", index=True),
            "child_ids": F("one2many", "Contact", relation="res.partner", inverse="parent_id"),
            "commercial_partner_id": many2one("res.partner", "Commercial Entity", readonly=True),
            "ref": char("Reference", index=True),
            "email": char("Email"),
            "email_normalized": char("Normalized Email", readonly=True),
            "phone": char("Phone"),
            "website": char("Website Link"),
            "function": char("Job Position"),
            "street": char("Street"),
            "street2": char("Street2"),
            "zip": char("Zip"),
            "city": char("City"),
            "state_id": many2one("res.country.state", "State"),
            "country_id": many2one("res.country", "Country"),
            "lang": F("selection", "Language", any_text=True),
            "tz": F("selection", "Timezone", selection=_ZONES),
            "vat": char("Tax ID"),
            "company_registry": char("Company ID"),
            "company_name": char("Company Name"),
            "company_id": many2one("res.company", "Company"),
            "industry_id": many2one("res.partner.industry", "Industry"),
            "user_id": many2one("res.users", "Salesperson"),
            "barcode": char("Barcode"),
            "color": F("integer", "Color Index"),
            "comment": F("html", "Notes"),
            "partner_latitude": F("float", "Geo Latitude"),
            "partner_longitude": F("float", "Geo Longitude"),
            "category_id": F("many2many", "Tags", relation="res.partner.category", table=_TAGS),
        },
        "res.partner.category": {
            "name": char("Name", required=True),
            "color": F("integer", "Color"),
            "parent_id": many2one("res.partner.category", "Category", on_delete="cascade"),
            "active": active(),
            "partner_ids": F("many2many", "Partners", relation="res.partner", table=_TAGS, flip=True),
        },
        "res.partner.industry": {"name": char("Name"), "active": active()},
        "res.company": {"name": char("Company Name", required=True)},
        "res.country": {
            "name": char("Country Name", required=True),
            "code": char("Country Code", required=True, size=2),
        },
        "res.country.state": {
            "name": char("State Name", required=True),
            "code": char("State Code", required=True),
            "country_id": many2one("res.country", "Country", required=True),
        },
        "res.lang": {
            "name": char("Name", required=True),
            "code": char("Locale Code", required=True),
            "iso_code": char("ISO code"),
            "active": F("boolean", "Active"),
        },
        "res.users": {
            "login": char("Login", required=True),
            "name": char("Name"),
            "active": active(),
            "lang": char("Language"),
            "tz": char("Timezone"),
            "partner_id": many2one("res.partner", "Related Partner"),
        },
        "res.groups": {
            "name": char("Name"),
            "full_name": char("Group Name"),
            "all_user_ids": F(
                "many2many", "Users and implied users", relation="res.users", table="res_groups_users_rel"
            ),
        },
        "ir.model": {
            "name": char("Model Description", required=True),
            "model": char("Model", required=True),
            "state": selection("Type", "base", "manual", default="base"),
            "transient": F("boolean", "Transient Model"),
            "field_id": F("one2many", "Fields", relation="ir.model.fields", inverse="model_id"),
            "access_ids": F("one2many", "Access", relation="ir.model.access", inverse="model_id"),
        },
        "ir.model.fields": {
            "name": char("Field Name", required=True),
            "model": char("Model Name"),
            "model_id": many2one("ir.model", "Model", required=True, on_delete="cascade"),
            "field_description": char("Field Label"),
            "help": char("Field Help"),
            "ttype": char("Field Type", required=True),
            "relation": char("Related Model"),
            "relation_field": char("Relation Field"),
            "relation_table": char("Relation Table"),
            "required": F("boolean", "Required"),
            "readonly": F("boolean", "Readonly"),
            "index": F("boolean", "Indexed"),
            "size": F("integer", "Size"),
            "on_delete": char("On Delete"),
            "state": selection("Type", "base", "manual", default="manual"),
            "selection_ids": F(
                "one2many", "Options", relation="ir.model.fields.selection", inverse="field_id"
            ),
        },
        "ir.model.fields.selection": {
            "field_id": many2one("ir.model.fields", "Field", on_delete="cascade"),
            "value": char("Value", required=True),
            "name": char("Name", required=True),
            "sequence": F("integer", "Sequence"),
        },
        "ir.model.data": {
            "module": char("Module", required=True),
            "name": char("External Identifier", required=True),
            "model": char("Model Name", required=True),
            "res_id": F("integer", "Record ID"),
            "noupdate": F("boolean", "Non Updatable"),
        },
        "ir.model.access": {
            "name": char("Name", required=True),
            "model_id": many2one("ir.model", "Model", required=True, on_delete="cascade"),
            "group_id": many2one("res.groups", "Group"),
            "perm_read": F("boolean", "Read"),
            "perm_write": F("boolean", "Write"),
            "perm_create": F("boolean", "Create"),
            "perm_unlink": F("boolean", "Delete"),
            "active": active(),
        },
        "ir.ui.view": {
            "name": char("View Name", required=True),
            "model": char("Model"),
            "type": char("View Type"),
            "inherit_id": many2one("ir.ui.view", "Inherited View"),
            "priority": F("integer", "Sequence"),
            "arch": F("text", "View Architecture"),
            "active": active(),
        },
        "ir.actions.act_window": {
            "name": char("Action Name", required=True),
            "res_model": char("Destination Model", required=True),
            "view_mode": char("View Mode", default="list,form"),
        },
        "ir.ui.menu": {
            "name": char("Menu", required=True),
            "parent_id": many2one("ir.ui.menu", "Parent Menu"),
            "sequence": F("integer", "Sequence"),
            "action": char("Action"),
            "active": active(),
        },
        "ir.module.module": {
            "name": char("Technical Name"),
            "state": selection("Status", "installed", "uninstalled"),
            "latest_version": char("Installed Version"),
        },
        "ir.config_parameter": {"key": char("Key"), "value": F("text", "Value")},
        "ir.cron": {"name": char("Name"), "code": F("text", "Code"), "active": active()},
        "base.automation": {
            "name": char("Automation Rule Name", required=True),
            "model_id": many2one("ir.model", "Model", required=True),
            "model_name": char("Model Name"),
            "trigger": char("Trigger"),
            "active": active(),
        },
        "mail.mail": {
            **{name: replace(f, inside="mail_message_id") for name, f in _message().items()},
            "message_type": replace(
                _message()["message_type"], inside="mail_message_id", default="email_outgoing"
            ),
            "mail_message_id": many2one("mail.message", "Message", index=True, on_delete="cascade"),
            "is_notification": F("boolean", "Notification Email"),
            "email_to": F("text", "To"),
            "body_html": F("text", "Text Contents"),
            "state": selection(
                "Status",
                *("outgoing", "sent", "received", "exception", "cancel"),
                default="outgoing",
                readonly=True,
            ),
            "failure_type": selection(
                "Failure type",
                *("unknown", "mail_spam", "mail_email_invalid", "mail_email_missing", "mail_from_invalid"),
                *("mail_from_missing", "mail_smtp", "mail_bl", "mail_optout", "mail_dup"),
            ),
            "failure_reason": F("text", "Failure Reason", readonly=True),
            "auto_delete": F("boolean", "Auto Delete"),
        },
        "mail.template": {
            "name": char("Name"),
            "description": F("text", "Template Description"),
            "active": active(),
            "model_id": many2one("ir.model", "Applies to", on_delete="cascade"),
            "model": char("Related Document Model", readonly=True),
            "subject": char("Subject"),
            "email_from": char("Send From"),
            "email_to": char("To (Emails)"),
            "body_html": F("html", "Body"),
            "lang": char("Language"),
            "use_default_to": F("boolean", "Default Recipients", default=True),
            "auto_delete": F("boolean", "Auto Delete", default=True),
        },
        "ir.attachment": {
            "name": char("Name", required=True),
            "type": selection("Type", "url", "binary", required=True, default="binary"),
            "res_model": char("Resource Model"),
            "res_id": F("many2one_reference", "Resource ID"),
            "mimetype": char("Mime Type", readonly=True),
            "datas": F("binary", "File Content (base64)"),
        },
        "phone.blacklist": {"number": char("Phone Number", required=True, index=True), "active": active()},
        "mailing.list": {"name": char("Mailing List", required=True), "active": active()},
        "mailing.contact": {
            "name": char("Name"),
            "email": char("Email"),
            "email_normalized": char("Normalized Email", readonly=True),
        },
        "mailing.subscription": {
            "contact_id": many2one("mailing.contact", "Contact", required=True, on_delete="cascade"),
            "list_id": many2one("mailing.list", "Mailing List", required=True, on_delete="cascade"),
            "opt_out": F("boolean", "Opt Out"),
            "opt_out_datetime": F("datetime", "Unsubscription Date"),
        },
        "mail.message": _message(),
        "mail.activity.type": {
            "name": char("Name", required=True),
            "res_model": char("Model"),
            "active": active(),
        },
        "mail.activity": {
            "res_model_id": many2one("ir.model", "Document Model", on_delete="cascade"),
            "res_model": char("Related Document Model", readonly=True),
            "res_id": F("many2one_reference", "Related Document ID"),
            "activity_type_id": many2one("mail.activity.type", "Activity Type"),
            "summary": char("Summary"),
            "note": F("html", "Note"),
            "date_deadline": F("date", "Due Date", required=True),
            "date_done": F("date", "Done Date", readonly=True),
            "user_id": many2one("res.users", "Assigned to"),
            "active": active(),
        },
        "crm.tag": {"name": char("Tag Name", required=True)},
        "crm.stage": {
            "name": char("Stage Name", required=True),
            "sequence": F("integer", "Sequence", default=1),
        },
        "crm.lead": {
            "name": char("Opportunity"),
            "type": selection("Type", "lead", "opportunity", required=True, default="opportunity"),
            "active": active(),
            "partner_id": many2one("res.partner", "Customer", index=True),
            "contact_name": char("Contact Name"),
            "partner_name": char("Company Name"),
            "function": char("Job Position"),
            "email_from": char("Email"),
            "email_normalized": char("Normalized Email", readonly=True),
            "phone": char("Phone"),
            "user_id": many2one("res.users", "Salesperson"),
            "stage_id": many2one("crm.stage", "Stage", on_delete="restrict"),
            "tag_ids": F("many2many", "Tags", relation="crm.tag", table="crm_tag_rel"),
            "iap_enrich_done": F("boolean", "Enrichment done"),
        },
        "mail.message.subtype": {"name": char("Message Type", required=True)},
        "mail.blacklist": {"email": char("Email Address", required=True, index=True), "active": active()},
        "utm.source": {"name": char("Source Name", required=True)},
        "mailing.mailing": {
            "active": active(),
            "name": char("Name"),
            "subject": char("Subject", required=True),
            "state": selection(
                "Status", "draft", "in_queue", "sending", "done", required=True, default="draft"
            ),
            "email_from": char("Send From", required=True),
            "mailing_type": selection("Mailing Type", "mail", required=True, default="mail"),
            "mailing_model_id": many2one("ir.model", "Recipients Model", required=True),
            "source_id": many2one("utm.source", "Source", required=True),
            "sent_date": F("datetime", "Sent Date"),
            "body_html": F("html", "Body"),
        },
        "mailing.trace": {
            "trace_type": selection("Type", "mail", default="mail"),
            "model": char("Document model", required=True),
            "res_id": F("many2one_reference", "Document ID"),
            "mass_mailing_id": many2one("mailing.mailing", "Mailing", index=True, on_delete="cascade"),
            "email": char("Email"),
            "message_id": char("Message-ID"),
            "sent_datetime": F("datetime", "Sent On"),
            "open_datetime": F("datetime", "Opened On"),
            "reply_datetime": F("datetime", "Replied On"),
            "links_click_datetime": F("datetime", "Clicked On"),
            "trace_status": selection(
                "Status",
                *("outgoing", "process", "pending", "sent", "open", "reply", "bounce", "error", "cancel"),
                default="outgoing",
            ),
            "failure_type": selection(
                "Failure type",
                *("unknown", "mail_bounce", "mail_spam", "mail_email_invalid", "mail_email_missing"),
                *(
                    "mail_from_invalid",
                    "mail_from_missing",
                    "mail_smtp",
                    "mail_bl",
                    "mail_dup",
                    "mail_optout",
                ),
            ),
            "failure_reason": F("text", "Failure reason", readonly=True),
        },
        "mail.notification": {
            "mail_message_id": many2one("mail.message", "Message", on_delete="cascade"),
            "res_partner_id": many2one("res.partner", "Recipient", on_delete="cascade"),
            "notification_type": selection("Notification Type", "inbox", "email", "sms"),
            "notification_status": selection(
                "Status", "ready", "sent", "exception", "canceled", default="ready"
            ),
        },
        "mail.followers": {
            "res_model": char("Model"),
            "res_id": F("integer", "Record"),
            "partner_id": many2one("res.partner", "Partner", on_delete="cascade"),
        },
        "sms.sms": {
            "number": char("Number"),
            "body": F("text", "Body"),
            "state": selection("SMS Status", "outgoing", "sent", "error", "canceled", default="outgoing"),
        },
    }
    for fields in models.values():
        fields.update(automatic())
    return models


def models_of(major: int) -> dict[str, Fields]:
    """Return the registry as a version of Odoo has it."""
    models = base_models()
    if major < 17:
        subscription = models.pop("mailing.subscription")
        subscription["unsubscription_date"] = subscription.pop("opt_out_datetime")
        models["mailing.contact.subscription"] = subscription
    if major < 19:
        groups = models["res.groups"]
        groups["users"] = groups.pop("all_user_ids")
    return models
