"""Campaigns (the UI calls them automations) and their actions."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_customerio.client import Call
from tap_customerio.streams.base import FREE_FORM, NUMBERS, TEXTS, ListStream, any_of, prop
from tap_customerio.streams.messages import ACTION, ContentStream, language

_ACTIONS = th.ArrayType(FREE_FORM)


class Campaigns(ListStream):
    """Campaigns with what starts them; the graph of a journey is not in the App API."""

    name = "campaigns"
    description = "Campaigns with their triggers; delays, branches and exits are not in the App API."
    primary_keys = ("id",)
    call = Call("/v1/campaigns")
    root = "campaigns"
    fields = (
        prop("id", th.IntegerType, "Number of the campaign.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("name", th.StringType, "Name."),
        prop("description", th.StringType, "Description."),
        prop("type", th.StringType, "Kind of trigger: segment, event, form, date, relationship, object…"),
        prop("state", th.StringType, "`draft`, `running`, `stopped`, …"),
        prop("active", th.BooleanType, "Whether it runs."),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds; does not move when an action changes."),
        prop("first_started", th.IntegerType, "Unix seconds; 0 if never."),
        prop("created_by", th.StringType, "Who made it."),
        prop("tags", TEXTS, "Tags."),
        prop("actions", _ACTIONS, "Ids and types of its actions."),
        prop("trigger_segment_ids", NUMBERS, "Segments that start it."),
        prop("filter_segment_ids", NUMBERS, "Segments that people must be in."),
        prop("event_name", th.StringType, "Event that starts it."),
        prop("event_type", th.StringType, "Kind of that event."),
        prop("date_attribute", th.StringType, "Attribute with the date that starts it."),
        prop("frequency", th.StringType, "How often a date starts it."),
        prop("start_hour", th.IntegerType, "Hour of the start."),
        prop("start_minutes", th.IntegerType, "Minute of the start."),
        prop("timezone", th.StringType, "Time zone."),
        prop("use_customer_timezone", th.BooleanType, "Whether people's own time zones count."),
        prop("object_type_id", th.IntegerType, "Object type that starts it."),
        prop("object_attribute_triggers", any_of("string", "object", "array"), "Changes that start it."),
        prop(
            "relationship_attribute_triggers", any_of("string", "object", "array"), "Changes that start it."
        ),
        prop("filter_object_attributes", any_of("string", "object", "array"), "Filter on the object."),
        prop("filter_relationship_attributes", any_of("string", "object", "array"), "Filter."),
        prop("audience", FREE_FORM, "Whom an object's or relationship's trigger reaches."),
        prop("webhook_id", any_of("integer", "string"), "Webhook that starts it."),
        prop("scheduled_start", th.IntegerType, "Unix seconds."),
        prop("scheduled_start_should_backfill", th.BooleanType, "Whether it takes in who matched before."),
        prop("scheduled_stop", th.IntegerType, "Unix seconds."),
        prop("scheduled_stop_should_sunset", th.BooleanType, "Whether people in it may finish."),
    )


class CampaignActions(ContentStream):
    """Messages of each campaign, ten a page; only actions that have content are listed."""

    name = "campaign_actions"
    description = "Messages of campaigns, one record for each language and test variant."
    primary_keys = ("campaign_id", "id", "language")
    parent = Campaigns
    path = "/v1/campaigns/{id}/actions"
    root = "actions"
    parent_key = "campaign_id"
    fields = (
        prop("campaign_id", th.IntegerType, "Number of the campaign.", key=True),
        prop("id", th.IntegerType, "Number of the action.", key=True),
        language("action"),
        *ACTION,
    )


class Broadcasts(ListStream):
    """API-triggered broadcasts."""

    name = "broadcasts"
    description = "API-triggered broadcasts."
    primary_keys = ("id",)
    call = Call("/v1/broadcasts")
    root = "broadcasts"
    fields = (
        prop("id", th.IntegerType, "Number of the broadcast.", key=True),
        prop("deduplicate_id", th.StringType, "Id and time of the last change."),
        prop("name", th.StringType, "Name."),
        prop("type", th.StringType, "`triggered_broadcast`."),
        prop("state", th.StringType, "`draft`, `running`, `stopped`, …"),
        prop("active", th.BooleanType, "Whether it can be triggered."),
        prop("created", th.IntegerType, "Unix seconds."),
        prop("updated", th.IntegerType, "Unix seconds."),
        prop("first_started", th.IntegerType, "Unix seconds; 0 if never."),
        prop("actions", _ACTIONS, "Ids and types of its actions."),
        prop("msg_template_ids", _ACTIONS, "Templates, old form."),
        prop("tags", TEXTS, "Tags."),
    )


class BroadcastActions(ContentStream):
    """Messages of each broadcast."""

    name = "broadcast_actions"
    description = "Messages of broadcasts, one record for each language variant."
    primary_keys = ("broadcast_id", "id", "language")
    parent = Broadcasts
    path = "/v1/broadcasts/{id}/actions"
    root = "actions"
    parent_key = "broadcast_id"
    fields = (
        prop("broadcast_id", th.IntegerType, "Number of the broadcast.", key=True),
        prop("id", th.IntegerType, "Number of the action.", key=True),
        language("action"),
        *ACTION,
    )
