"""The mapping file: what it accepts, how it says what is wrong, and what rows it makes."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from crmlift.batch import Item, join_key, split_key
from crmlift.commands import cli
from crmlift.errors import ConfigError
from crmlift.mapping.approval import approval_path, approve, digest, read_approved, since_approval
from crmlift.mapping.default import write_default
from crmlift.mapping.engine import Engine, Link, Rejected, Row, path_getter
from crmlift.mapping.expression import compile_expression
from crmlift.mapping.load import parse_mapping, read_mapping

HEAD = "destination: memory\nworkspace: demo\nstreams:\n  people:\n    - entity: person\n      key: id\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "mapping:1: this is not YAML: "),
        ("- 1", "mapping: a mapping starts with keys such as 'destination', 'workspace' and 'streams'."),
        (HEAD + "      fieldz: {}\n", "mapping:7: streams.people.0.fieldz: Extra inputs are not permitted."),
        (
            HEAD + "      fields:\n        name: name\n        email: {as: text}\n",
            "mapping:9: streams.people.0.fields.email: "
            "Value error, give exactly one of 'from', 'expr' and 'value'.",
        ),
        (
            HEAD + "      fields:\n        age: {from: age, as: number!}\n",
            "mapping:8: streams.people.0.fields.age.as: Input should be 'text'",
        ),
        (
            HEAD + "      when: scope ==\n",
            "mapping:7: streams.people.0.when: Value error, 'scope ==' is not an expression: invalid syntax",
        ),
        (
            HEAD + "      fields:\n        age: {expr: years(born)}\n",
            "mapping:8: streams.people.0.fields.age.expr: Value error, 'years(born)' calls 'years', "
            "which is none of the functions: count, dict, digest, domain, is_dialable,",
        ),
        (
            HEAD.replace("key: id", "key: [kind, =lower(]"),
            "mapping:6: streams.people.0.key: Value error, 'lower(' is not an expression: ",
        ),
        (HEAD + "skip: {people: no}\n", "stream 'people' stands under both 'streams' and 'skip'"),
        (HEAD.replace("demo", "My Space"), "mapping:2: workspace: String should match pattern"),
    ],
)
def test_an_error_names_line_and_key(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_mapping(text)
    assert message in str(caught.value)


def rows(fields: str, record: dict[str, Any]) -> Row | Rejected:
    engine = Engine(parse_mapping(HEAD + fields))
    (row,) = engine.rows("people", [Item(record, "1", 1)])
    return row


@pytest.mark.parametrize(
    ("field", "record", "expected"),
    [
        ("x: name", {"name": "Ada"}, {"x": "Ada"}),
        ("x: [nick, name]", {"name": "Ada"}, {"x": "Ada"}),
        ("x: [nick, name]", {"nick": "", "name": "Ada"}, {"x": "Ada"}),
        ("x: a.b.c", {"a": {"b": {"c": 1}}}, {"x": 1}),
        ("x: a.b.c", {"a": {"b.c": 2}}, {"x": 2}),
        ("x: a.b", {"a": None}, {}),
        ("x: a.b", {"a": "text"}, {}),
        ("x: {value: 7}", {}, {"x": 7}),
        ("x: {expr: 'upper(name)'}", {"name": "Ada"}, {"x": "ADA"}),
        ("x: {from: name, default: nobody}", {}, {"x": "nobody"}),
        ("x: {from: name, nulls: clear}", {"name": None}, {"x": None}),
        ("x: {from: n, as: integer}", {"n": "12"}, {"x": 12}),
        ("x: {from: n, as: integer}", {"n": "twelve"}, {}),
        ("x: {from: n, as: list}", {"n": []}, {}),
        ("x: {from: n}", {"n": 0}, {"x": 0}),
        ("x: {from: n}", {"n": False}, {"x": False}),
    ],
)
def test_values(field, record, expected):
    row = rows(f"      fields: {{{field}}}\n", {"id": "1", **record})
    assert isinstance(row, Row)
    assert row.values == expected


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("x: {from: n, as: integer, on_error: reject}", "bad_value"),
        ("x: {from: missing, on_missing: reject}", "missing_value"),
    ],
)
def test_a_strict_field_rejects_the_row(field, code):
    row = rows(f"      fields: {{{field}}}\n", {"id": "1", "n": "twelve"})
    assert isinstance(row, Rejected)
    assert (row.refusal.code, row.refusal.field) == (code, "x")
    assert "twelve" not in row.refusal.detail


def test_links_name_entity_and_key():
    row = rows(
        "      links: {boss: {entity: person, key: [team, chief]}}\n", {"id": "1", "team": "a:b", "chief": 7}
    )
    assert isinstance(row, Row)
    assert row.links == {"boss": Link(("person",), ("a%3Ab:7",))}


@pytest.mark.parametrize(
    ("key", "names", "links", "values"),
    [
        ("names", ["a", "b:c", "a"], {"all": Link(("person",), ("a", "b:c"), many=True)}, {}),
        (
            "\"=['x' + one for one in names or []]\"",
            ["a"],
            {"all": Link(("person",), ("xa",), many=True)},
            {},
        ),
        ("names", [], {}, {"all": None}),
        ("names", None, {}, {"all": None}),
    ],
)
def test_a_key_that_is_a_list_links_each_of_its_items(key, names, links, values):
    link = f"{{entity: person, key: {key}, nulls: clear}}"
    row = rows(f"      links: {{all: {link}}}\n", {"id": "1", "names": names})
    assert isinstance(row, Row)
    assert (row.links, row.values) == (links, values)


def test_a_deleted_record_makes_a_row_that_says_so():
    row = rows("      fields: {x: name}\n", {"id": "1", "_sdc_deleted_at": "2026-01-01T00:00:00Z"})
    assert isinstance(row, Row)
    assert row.deleted


@pytest.mark.parametrize("parts", [["a"], ["a", "b"], ["a:b", "c"], ["50%", ":", ""], ["a%3A", "b"]])
def test_joined_keys_split_again(parts):
    assert split_key(join_key(parts)) == parts


def test_a_dot_at_the_end_of_a_flat_name_wins_over_the_nested_one():
    assert path_getter("t.a.b")({"t": {"a.b": 1, "a": {"b": 2}}}) == 1


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("stage in ['lead', 'customer']", {"stage": "lead"}, True),
        ("attributes.plan.name == 'pro'", {"attributes": {"plan": {"name": "pro"}}}, True),
        ("attributes.plan.name == 'pro'", {"attributes": {}}, None),
        ("score > 3", {"score": None}, None),
        ("domain(email) == 'example.org'", {"email": "a+b@Example.org"}, True),
        ("count(channels) > 1", {"channels": ["a", "b"]}, True),
        ("not email", {}, True),
        ("starts(phone, '+49')", {"phone": "+4930"}, True),
    ],
)
def test_expressions(expression, record, expected):
    assert compile_expression(expression)(record) == expected


@pytest.mark.parametrize("expression", ["import os", "a ==", "().__class__", "open('x')"])
def test_expressions_cannot_reach_out(expression):
    with pytest.raises(ConfigError):
        compile_expression(expression)({"a": 1})


def test_the_digest_follows_the_meaning_not_the_layout():
    one = parse_mapping(HEAD + "      fields: {x: name}\n")
    assert digest(one) == digest(
        parse_mapping(HEAD + "      # why\n      fields:\n        x: {from: [name]}\n")
    )
    assert digest(one) != digest(parse_mapping(HEAD + "      fields: {x: names}\n"))


def test_an_approval_says_who_and_when(tmp_path: Path):
    path = tmp_path / "m.yml"
    path.write_text(HEAD)
    given = approve(path, by="ada")
    mapping, read = read_approved(path)
    assert read == given
    assert (mapping.workspace, read.approved_by, read.approved_at.tzinfo is not None) == ("demo", "ada", True)


def test_an_approval_shows_what_changed_since_the_last_one(tmp_path: Path):
    path = tmp_path / "m.yml"
    path.write_text(HEAD + "      fields: {x: name, y: email}\n")
    assert since_approval(path) is None
    approve(path, by="ada")
    assert since_approval(path) == []
    path.write_text(HEAD + "      # why\n      on_delete: archive\n      fields: {x: names, z: phone}\n")
    before = {"from": ["name"]}
    assert [
        (c.where.removeprefix("streams.people[0]."), c.before, c.after) for c in since_approval(path)
    ] == [
        ("fields.x", before, {"from": ["names"]}),
        ("fields.z", None, {"from": ["phone"]}),
        ("on_delete", None, "archive"),
        ("fields.y", {"from": ["email"]}, None),
    ]


def test_approve_prints_the_difference_and_records_it_as_json(tmp_path: Path):
    path = tmp_path / "m.yml"
    path.write_text(HEAD + "      fields: {x: name}\n")
    call = ["approve", "--mapping", str(path), "--by", "ada"]
    assert "There was no approval before." in CliRunner().invoke(cli, call).output
    path.write_text(HEAD + "      fields: {x: names}\n")
    answer = json.loads(CliRunner().invoke(cli, [*call, "--json"]).output)
    assert answer["changes"][0]["after"] == {"from": ["names"]}
    assert (answer["approved_by"], answer["digest"]) == ("ada", digest(read_mapping(path)))
    path.write_text(HEAD + "      fields: {x: name}\n")
    shown = CliRunner().invoke(cli, call).output
    assert '- streams.people[0].fields.x: {"from":["names"]}' in shown
    assert '+ streams.people[0].fields.x: {"from":["name"]}' in shown
    assert "Nothing changed since." in CliRunner().invoke(cli, call).output


def test_an_approval_of_an_older_release_still_counts(tmp_path: Path):
    path = tmp_path / "m.yml"
    path.write_text(HEAD)
    given = approve(path, by="ada")
    approval_path(path).write_text(given.model_dump_json())
    assert read_approved(path)[1].digest == given.digest
    assert since_approval(path) is None


def test_a_default_mapping_is_not_written_over(tmp_path: Path):
    default = tmp_path / "default.yml"
    default.write_text(HEAD + "      # keep this comment\n      fields: {x: name}\n")
    path = tmp_path / "new" / "m.yml"
    write_default(default, path, workspace="acme")
    assert "workspace: acme" in path.read_text()
    assert "# keep this comment" in path.read_text()
    with pytest.raises(ConfigError, match="Give --force to write over it"):
        write_default(default, path, workspace="acme")


def test_the_ledger_is_for_its_owner_only(bench):
    bench.run()
    for file in bench.folder.glob("ledger.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
