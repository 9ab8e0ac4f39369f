"""What is looked at in each stream of tap-customerio, as SQL over one record `j`.

A stream that is not named here, such as another tap's, has all its fields profiled.
"""

from __future__ import annotations

from dataclasses import dataclass

_WHO = "hash(j->>'cio_id')"
_MONTH = "coalesce(strftime(to_timestamp({at}), '%Y-%m'), '')"
GONE = "(j->>'_sdc_deleted_at') is not null"


def _text(field: str) -> str:
    """A field as text; null where it is empty."""
    return f"nullif(trim(j->>'{field}'), '')"


@dataclass(frozen=True, slots=True)
class Reading:
    """`bag` is the object whose attributes are profiled, `group` what they are profiled by.

    `facts` are statements over the table `chunk`, whose rows are records `j` of the stream.
    """

    bag: str | None = "j"
    group: str = "''"
    facts: tuple[str, ...] = ()


TABLES = """
create table records(stream varchar, n ubigint, deleted ubigint);
create table totals(stream varchar, grp varchar, n ubigint);
create table attributes(a ubigint primary key, stream varchar, grp varchar, name varchar);
create table counts(a ubigint, kind varchar, n ubigint, empty ubigint, longest ubigint);
create table within(a ubigint, filled ubigint);
create table sketch(a ubigint, h ubigint, val varchar, n ubigint);
create table persons(
  who ubigint, cio_id varchar, id varchar, email varchar, unsubscribed boolean, devices ubigint, seen bigint
);
create table signs(who ubigint, moment bigint);
create table deletions(who ubigint, id varchar, email varchar);
create table volumes(
  stream varchar, kind varchar, name varchar, month varchar, n ubigint, first bigint, last bigint
);
create table related(stream varchar, type varchar, n ubigint);
create table members(segment varchar, n ubigint);
create table redactions(channel varchar, n ubigint, redacted ubigint);
create table devices(platform varchar, n ubigint, enabled ubigint);
create table documents(
  stream varchar, id varchar, name varchar, type varchar, state varchar, slug varchar, rule varchar
);
create table unread(subject varchar, status varchar, reason varchar);
"""

# One list of paths is one parse of the record. Times are seconds, milliseconds or ISO dates.
_PERSONS = f"""
insert into persons
select hash(f[1]), f[1], lower(nullif(trim(f[2]), '')), lower(nullif(trim(f[3]), '')),
       try_cast(f[4] as boolean), coalesce(json_array_length(j, '$.devices'), 0),
       list_max(list_transform(list_concat(f[5:], used), lambda x: coalesce(
         case when try_cast(x as double) > 1e11 then try_cast(x as double) / 1000
              else try_cast(x as double) end,
         epoch(try_cast(x as timestamptz))
       )))::bigint
from (
  select j, json_extract_string(j, '$.devices[*].last_used') as used,
         json_extract_string(j, ['$.cio_id', '$.id', '$.email', '$.unsubscribed' {{seen}}]) as f
  from chunk where not {GONE}
)
"""

_DEVICES = """
insert into devices
select coalesce(d->>'platform', ''), count(*), count(*) filter ((d->>'$.attributes.push_enabled') = 'true')
from (select unnest(from_json(j->'devices', '["json"]')) as d from chunk) group by 1
"""

_TOMBSTONES = f"""
insert into deletions select {_WHO}, lower({_text("id")}), lower({_text("email")}) from chunk where {GONE}
"""

_PROFILE_DELETES = f"""
insert into deletions
select {_WHO}, lower({_text("person_id")}), lower({_text("email")})
from chunk where (j->>'type') = 'profile_delete'
"""

_ACTIVITIES = f"""
insert into volumes
select 'activities', kind, name, {_MONTH.format(at="moment")}, count(*), min(moment), max(moment)
from (
  select coalesce(j->>'type', '') as kind, try_cast(j->>'timestamp' as bigint) as moment,
         case when (j->>'type') in ('event', 'screen') then coalesce(j->>'name', '') else '' end as name
  from chunk
) group by all
"""

_ACTIVE = f"""
insert into signs
select {_WHO}, max(try_cast(j->>'timestamp' as bigint))
from chunk
where (j->>'cio_id') is not null
  and ((j->>'type') in ('event', 'page', 'screen') or starts_with(j->>'type', 'clicked_'))
group by 1
"""

_DELIVERIES = f"""
insert into volumes
select 'deliveries', kind, '', {_MONTH.format(at="moment")}, count(*), min(moment), max(moment)
from (select coalesce(j->>'type', '') as kind, try_cast(j->>'created' as bigint) as moment from chunk)
group by all
"""

# Not `opened`: mail programs open messages by themselves.
_CLICKED = f"""
insert into signs
select {_WHO}, max(greatest(
  try_cast(j->>'$.metrics.clicked' as bigint), try_cast(j->>'$.metrics.converted' as bigint)
))
from chunk
where (j->>'cio_id') is not null
  and ((j->'$.metrics.clicked') is not null or (j->'$.metrics.converted') is not null)
group by 1
"""

_REDACTIONS = """
insert into redactions
select coalesce(j->>'type', ''), count(*), count(*) filter ((j->>'forgotten') = 'true') from chunk group by 1
"""

_RELATED = """
insert into related
select '{stream}', coalesce(j->>'object_type_id', ''), count(*) from chunk group by all
"""

_MEMBERS = "insert into members select j->>'segment_id', count(*) from chunk group by 1"

_UNREAD = """
insert into unread select j->>'subject', j->>'status', coalesce(j->>'reason', '')
from chunk where (j->>'status') <> 'complete'
"""

_TYPE = "coalesce(j->>'object_type_slug', j->>'object_type_id', '')"
_NAMED_EVENT = """
case when (j->>'type') = 'page' then 'page:'
     when (j->>'type') in ('event', 'screen') then (j->>'type') || ':' || coalesce(j->>'name', '') end
"""


def _documents(stream: str) -> Reading:
    """Records that people rebuild by hand: kept by name and state."""
    return Reading(
        bag=None,
        facts=(
            f"""
            insert into documents
            select '{stream}', j->>'id', coalesce(j->>'name', ''), coalesce(j->>'type', ''),
                   coalesce(j->>'state', case when (j->>'sent_at') is not null then 'sent' end, ''),
                   coalesce(j->>'slug', ''), nullif(j->>'conditions', '{{}}')
            from chunk where not {GONE}
            """,
        ),
    )


DOCUMENTS = {
    "campaigns": "Campaigns",
    "campaign_actions": "Actions of campaigns",
    "newsletters": "Newsletters",
    "broadcasts": "API-triggered broadcasts",
    "broadcast_actions": "Actions of broadcasts",
    "transactional_messages": "Transactional templates",
    "newsletter_contents": "Newsletter contents",
    "transactional_contents": "Transactional contents",
    "design_studio_emails": "Design Studio emails",
    "design_studio_components": "Design Studio components",
    "snippets": "Snippets",
    "collections": "Collections",
}

READINGS: dict[str, Reading] = {
    "people": Reading(
        f"case when not {GONE} then j->'attributes' end",
        facts=(_PERSONS, _DEVICES, _TOMBSTONES),
    ),
    "objects": Reading("j->'attributes'", _TYPE, (_RELATED.format(stream="objects"),)),
    "relationships": Reading("j->'attributes'", _TYPE, (_RELATED.format(stream="relationships"),)),
    "activities": Reading("j->'data'", _NAMED_EVENT, (_ACTIVITIES, _ACTIVE, _PROFILE_DELETES)),
    "deliveries": Reading(None, facts=(_DELIVERIES, _CLICKED, _REDACTIONS)),
    "segment_memberships": Reading(None, facts=(_MEMBERS,)),
    "completeness": Reading(None, facts=(_UNREAD,)),
    **{stream: _documents(stream) for stream in ("segments", "object_types", *DOCUMENTS)},
    **{
        stream: Reading(None)
        for stream in (
            "workspaces", "subscription_preferences", "sender_identities", "collection_rows",
            "design_studio_folders", "campaign_metrics", "journey_metrics", "newsletter_test_groups",
            "newsletter_metrics", "broadcast_triggers", "broadcast_errors", "broadcast_metrics",
            "transactional_metrics", "reporting_webhooks", "exports", "archived_messages",
        )
    },
}  # fmt: skip


def statements(reading: Reading, seen: tuple[str, ...]) -> list[str]:
    """The statements of a stream; `seen` are the attributes that say when a person was last active."""
    paths = [_path(attribute) for attribute in seen]
    return [fact.replace("{seen}", "".join(f", {path}" for path in paths)) for fact in reading.facts]


def _path(attribute: str) -> str:
    """The path of an attribute as an SQL string."""
    quoted = attribute.replace("\\", "\\\\").replace('"', '\\"').replace("'", "''")
    return f"'$.attributes.\"{quoted}\"'"
