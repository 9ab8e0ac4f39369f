"""What Odoo does to values and says about errors: the sandbox and a real Odoo 19 must do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Odoo


QUIET = {"tracking_disable": True, "tz": "UTC", "lang": "en_US", "active_test": False}


def create(odoo: Odoo, **values: Any) -> tuple[int, Any]:
    return odoo.raw("res.partner", "create", vals_list=[values], context=QUIET)


def read(odoo: Odoo, id_: int, *fields: str) -> dict[str, Any]:
    row: dict[str, Any] = odoo.raw("res.partner", "read", ids=[id_], fields=list(fields), context=QUIET)[1][0]
    return {name: row[name] for name in fields}


@pytest.mark.parametrize(
    ("field", "given", "held"),
    [
        ("website", "kid.example.com", "http://kid.example.com"),
        ("website", "kid.example.com/a?b=1", "http://kid.example.com/a?b=1"),
        ("website", "kid.example.com:8080", "http://kid.example.com:8080"),
        ("website", "HTTPS://kid.example.com", "HTTPS://kid.example.com"),
        ("comment", "a < b", "<span>a &lt; b</span>"),
        ("comment", "<p>x</p>", "<p>x</p>"),
        ("email", "Ann <ANN@Example.com>", "Ann <ANN@Example.com>"),
        ("color", 1.7, 1),
        ("color", None, 0),
        ("is_company", "false", True),
        ("lang", "xx_XX", "xx_XX"),
        ("function", {"a": 1}, "{'a': 1}"),
        ("create_date", "2001-01-01 00:00:00", None),
    ],
)
def test_values_are_changed_in_silence(odoo: Odoo, field: str, given: Any, held: Any) -> None:
    status, ids = create(odoo, name="Quirk", **{field: given})
    assert status == 200, ids
    found = read(odoo, ids[0], field)[field]
    if field == "create_date":
        assert found > "2020"
    else:
        assert found == held


@pytest.mark.parametrize(
    ("values", "status", "name"),
    [
        ({"name": "x", "no_such": 1}, 500, "builtins.ValueError"),
        ({"name": "x", "tz": "Mars/Base"}, 500, "builtins.ValueError"),
        ({"name": "x", "color": 2**31}, 500, "psycopg2.errors.NumericValueOutOfRange"),
        ({"name": "x", "color": "red"}, 500, "builtins.ValueError"),
        ({"name": "nul \0"}, 500, "builtins.ValueError"),
        ({"name": None}, 422, "odoo.exceptions.ValidationError"),
        ({"name": "x", "country_id": 99_999_999}, 422, "odoo.exceptions.ValidationError"),
        ({"name": "x", "parent_id": 99_999_999}, 404, "odoo.exceptions.MissingError"),
        ({"name": "x", "category_id": [[4, 99_999_999]]}, 422, "odoo.exceptions.ValidationError"),
    ],
)
def test_bad_values_have_their_own_errors(odoo: Odoo, values: dict[str, Any], status: int, name: str) -> None:
    assert (lambda answer: (answer[0], answer[1]["name"]))(create(odoo, **values)) == (status, name)


@pytest.mark.parametrize(
    ("model", "method", "body", "status", "name"),
    [
        ("no.model", "search", {"domain": []}, 404, "werkzeug.exceptions.NotFound"),
        ("res.partner", "no_method", {}, 404, "werkzeug.exceptions.NotFound"),
        ("res.partner", "create", {"values": []}, 422, "werkzeug.exceptions.UnprocessableEntity"),
        (
            "res.partner",
            "write",
            {"ids": [99_999_999], "vals": {"name": "x"}},
            404,
            "odoo.exceptions.MissingError",
        ),
        ("res.partner", "unlink", {"ids": [99_999_999]}, 404, "odoo.exceptions.MissingError"),
        ("res.partner", "search", {"domain": [["no_such", "=", 1]]}, 500, "builtins.ValueError"),
        ("res.partner", "load", {"fields": ["no_such"], "data": [["x"]]}, 500, "builtins.ValueError"),
    ],
)
def test_bad_calls_have_their_own_errors(
    odoo: Odoo, model: str, method: str, body: dict[str, Any], status: int, name: str
) -> None:
    answer = odoo.raw(model, method, **body)
    assert (answer[0], answer[1]["name"]) == (status, name)


def test_an_empty_cell_of_load_undoes_a_default(odoo: Odoo, workspace: str) -> None:
    fields = ["id", "name", "active", "lang", "tz"]
    answer = odoo.raw(
        "res.partner", "load", fields=fields, data=[[f"__cio__.{workspace}", "x", "", "", ""]], context=QUIET
    )
    assert read(odoo, answer[1]["ids"][0], "active", "lang", "tz") == {
        "active": False,
        "lang": False,
        "tz": False,
    }


def test_a_context_with_a_zone_becomes_the_zone_of_new_contacts(odoo: Odoo) -> None:
    """Why `load` gives language and zone as empty cells: they are our own calls', not the person's."""
    ids = create(odoo, name="x")[1]
    assert read(odoo, ids[0], "lang", "tz") == {"lang": "en_US", "tz": "UTC"}


def test_load_names_bad_rows_and_writes_none(odoo: Odoo, workspace: str) -> None:
    rows = [[f"__cio__.{workspace}-{n}", f"P{n}", "contact"] for n in range(20)]
    rows[5][2] = "no such type"
    rows[7][2] = "neither"
    answer = odoo.raw("res.partner", "load", fields=["id", "name", "type"], data=rows, context=QUIET)[1]
    assert answer["ids"] is False
    assert [message["record"] for message in answer["messages"]] == [5, 7]
    assert [message["field"] for message in answer["messages"]] == ["type", "type"]
    found = odoo.raw("ir.model.data", "search_count", domain=[["name", "=like", f"{workspace}-%"]])[1]
    assert found == 0


def test_load_blames_the_first_row_too_when_a_later_one_breaks_a_rule(odoo: Odoo, workspace: str) -> None:
    one = odoo.id("res.partner", name="One", is_company=True)
    rows = [[f"__cio__.{workspace}-{n}", f"P{n}", ""] for n in range(3)]
    odoo.raw("res.partner", "load", fields=["id", "name", "parent_id/.id"], data=rows, context=QUIET)
    mine = odoo.raw(
        "ir.model.data", "search_read", domain=[["name", "=", f"{workspace}-2"]], fields=["res_id"]
    )
    rows[0][2] = rows[1][2] = str(one)
    rows[2][2] = str(mine[1][0]["res_id"])  # its own parent
    answer = odoo.raw(
        "res.partner", "load", fields=["id", "name", "parent_id/.id"], data=rows, context=QUIET
    )[1]
    assert answer["ids"] is False
    assert [message["record"] for message in answer["messages"]] == [0, 2]


def test_a_parent_overwrites_the_address_of_a_contact_but_not_of_another_kind(odoo: Odoo) -> None:
    company = odoo.id("res.partner", name="Acme", is_company=True, street="Main Street 1", city="Ghent")
    contact = odoo.id("res.partner", name="Ann", street="Home 2", city="Bruges")
    other = odoo.id("res.partner", name="Bo", street="Home 3", city="Bruges")
    odoo.raw("res.partner", "write", ids=[contact], vals={"parent_id": company}, context=QUIET)
    odoo.raw("res.partner", "write", ids=[other], vals={"parent_id": company, "type": "other"}, context=QUIET)
    assert read(odoo, contact, "street", "city") == {"street": "Main Street 1", "city": "Ghent"}
    assert read(odoo, other, "street", "city") == {"street": "Home 3", "city": "Bruges"}
    odoo.raw("res.partner", "write", ids=[contact], vals={"city": "Antwerp"}, context=QUIET)
    assert read(odoo, company, "city") == {"city": "Antwerp"}


def test_a_company_without_an_address_takes_its_first_contacts(odoo: Odoo) -> None:
    company = odoo.id("res.partner", name="Acme", is_company=True)
    odoo.id("res.partner", name="Ann", city="Bruges", parent_id=company)
    assert read(odoo, company, "city") == {"city": "Bruges"}


def test_deleting_a_company_leaves_its_people(odoo: Odoo) -> None:
    company = odoo.id("res.partner", name="Acme", is_company=True)
    person = odoo.id("res.partner", name="Ann", type="other", parent_id=company)
    odoo.raw("res.partner", "unlink", ids=[company])
    assert read(odoo, person, "parent_id") == {"parent_id": False}


def test_archived_records_hide_from_plain_searches(odoo: Odoo) -> None:
    person = odoo.id("res.partner", name="Gone", active=False)
    domain = [["id", "=", person]]
    assert odoo.raw("res.partner", "search", domain=domain)[1] == []
    assert odoo.raw("res.partner", "search", domain=domain, context=QUIET)[1] == [person]
    assert odoo.raw("res.partner", "search", domain=[*domain, ["active", "in", [True, False]]])[1] == [person]


def test_like_patterns_take_wildcards_and_escapes(odoo: Odoo, workspace: str) -> None:
    rows = [[f"__cio__.{workspace}:{name}", "x"] for name in ("a_b:1", "axb:1", "a_b:2")]
    odoo.raw("res.partner", "load", fields=["id", "name"], data=rows, context=QUIET)
    pattern = f"{workspace}:a\\_b:%".replace("test_", "test\\_")
    found = odoo.raw("ir.model.data", "search_read", domain=[["name", "=like", pattern]], fields=["name"])[1]
    assert sorted(row["name"] for row in found) == [f"{workspace}:a_b:1", f"{workspace}:a_b:2"]


@pytest.mark.parametrize(
    ("name", "ttype", "text"),
    [
        ("plan", "char", "Custom fields must have a name that starts with 'x_'!"),
        (
            "x_" + "a" * 62,
            "char",
            "Field names can only contain characters, digits and underscores (up to 63).",
        ),
        ("x_no-good", "char", "Field names can only contain characters, digits and underscores (up to 63)."),
    ],
)
def test_field_names_have_rules(odoo: Odoo, name: str, ttype: str, text: str) -> None:
    model = odoo.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    vals = {"model_id": model, "name": name, "field_description": "x", "ttype": ttype, "state": "manual"}
    status, error = odoo.raw("ir.model.fields", "create", vals_list=[vals])
    assert status == 422
    assert text in error["message"]
