"""Data-warehouse files, written as the vendor does: each set has what changed since the one before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from itertools import chain
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import reply
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import JSON, Row, Store, dump, parse

# Columns by table, from the vendor's documentation of its data-warehouse syncs. `int`, `str`, `bool`, or
# `time`: whole seconds in the fourth generation of files, timestamps in the fifth.
TABLES: dict[str, dict[str, str]] = {
    "people": {
        "workspace_id": "int", "customer_id": "str", "internal_customer_id": "str", "deleted": "bool",
        "suppressed": "bool", "created_at": "time", "updated_at": "time", "email_addr": "str",
    },
    "attributes": {
        "workspace_id": "int", "internal_customer_id": "str", "attribute_name": "str",
        "attribute_value": "str", "timestamp": "time",
    },
    "deliveries": {
        "workspace_id": "int", "delivery_id": "str", "internal_customer_id": "str", "subject_id": "str",
        "event_id": "str", "delivery_type": "str", "campaign_id": "int", "action_id": "int",
        "newsletter_id": "int", "content_id": "int", "trigger_id": "int", "created_at": "time",
        "transactional_message_id": "int", "seq_num": "int",
    },
    "metrics": {
        "event_id": "str", "workspace_id": "int", "delivery_id": "str", "metric": "str", "reason": "str",
        "link_id": "int", "link_url": "str", "created_at": "time", "seq_num": "int",
    },
    "delivery_content": {
        "workspace_id": "int", "delivery_id": "str", "campaign_id": "int", "action_id": "int",
        "newsletter_id": "int", "content_id": "int", "from": "str", "reply_to": "str", "bcc": "str",
        "recipient": "str", "subject": "str", "body": "str", "body_amp": "str", "body_plain": "str",
        "preheader": "str", "url": "str", "method": "str", "headers": "str", "type": "str",
    },
    "subjects": {
        "workspace_id": "int", "subject_name": "str", "internal_customer_id": "str", "campaign_type": "str",
        "campaign_id": "int", "event_id": "str", "trigger_id": "int", "started_campaign_at": "time",
        "created_at": "time", "seq_num": "int",
    },
    "outputs": {
        "workspace_id": "int", "output_id": "str", "subject_name": "str", "output_type": "str",
        "action_id": "int", "explanation": "str", "delivery_id": "str", "draft": "bool",
        "link_tracked": "bool", "split_test_index": "int", "delay_ends_at": "time", "branch_index": "int",
        "manual_segment_id": "int", "add_to_manual_segment": "bool", "created_at": "time", "seq_num": "int",
    },
}  # fmt: skip
_FAILED = {"failed", "bounced", "dropped", "undeliverable"}
# What the App API adds to metrics and the files do not have.
_API_ONLY = ("created", "human_", "prefetch_")


class Warehouse:
    """Writes files of the workspace as it is now into a folder of this machine."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._written: dict[tuple[str, str], bytes] = {}
        self._sequence: defaultdict[int, int] = defaultdict(int)

    def routes(self) -> list[Route]:
        """The route; it needs no key, as all below `/_sandbox`."""
        return [Route("/_sandbox/warehouse", self.write, methods=["POST"])]

    async def write(self, request: Request) -> Response:
        """`{path, generation}`: write one more set of files, and answer with their names."""
        asked = msgspec.json.decode(await request.body())
        folder, generation = Path(asked["path"]), int(asked.get("generation", 5))
        folder.mkdir(parents=True, exist_ok=True)
        workspace = (self.store.documents("workspaces") or [{"id": 1}])[0]["id"]
        sequence = self._sequence[generation] = self._sequence[generation] + 1
        names = []
        for table, rows in self._tables(workspace):
            if fresh := [row for key, row in rows if self._is_fresh(table, key, row)]:
                names.append(f"{table}_v{generation}_{workspace}_{sequence}.parquet")
                write_file(folder / names[-1], table, fresh, generation)
        return reply({"files": names})

    def _is_fresh(self, table: str, key: str, row: JSON) -> bool:
        hash = blake2b(msgspec.json.encode(row), digest_size=16).digest()
        before, self._written[table, key] = self._written.get((table, key)), hash
        return before != hash

    def _tables(self, workspace: int) -> Iterator[tuple[str, Iterator[tuple[str, JSON]]]]:
        yield "people", self._people(workspace)
        yield "attributes", self._attributes(workspace)
        deliveries = self.store.rows("SELECT * FROM deliveries ORDER BY n")
        for table, make in (
            ("deliveries", _delivery), ("metrics", _metrics), ("delivery_content", _content),
            ("subjects", _subject), ("outputs", _outputs),
        ):  # fmt: skip
            made = chain.from_iterable(map(make, deliveries))
            yield table, ((key, {"workspace_id": workspace, **row}) for key, row in made)

    def _people(self, workspace: int) -> Iterator[tuple[str, JSON]]:
        here = set()
        for row in self.store.rows("SELECT * FROM people ORDER BY n"):
            here.add(row["cio_id"])
            moments = parse(row["timestamps"]).values()
            yield row["cio_id"], self._person(workspace, row, max(moments, default=self.settings.now))
        for cio_id in sorted({key for table, key in self._written if table == "people"} - here):
            suppressed = self.store.row("SELECT 1 FROM suppressed WHERE value = ?", (cio_id,))
            deleted = self.store.row(
                "SELECT timestamp FROM activities WHERE type = 'profile_delete' AND cio_id = ?", (cio_id,)
            )
            yield cio_id, {
                "workspace_id": workspace, "customer_id": None, "internal_customer_id": cio_id,
                "deleted": True, "suppressed": suppressed is not None, "created_at": None,
                "updated_at": deleted["timestamp"] if deleted else self.settings.now, "email_addr": None,
            }  # fmt: skip

    def _person(self, workspace: int, row: Row, moment: int) -> JSON:
        return {
            "workspace_id": workspace, "customer_id": row["id"], "internal_customer_id": row["cio_id"],
            "deleted": False, "suppressed": False, "created_at": None, "updated_at": moment,
            "email_addr": row["email"],
        }  # fmt: skip

    def _attributes(self, workspace: int) -> Iterator[tuple[str, JSON]]:
        here = set()
        for row in self.store.rows("SELECT * FROM people ORDER BY n"):
            moments = parse(row["timestamps"])
            for name, value in parse(row["attributes"]).items():
                here.add(key := f"{row['cio_id']} {name}")
                yield key, {
                    "workspace_id": workspace, "internal_customer_id": row["cio_id"], "attribute_name": name,
                    "attribute_value": value if isinstance(value, str) else dump(value),
                    "timestamp": moments.get(name),
                }  # fmt: skip
        for key in sorted({key for table, key in self._written if table == "attributes"} - here):
            cio_id, name = key.split(" ", 1)
            yield key, {
                "workspace_id": workspace, "internal_customer_id": cio_id, "attribute_name": name,
                "attribute_value": None, "timestamp": self.settings.now,
            }  # fmt: skip


def write_file(path: Path, table: str, rows: list[JSON], generation: int) -> None:
    """Write rows of a table as Parquet, in the types of that generation of files."""
    import pyarrow as pa  # an extra that only this needs
    import pyarrow.parquet as pq

    times = pa.int64() if generation < 5 else pa.timestamp("ms", tz="UTC")
    types = {"int": pa.int64(), "str": pa.string(), "bool": pa.bool_(), "time": times}
    schema = pa.schema([(name, types[kind]) for name, kind in TABLES[table].items()])
    if generation >= 5:
        moments = [name for name, kind in TABLES[table].items() if kind == "time"]
        rows = [
            row | {name: row[name] * 1000 for name in moments if row.get(name) is not None} for row in rows
        ]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def _delivery(row: Row) -> Iterator[tuple[str, JSON]]:
    body = parse(row["body"])
    yield row["id"], {
        "delivery_id": row["id"], "internal_customer_id": row["cio_id"], "delivery_type": row["type"],
        "subject_id": f"subject {row['id']}", "event_id": body.get("trigger_event_id"),
        # A broadcast's runs have a trigger; the broadcast stands where campaigns do.
        "campaign_id": row["campaign_id"] or row["broadcast_id"],
        "trigger_id": 1 if row["broadcast_id"] else None,
        "action_id": row["action_id"], "newsletter_id": row["newsletter_id"],
        "content_id": body.get("content_id"), "created_at": row["created"],
        "transactional_message_id": row["transactional_message_id"], "seq_num": row["n"],
    }  # fmt: skip


def _metrics(row: Row) -> Iterator[tuple[str, JSON]]:
    reason = parse(row["body"]).get("failure_message")
    for metric, moment in parse(row["metrics"]).items():
        if not metric.startswith(_API_ONLY):
            key = f"{row['id']} {metric}"
            yield key, {
                "event_id": key, "delivery_id": row["id"], "metric": metric,
                "reason": reason if metric in _FAILED else None, "created_at": moment, "seq_num": row["n"],
            }  # fmt: skip


def _content(row: Row) -> Iterator[tuple[str, JSON]]:
    body = parse(row["body"])
    if body.get("forgotten"):
        return
    yield row["id"], {
        "delivery_id": row["id"], "type": row["type"], "campaign_id": row["campaign_id"],
        "action_id": row["action_id"], "newsletter_id": row["newsletter_id"],
        "content_id": body.get("content_id"), "from": "News <news@example.com>", "reply_to": "",
        "recipient": body.get("recipient") or "", "subject": body.get("subject") or "",
        "body": f"<p>{body.get('subject') or 'Hello'}</p>", "body_plain": body.get("subject") or "Hello",
    }  # fmt: skip


def _subject(row: Row) -> Iterator[tuple[str, JSON]]:
    if row["campaign_id"]:
        yield row["id"], {
            "subject_name": f"subject {row['id']}", "internal_customer_id": row["cio_id"],
            "campaign_type": "event", "campaign_id": row["campaign_id"],
            "started_campaign_at": row["created"] - 3600, "created_at": row["created"] - 3600,
            "seq_num": row["n"],
        }  # fmt: skip


def _outputs(row: Row) -> Iterator[tuple[str, JSON]]:
    """An hour's wait, then the delivery."""
    if row["campaign_id"]:
        common = {"subject_name": f"subject {row['id']}", "draft": False, "seq_num": row["n"]}
        yield f"{row['id']} 1", common | {
            "output_id": f"{row['id']} 1", "output_type": "delay", "action_id": None,
            "delay_ends_at": row["created"], "created_at": row["created"] - 3600,
        }  # fmt: skip
        yield f"{row['id']} 2", common | {
            "output_id": f"{row['id']} 2", "output_type": row["type"], "action_id": row["action_id"],
            "delivery_id": row["id"], "created_at": row["created"],
        }  # fmt: skip
