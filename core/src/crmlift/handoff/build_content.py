"""Items of newsletters and transactional templates, and the contents and counts that journeys share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from crmlift.handoff import liquid, words
from crmlift.handoff.gather import Gathered, members_file
from crmlift.handoff.model import Audience, Fact, Item, Kind, Message, Metric, Table
from crmlift.handoff.read_step import channel

Record = dict[str, Any]
_READ = ("subject", "preheader_text", "body", "body_plain", "recipient", "from", "reply_to", "url")
_DEFAULT_LAYOUT = "{{content}}"


def newsletters(gathered: Gathered, names: Mapping[str, str]) -> list[Item]:
    """Return an item for each newsletter."""
    topics = {str(topic["id"]): str(topic.get("name")) for topic in gathered.documents["subscription_topics"]}
    return [_newsletter(found, gathered, names, topics) for found in gathered.documents["newsletters"]]


def transactional(gathered: Gathered) -> list[Item]:
    """Return an item for each transactional template."""
    return [_transactional(found, gathered) for found in gathered.documents["transactional_messages"]]


def messages(contents: Iterable[Record]) -> list[Message]:
    """Return contents of the App API."""
    return [
        Message(
            id=str(found["id"]),
            name=_text(found.get("name")),
            channel=channel(found.get("type")),
            language=_text(found.get("language")),
            sender=_text(found.get("from")),
            reply_to=_text(found.get("reply_to")),
            recipient=_text(found.get("recipient")),
            subject=_text(found.get("subject")),
            preheader=_text(found.get("preheader_text")),
            body=_text(found.get("body")) or _text(found.get("body_json")),
            body_plain=_text(found.get("body_plain")),
            layout="" if found.get("layout") == _DEFAULT_LAYOUT else _text(found.get("layout")),
            address=_text(found.get("url")),
            sending_state=_text(found.get("sending_state")),
            liquid=liquid.parse(
                {name: found.get(name) for name in _READ if isinstance(found.get(name), str)}
            ),
        )
        for found in contents
    ]


def metrics(series: Iterable[Record]) -> list[Metric]:
    """Return the sums of counts over time; what is no number is left out."""
    found = []
    for one in series:
        for name, values in sorted((one.get("series") or {}).items()):
            numbers = [value for value in values if _is_number(value)] if isinstance(values, list) else []
            if numbers:
                found.append(Metric(name=name, total=sum(numbers)))
    return found


def sent(gathered: Gathered, sender: str, id: object) -> list[Fact]:
    """Say what became of the messages that were read of a sender."""
    found = gathered.sent.get((sender, int(str(id))))
    if not found:
        return []
    counts = [f"{n:,} {name}" for name, n in sorted(found.items(), key=lambda one: -one[1])]
    return [Fact(label="Messages read", value=", ".join(counts).replace(" created", " made"))]


def audience(ids: list[str], gathered: Gathered, names: Mapping[str, str]) -> Audience:
    """Say whom something goes to, with sizes as they were counted."""
    listed = [f"segment {id} “{names.get(id, '')}”" for id in ids]
    sizes = [gathered.files.counts[members_file(id)] for id in ids]
    return Audience(
        words=" or ".join(listed) or "nobody that the API names",
        segments=ids,
        people_now=sizes[0] if len(sizes) == 1 and gathered.has("segment_memberships") else None,
    )


def _newsletter(
    found: Record, gathered: Gathered, names: Mapping[str, str], topics: Mapping[str, str]
) -> Item:
    id = str(found["id"])
    was_sent = words.moment(found.get("sent_at"))
    contents = messages(gathered.of("newsletter_contents", "newsletter_id", id))
    groups = gathered.of("newsletter_test_groups", "newsletter_id", id)
    segments = [str(segment) for segment in found.get("recipient_segment_ids") or ()]
    reached = gathered.sent.get(("newsletter_id", int(id)))
    topic = str(found.get("subscription_topic_id") or "")
    statements = (
        [] if segments else ["The API names no segment: the recipients were uploaded or chosen by hand."]
    )
    if len(contents) > 1:
        statements.append(f"It has {len(contents)} variants, by test or language.")
    return Item(
        kind=Kind.NEWSLETTER,
        id=id,
        name=str(found.get("name") or f"Newsletter {id}"),
        state="sent" if was_sent else "not sent",
        facts=[
            Fact(label="Channel", value=channel(found.get("type"))),
            Fact(label="Sent", value=was_sent or "never"),
            *([Fact(label="Size", value=f"{reached['created']:,} messages made")] if reached else []),
            *([Fact(label="Topic", value=topics.get(topic, topic))] if topic else []),
            *([Fact(label="Tags", value=", ".join(found["tags"]))] if found.get("tags") else []),
            *sent(gathered, "newsletter_id", id),
        ],
        statements=statements,
        audience=audience(segments, gathered, names),
        messages=contents,
        metrics=metrics(gathered.of("newsletter_metrics", "newsletter_id", id)),
        tables=[_groups(groups)] if groups else [],
        tasks=_send_again(was_sent, topics.get(topic)),
    )


def _send_again(was_sent: str, topic: str | None) -> list[str]:
    """The plan for sending it from the CRM: nothing is sent by the migration."""
    consent = f", less those who left the topic “{topic}”" if topic else ""
    return [
        f"Decide whether it is {'sent again' if was_sent else 'still to be sent'}, by which tool, and when",
        f"Rebuild the audience{consent}, less all who unsubscribed, bounced or complained; compare its size",
        "Rebuild the content, replace each Liquid variable, and send a test to yourself",
    ]


def _groups(groups: list[Record]) -> Table:
    rows = [[str(group["id"]), ", ".join(map(str, group.get("content_ids") or ()))] for group in groups]
    return Table(title="Compare groups", columns=["Group", "Variants"], rows=rows)


def _transactional(found: Record, gathered: Gathered) -> Item:
    id = str(found["id"])
    contents = messages(gathered.of("transactional_contents", "transactional_message_id", id))
    counts = gathered.sent.get(("transactional_message_id", int(id)))
    redacted = counts["redacted"] if counts else 0
    hidden = found.get("hide_message_body") is True
    bypass = found.get("send_to_unsubscribed") is True
    statements = []
    if bypass:
        statements.append(
            "It goes to the unsubscribed, too. Few CRMs send past an opt-out: use a tool that does."
        )
    if hidden:
        statements.append("Bodies of what was sent are hidden in Customer.io: logs cannot show them.")
    if redacted:
        statements.append(
            f"{redacted:,} messages that were read have no content any more: marked as redacted."
        )
    return Item(
        kind=Kind.TRANSACTIONAL,
        id=id,
        name=str(found.get("name") or f"Template {id}"),
        description=str(found.get("description") or ""),
        facts=[
            Fact(label="Triggered as", value=str(found.get("trigger_name") or id)),
            Fact(label="Sends to the unsubscribed", value=yes(bypass)),
            Fact(label="Hides bodies of what was sent", value=yes(hidden)),
            Fact(label="Waits as drafts", value=yes(found.get("queue_drafts") is True)),
            Fact(label="Tracks opens", value=yes(found.get("open_tracking") is True)),
            Fact(label="Tracks clicks", value=yes(found.get("link_tracking") is True)),
            *sent(gathered, "transactional_message_id", id),
        ],
        statements=statements,
        messages=contents,
        metrics=metrics(gathered.of("transactional_metrics", "transactional_message_id", id)),
        tasks=[
            "Rebuild the template, and let the application call its new sender",
            "Replace each Liquid variable",
        ],
    )


def moment(label: str, seconds: Any) -> list[Fact]:
    """Return a fact of when something was, if that is known."""
    said = words.moment(seconds) if isinstance(seconds, int) else ""
    return [Fact(label=label, value=said)] if said else []


def yes(value: Any) -> str:
    """Return `yes` or `no`, or nothing where it is not known."""
    return "" if value is None else "yes" if value else "no"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
