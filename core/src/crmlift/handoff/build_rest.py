"""Items of which a workspace has one each: push, settings, deleted profiles, message logs, completeness."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crmlift.handoff.build_content import yes
from crmlift.handoff.gather import COUNTED, DELETED_FILE, FLAGGED_FILE, Gathered
from crmlift.handoff.model import Fact, Item, Kind, PeopleFile, Table
from crmlift.handoff.read_step import channel

Record = dict[str, Any]
_OUTCOMES = (
    "created", "sent", "delivered", "opened", "clicked", "converted", "unsubscribed", "bounced",
    "undeliverable", "failed", "dropped", "spammed", "redacted",
)  # fmt: skip


def items(gathered: Gathered) -> list[Item]:
    """Return all of them."""
    return [make(gathered) for make in (_push, _settings, _deleted, _messages, _completeness)]


def _file(gathered: Gathered, name: str) -> list[PeopleFile]:
    rows = gathered.files.counts[name]
    return [PeopleFile(path=name, rows=rows, columns=gathered.files.columns(name))] if rows else []


def _push(gathered: Gathered) -> Item:
    devices = gathered.push.total()
    using = [
        [what, str(record[key]), str(record.get("name") or record["id"])]
        for stream, key, what in (
            ("campaign_actions", "campaign_id", "campaign"),
            ("broadcast_actions", "broadcast_id", "broadcast"),
            ("newsletter_contents", "newsletter_id", "newsletter"),
        )
        for record in gathered.documents[stream]
        if record.get("type") == "push"
    ]
    return Item(
        kind=Kind.PUSH,
        id="push",
        name="Push notifications",
        facts=[
            Fact(label="Devices left out", value=f"{devices:,}"),
            Fact(label="People with a device", value=f"{gathered.people_with_devices:,}"),
            Fact(label="Messages that use push", value=f"{len(using):,}"),
        ],
        statements=[
            "Device tokens belong to the app as it is built now: no other provider can use them.",
            "Prerequisite: a new version of the app with the SDK of the new provider. "
            "People reach it as they update; plan four to eight weeks.",
            "Once it is out, load who is new since then before push is switched on.",
        ],
        tables=[
            _table("Devices by platform", ["Platform", "Devices"], gathered.push.most_common()),
            _table("Messages that use push", ["In", "Id", "Message"], using),
        ],
        tasks=[
            "Decide whether push goes on, and with which provider",
            "Release the app with the new provider's SDK before anything is sent",
        ],
    )


def _settings(gathered: Gathered) -> Item:
    of = gathered.documents
    parts: list[tuple[str, list[str], Iterable[Record], Callable[[Record], list[Any]]]] = [
        ("Topics of the subscription center", ["Id", "Name", "By default"], of["subscription_topics"],
         lambda r: [r.get("identifier") or r["id"], r.get("name"), yes(r.get("subscribed_by_default"))]),
        ("Channels of the subscription center", ["Id", "Name"], of["subscription_channels"],
         lambda r: [r["id"], r.get("name")]),
        ("Senders", ["Address", "Kind", "Hidden"], of["sender_identities"],
         lambda r: [r.get("address") or r.get("phone"), r.get("template_type"), yes(r.get("hidden"))]),
        ("Sending domains", ["Domain", "Verified"], of["sending_domains"],
         lambda r: [r.get("name"), yes((r.get("raw") or {}).get("verified"))]),
        ("Reporting webhooks", ["Name", "To", "Events"], of["reporting_webhooks"],
         lambda r: [r.get("name"), r.get("endpoint"), ", ".join(r.get("events") or ())]),
        ("Object types", ["Id", "Name", "Enabled"], of["object_types"],
         lambda r: [r["id"], r.get("name"), yes(r.get("enabled"))]),
        ("Snippets", ["Name", "Content"], of["snippets"], lambda r: [r["name"], r.get("value")]),
        ("Layouts", ["Name", "Layout"], of["layouts"], lambda r: [r.get("name"), r.get("body")]),
        ("Collections", ["Name", "Columns", "Rows"], of["collections"],
         lambda r: [r.get("name"), ", ".join(r.get("schema") or ()), r.get("rows")]),
        ("Emails of the Design Studio", ["Name"], of["design_studio_emails"], lambda r: [r.get("name")]),
        ("Tags", ["Name"], of["tags"], lambda r: [r.get("name")]),
    ]  # fmt: skip
    tables = [_table(title, columns, [row(r) for r in rows]) for title, columns, rows, row in parts]
    tables += [
        _table(f"{stream} by {field}".replace("_", " ").capitalize(), [field.capitalize(), "Number"],
               gathered.counted[stream].most_common())
        for stream, field in COUNTED.items() if stream != "journey_subjects"
    ]  # fmt: skip
    return Item(
        kind=Kind.SETTINGS,
        id="workspace",
        name="Settings that do not move",
        facts=[
            Fact(label="Workspace", value=f"{w.get('name')} (number {w.get('id')})") for w in of["workspaces"]
        ],
        statements=[
            "Settings belong to the account. None is moved; the lists say what to set up anew, and where.",
            "Credentials of webhooks are not in these documents: they stand in their receivers.",
            "The API gives no users, roles, single sign-on, allow-lists or region: see the account.",
        ],
        tables=[table for table in tables if table.rows],
        tasks=[
            "Set up single sign-on and users with their roles in the CRM",
            "Set up the allow-list of IP addresses in the CRM or the identity provider",
            "Note the region (US or EU) of the workspace's data, and choose the CRM's",
            "Verify the sending domains for the new sender (SPF, DKIM, DMARC)",
            "Point what listens to reporting webhooks to its new source, or end it",
            "Rebuild the subscription center, and carry opt-outs over before anything is sent",
            "Take the integrations that write to Customer.io off, one by one",
        ],
    )


def _deleted(gathered: Gathered) -> Item:
    return Item(
        kind=Kind.DELETED,
        id="profiles",
        name="Deleted profiles",
        facts=[
            Fact(label="Deletions seen", value=f"{len(gathered.deleted):,}"),
            Fact(label="There again", value=f"{len(gathered.back):,}"),
        ],
        statements=[
            "Profiles that were deleted still count for billing until the end of the billing period.",
            "The API shows deletions of about 30 days. They are not loaded.",
            "Deleting does not block an id: an integration that still sends one creates the profile again.",
        ],
        files=_file(gathered, DELETED_FILE),
        tasks=["Compare with the invoice of this period", "Stop integrations that could bring them back"],
    )


def _messages(gathered: Gathered) -> Item:
    rows = [
        [channel(name), *(f"{counts[outcome]:,}" if counts[outcome] else "" for outcome in _OUTCOMES)]
        for name, counts in sorted(gathered.channels.items())
    ]
    total = {outcome: sum(c[outcome] for c in gathered.channels.values()) for outcome in _OUTCOMES}
    return Item(
        kind=Kind.MESSAGES,
        id="logs",
        name="Message logs for compliance",
        facts=[
            Fact(label="Messages read", value=f"{total['created']:,}"),
            Fact(label="Content not kept (redacted)", value=f"{total['redacted']:,}"),
            Fact(label="Bounced", value=f"{total['bounced']:,}"),
            Fact(label="Undeliverable, failed or dropped",
                 value=f"{total['undeliverable'] + total['failed'] + total['dropped']:,}"),
            Fact(label="Reported as spam", value=f"{total['spammed']:,}"),
        ],
        statements=[
            "Logs say whom the company wrote to: legal decides how long they are kept.",
            "A redacted message has no content in Customer.io any more; it is marked so in the CRM.",
            "The listed file names each message with a flag by its delivery id, for the deliverability team.",
        ],
        tables=[_table("By channel", ["Channel", *(name.capitalize() for name in _OUTCOMES)], rows)],
        files=_file(gathered, FLAGGED_FILE),
        tasks=[
            "Let legal review retention: what is kept, where, and until when",
            "Let the deliverability team look at bounces, complaints and failures",
        ],
    )  # fmt: skip


def _completeness(gathered: Gathered) -> Item:
    lines = gathered.documents["completeness"]
    missing = [line for line in lines if line.get("status") not in ("complete", "not_selected")]
    return Item(
        kind=Kind.COMPLETENESS,
        id="export",
        name="What could not be read",
        facts=[
            Fact(label="Streams read whole", value=str(sum(l_.get("status") == "complete" for l_ in lines))),
            Fact(label="Read in part, or not at all", value=str(len(missing))),
        ],
        statements=[] if lines else ["The tap did not say: select the stream completeness."],
        tables=[
            _table(
                "Not whole",
                ["What", "Status", "Read", "Why"],
                [[m["subject"], m.get("status"), m.get("read"), m.get("reason")] for m in missing],
            ),
            _table(
                "Came and is not understood",
                ["Where", "What", "How often"],
                [[m["subject"], name, n] for m in lines for name, n in (m.get("unknown") or {}).items()],
            ),
        ],
        tasks=["Look at what could not be read, and write it down from the workspace where it matters"],
    )


def _table(title: str, columns: list[str], rows: Iterable[Iterable[Any]]) -> Table:
    return Table(
        title=title,
        columns=columns,
        rows=[
            ["" if cell is None else f"{cell:,}" if type(cell) is int else str(cell) for cell in row]
            for row in rows
        ],
    )
