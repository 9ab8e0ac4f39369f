"""The Singer glue: one test per override point of the SDK, and the message of each kind of bad input."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crmlift.errors import ConfigError, InputError
from crmlift.mapping.approval import approve
from crmlift.singer.target import CrmTarget, settings
from crmlift.testing.memory import MemoryCrm

MAPPING = """
destination: memory
workspace: demo
streams:
  people:
    - entity: person
      key: id
      fields: {name: name, email: email}
"""


class MemoryTarget(CrmTarget):
    """A target over a CRM in memory."""

    name = "target-memory"
    config_jsonschema = settings("memory")
    crm = MemoryCrm()

    @classmethod
    def destination(cls, config: Any, workspace: str) -> MemoryCrm:
        return cls.crm


SCHEMA = {
    "type": "SCHEMA",
    "stream": "people",
    "schema": {"properties": {"id": {"type": "string"}, "name": {"type": ["string", "null"]}}},
    "key_properties": ["id"],
}


def record(key: str, **more: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "people", "record": {"id": key, "name": key.upper(), **more}}


def state(value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(MemoryTarget, "crm", MemoryCrm())
    mapping = tmp_path / "crmlift" / "memory.yml"
    mapping.parent.mkdir()
    mapping.write_text(MAPPING)
    approve(mapping, by="tester")
    return tmp_path


def listen(*messages: dict[str, Any] | str, **config: Any) -> None:
    lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    MemoryTarget(config=config).listen(io.BytesIO("\n".join(lines).encode()))


def names() -> list[str]:
    return [row["name"] for row in MemoryTarget.crm.rows["person"].values()]


def test_records_arrive_and_the_last_state_leaves(project, capsys):
    listen(SCHEMA, record("a"), state({"n": 1}), record("b"), state({"n": 2}))
    assert names() == ["A", "B"]
    assert capsys.readouterr().out.splitlines() == ['{"n": 2}']


def test_cycles_are_looked_for_less_often_only_while_records_stream(project, monkeypatch):
    before, while_reading = gc.get_threshold(), []
    create = MemoryCrm.create
    monkeypatch.setattr(
        MemoryCrm, "create", lambda *rows: while_reading.append(gc.get_threshold()) or create(*rows)
    )
    with pytest.raises(InputError):
        listen(SCHEMA, record("a"), "no message")
    assert while_reading[0] > before
    assert gc.get_threshold() == before


def test_state_without_records_leaves_at_once(project, capsys):
    listen(state({"n": 1}))
    assert capsys.readouterr().out == '{"n": 1}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "Line 4 of the input: it is not JSON, so the tap's output is broken or was cut off."),
        ("[1]", "Line 4 of the input: it is no JSON object."),
        ('{"type": "HELLO"}', "Line 4 of the input: is no Singer message: its 'type' is missing or unknown."),
        ('{"type": "RECORD", "stream": "people"}', "Line 4 of the input: the RECORD message lacks 'record'."),
        (
            json.dumps({"type": "RECORD", "stream": "pets", "record": {}}),
            "Line 4 of the input: A record of stream 'pets' came before its schema.",
        ),
        ('{"type": "BATCH", "stream": "people"}', "Line 4 of the input: BATCH files are not read."),
    ],
)
def test_broken_input_is_named_by_its_line_and_what_came_before_is_safe(project, capsys, line, message):
    with pytest.raises(InputError) as caught:
        listen(SCHEMA, record("a"), state({"n": 1}), line, record("b"), state({"n": 2}))
    assert caught.value.message == message
    assert names() == ["A"]
    assert capsys.readouterr().out == '{"n": 1}\n'


def test_an_error_never_shows_the_content_of_a_line(project):
    with pytest.raises(InputError) as caught:
        listen('{"type": "RECORD", "record": {"email": "person@example.com"')
    assert "person" not in str(caught.value)


def test_what_strict_json_refuses_is_read_as_far_as_a_crm_can_hold_it(project):
    line = '{"type": "RECORD", "stream": "people", "record": {"id": "a", "name": "A\\ud83d", "score": NaN}}'
    listen(SCHEMA, line)
    assert names() == ["A?"]


def test_an_unapproved_mapping_writes_nothing(project):
    (project / "crmlift" / "memory.yml.approved.json").unlink()
    with pytest.raises(
        ConfigError, match=r"is not approved, so nothing was written. Look at it and run `crmlift"
    ):
        listen(SCHEMA, record("a"))
    assert names() == []


def test_an_edited_mapping_writes_nothing(project):
    (project / "crmlift" / "memory.yml").write_text(MAPPING.replace("email: email", "email: name"))
    with pytest.raises(ConfigError, match="was changed after tester approved it, so nothing was written"):
        listen(SCHEMA, record("a"))
    assert names() == []


def test_a_comment_in_the_mapping_needs_no_new_approval(project):
    (project / "crmlift" / "memory.yml").write_text(MAPPING + "# looked at again\n")
    listen(SCHEMA, record("a"))
    assert names() == ["A"]


def test_a_record_against_its_schema_is_set_aside(project):
    listen(SCHEMA, record("a"), {"type": "RECORD", "stream": "people", "record": {"id": "b", "name": 3}})
    assert names() == ["A"]


def test_stream_maps_of_the_sdk_apply(project):
    listen(
        SCHEMA,
        record("a"),
        record("b"),
        stream_maps={"people": {"__filter__": "id != 'a'", "name": "name * 2"}},
    )
    assert names() == ["BB"]


def test_a_record_before_its_schema_is_no_less_an_error_with_stream_maps(project):
    with pytest.raises(InputError, match="came before its schema"):
        listen(record("a"), stream_maps={"people": {"name": "name"}})


def test_rejects_can_fail_the_run(project):
    MemoryTarget.crm.refuses = lambda entity, values: values["name"] == "B"
    with pytest.raises(SystemExit) as caught:
        listen(SCHEMA, record("a"), record("b"), fail_on_rejects=True)
    assert caught.value.code == 3
    assert names() == ["A"]


def test_settings_of_sinks_that_do_not_exist_are_not_offered():
    assert not {"load_method", "batch_size_rows", "add_record_metadata"} & set(
        MemoryTarget.config_jsonschema["properties"]
    )


CHILD = """
import sys
sys.path.insert(0, {folder!r})
from test_target import MemoryTarget
MemoryTarget.cli(["--config", "config.json"])
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_target_settles_what_it_read_and_does_not_look_like_success(project, signum):
    (project / "config.json").write_text("{}")
    code = CHILD.format(folder=str(Path(__file__).parent))
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin
    assert child.stdout
    # A first state that comes back shows that the child listens and is idle.
    for message in (SCHEMA, state({"n": 0})):
        child.stdin.write(json.dumps(message).encode() + b"\n")
    child.stdin.flush()
    assert child.stdout.readline() == b'{"n": 0}\n'
    for message in (record("a"), state({"n": 1})):
        child.stdin.write(json.dumps(message).encode() + b"\n")
    child.stdin.flush()
    os.kill(child.pid, signum)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 128 + signum, err
    assert out in (b"", b'{"n": 1}\n')
