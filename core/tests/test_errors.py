"""What a person reads where something outside of us is wrong: one line and what to do, no traceback."""

from __future__ import annotations

import pytest

from crmlift import commands
from crmlift.errors import ConfigError, InputError
from crmlift.ledger import Ledger
from crmlift.mapping.load import parse_mapping
from crmlift.part import Part
from crmlift.rehearse.sample import Choice, draw


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "Could not parse SQLAlchemy URL"),
        ("oracle+nothing://owner:test-key@crm.example.com/x", "Can't load plugin"),
    ],
)
def test_a_ledger_that_cannot_be_opened_is_told_without_its_url(url, reason):
    with pytest.raises(ConfigError, match=reason) as refused:
        Ledger(url, destination="crm", workspace="test")
    assert refused.value.hint == "Look at ledger_url."
    assert "test-key" not in str(refused.value)


def test_a_file_that_is_no_ledger_is_named_as_such(tmp_path):
    file = tmp_path / "ledger.db"
    file.write_text("a letter, and not a database at all")
    with pytest.raises(ConfigError, match="file is not a database"):
        Ledger(f"sqlite:///{file}", destination="crm", workspace="test")


def test_a_closed_disk_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").touch()

    def main(**_arguments):
        (tmp_path / "file" / "below").mkdir()

    monkeypatch.setattr(commands, "cli", main)
    monkeypatch.setattr(commands.signal, "signal", lambda *_arguments: None)
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Error: [Errno 20] Not a directory: ")
    assert second == "Is there room, and may you read and write there?"


class Facts(Part):
    number: int


def test_a_file_of_another_release_says_how_it_is_made_again(tmp_path):
    file = tmp_path / "facts.json"
    file.write_text('{"number": 1, "older": 2}')
    with pytest.raises(ConfigError, match=r"facts\.json cannot be read\. Make it again: `crmlift scope`\."):
        Facts.from_file(file, again="crmlift scope")


@pytest.mark.parametrize("line", ["trait,value", "[1]", "1"])
def test_a_rehearsal_of_what_no_tap_wrote_names_the_line(tmp_path, line, bench):
    file = tmp_path / "messages.jsonl"
    file.write_text(f'{{"type": "STATE", "value": {{}}}}\n{line}\n')
    with pytest.raises(InputError, match="Line 2 of the input is no message of a tap"):
        draw(file, parse_mapping(bench.mapping), Choice(5, None, (), 0))
