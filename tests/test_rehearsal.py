"""`crmlift rehearse`: into a sandbox with the CRM's own fields, then into the CRM itself and out again."""

from __future__ import annotations

import json
import stat

import pytest


@pytest.fixture
def people() -> int:
    return 60


def test_a_rehearsal_in_a_sandbox_then_in_the_crm_and_out_again(project, crm):
    project.crmlift("propose", "--workspace", "demo")
    first = project.crmlift("rehearse", "--people", "10", "--json").json
    assert first["people"] == 10
    assert first["differing"] == {}
    assert "event" in first["rows"]
    assert first["rows"].keys() & set(crm.people)

    messages = project.folder / ".crmlift" / "rehearsal" / "messages.jsonl"
    page = project.folder / first["page"]
    assert "src=" not in page.read_text()
    assert "this page holds personal data" in page.read_text().lower()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (messages, page)} == {0o600}

    saved = messages.rename(project.folder / "saved.jsonl")
    into_crm = ("rehearse", "--into", "crm", "--people", "5", "--input", str(saved), "--json")
    assert "is not approved" in project.crmlift(*into_crm, ok=False).err
    project.crmlift("approve", "--by", "tester")
    provisioned = project.crmlift("provision", "--json").json
    assert provisioned
    assert not any(field["what_to_do"] for field in provisioned)
    assert project.crmlift("provision", "--json").json == []
    # The sandbox is given what the CRM has by now: links among the fields, too.
    provisioned_rehearsal = ("rehearse", "--people", "10", "--input", str(saved), "--json")
    assert project.crmlift(*provisioned_rehearsal).json["rows"] == first["rows"]
    second = project.crmlift(*into_crm).json
    assert second["differing"] == {}
    assert "crmlift rehearsal" in (project.folder / second["page"]).read_text()

    (undone,) = project.crmlift("rollback", "--yes", "--json").json
    assert undone["kept"] == []
    ours = {entity: number for entity, number in second["rows"].items() if entity not in crm.by_itself}
    assert ours.items() <= undone["deleted"].items()

    with saved.open() as file:
        person = next(message for line in file if (message := json.loads(line))["type"] == "RECORD"
                      and message["stream"] == "people")["record"]["cio_id"]  # fmt: skip
    one = project.crmlift("rehearse", "--into", "crm", "--person", person, "--input", str(saved), "--json")
    assert one.json["people"] == 1
    forgotten = project.crmlift("forget", "--person", person, "--yes", "--json").json
    assert forgotten["erased"]["records"] > 1
    assert "knows nobody" in project.crmlift("forget", "--person", person, "--yes", ok=False).err
