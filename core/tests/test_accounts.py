"""Which company a person belongs to, and that there is one account per domain."""

from __future__ import annotations

from typing import Any

import pytest
from records import person

from crmlift.destination import Create
from crmlift.hooks.accounts import Accounts
from crmlift.testing.hooks import MemoryClaims, batch_of


def company(key: str, name: str | None = None, domain: str | None = None, **more: Any) -> dict[str, Any]:
    attributes = {"name": name, "domain": domain}
    return (
        {"cio_object_id": key, "object_type_id": "1", "object_type_slug": "companies"}
        | more
        | {"attributes": attributes}
    )


def who(email: str | None, company: str | None = None, key: str = "p") -> dict[str, Any]:
    return {"cio_id": key, "email": email, "attributes": {"company": company}}


def accounts(*people: dict[str, Any], objects: Any = (), claims: Any = None, **options: Any) -> list[Any]:
    """Return the key of each person's account."""
    claims = claims or MemoryClaims()
    hook = Accounts(**options)
    if objects:
        hook.crmlift_prepare(batch_of("objects", *objects, claims=claims))
    batch = batch_of("people", *people, claims=claims)
    hook.crmlift_prepare(batch)
    found = [item.record["account"] for item in batch.items]
    return [account and account["key"] for account in found]


TWO_OF_A_DOMAIN = [company("1", domain="example.com"), company("2", domain="example.com")]
TWO_OF_A_NAME = [company("1", "Acme"), company("2", "acme")]
LINK = "fill_empty}\n      links: {company: {entity: company, key: account.key}}\n"


@pytest.mark.parametrize(
    ("one", "objects", "options", "expected"),
    [
        (who("ada@example.com"), [], {}, "domain-example.com"),
        (who("ada@mail.example.co.uk"), [], {}, "domain-example.co.uk"),
        (who("ada@gmail.com"), [], {}, None),
        (who("ada@gmail.com"), [], {"not_free_mail": ["gmail.com"]}, "domain-gmail.com"),
        (who("ada@example.com"), [], {"free_mail": ["example.com"]}, None),
        (who("not an address@"), [], {}, None),
        (who(None), [], {}, None),
        (who("ada@example.com"), [company("co1", domain="https://www.example.com/about")], {}, "co1"),
        (who("ada@example.com"), [company("co1", domain="example.com", object_type_slug="venues")], {},
         "domain-example.com"),
        (who("ada@gmail.com"), [company("co1", domain="gmail.com")], {}, None),
        (who("ada@gmail.com", "ACME Inc"), [company("co1", "Acme, Inc.")], {}, "co1"),
        (who("ada@example.com", "ACME Inc"), [company("co1", "Acme, Inc.")], {}, "co1"),
        (who("ada@example.com"), TWO_OF_A_DOMAIN, {}, None),
        (who("ada@example.com", "Acme"), TWO_OF_A_NAME, {"by": ["company"]}, None),
        (who("ada@example.com", "Acme"), [], {"by": ["company"]}, "company-7dd7eea36c357c826d21bc31"),
    ],
)  # fmt: skip
def test_the_account_of_a_person(one, objects, options, expected):
    assert accounts(one, objects=objects, **options) == [expected]


def test_a_domain_has_one_account_and_keeps_the_first_name_that_it_was_given():
    claims = MemoryClaims()
    batch = batch_of("people", who("a@example.com"), who("b@example.com", " Acme  Ltd"), claims=claims)
    Accounts().crmlift_prepare(batch)
    found = [item.record["account"] for item in batch.items]
    same = {"key": "domain-example.com", "name": "Acme Ltd", "domain": "example.com", "by": "domain"}
    assert found == [same | {"derived": True}] * 2
    assert batch.counts == {"account_by_domain": 2}
    later = batch_of("people", who("c@example.com", "ACME Limited"), claims=claims)
    Accounts().crmlift_prepare(later)
    assert later.items[0].record["account"]["name"] == "Acme Ltd"


def test_a_name_alone_leads_to_the_account_of_a_domain_unless_two_domains_have_it():
    claims = MemoryClaims()
    one, two = who("a@example.com", "Acme"), who("b@gmail.com", "ACME")
    assert accounts(one, two, claims=claims) == ["domain-example.com"] * 2
    three = who("c@example.org", "Acme")
    assert accounts(three, two, claims=claims) == ["domain-example.org", None]


def test_an_account_of_a_name_is_written_as_it_was_first():
    claims = MemoryClaims()
    names = []
    for title in ("Acme, Inc.", "ACME Inc"):
        batch = batch_of("people", who("a@gmail.com", title), claims=claims)
        Accounts().crmlift_prepare(batch)
        names.append(batch.items[0].record["account"]["name"])
    assert names == ["Acme, Inc."] * 2


def test_what_is_ambiguous_is_counted():
    claims = MemoryClaims()
    objects = batch_of(
        "objects", company("1", domain="example.com"), company("2", domain="example.com"), claims=claims
    )
    Accounts().crmlift_prepare(objects)
    assert objects.counts == {"ambiguous_accounts": 1}
    people = batch_of("people", who("a@example.com"), who("b@gmail.com"), claims=claims)
    Accounts().crmlift_prepare(people)
    assert people.counts == {"account_ambiguous": 1, "no_account": 1}


def test_the_first_company_of_a_person_is_marked_and_the_others_are_counted():
    claims = MemoryClaims()
    rows = [
        {"object_type_id": "1", "cio_object_id": co, "cio_id": "p", "attributes": {"primary": primary}}
        for co, primary in [("c1", False), ("c2", True), ("c3", None)]
    ]
    batch = batch_of("relationships", *rows, claims=claims)
    Accounts().crmlift_prepare(batch)
    assert [item.record["account"]["first"] for item in batch.items] == [False, True, False]
    assert batch.counts == {"more_companies": 1}


ACCOUNTS = """
    - entity: company
      key: account.key
      when: account.derived
      fields: {name: account.name}
"""


def linked(bench: Any) -> None:
    bench.mapping = (
        bench.mapping.replace("by: [email]}\n", "by: [email]}\n  accounts: {}\n")
        .replace("  people:\n", "  people:\n" + ACCOUNTS.lstrip("\n"))
        .replace(
            "fill_empty}\n", "fill_empty}\n      links: {company: {entity: company, key: account.key}}\n", 1
        )
    )


def company_of(bench: Any, key: str) -> str:
    return str(bench.crm.rows["company"][bench.person(key)["company"]]["name"])


def test_derived_accounts_become_companies_once_and_for_all_runs(bench):
    linked(bench)
    people = [person("p1"), person("p2"), person("p3", email="x@gmail.com")]
    assert bench.run(*people)["company"] == {"created": 1, "unchanged": 1}
    assert company_of(bench, "p1") == company_of(bench, "p2") == "example.com"
    assert "company" not in bench.person("p3")
    assert {name for counter in bench.run(*people).values() for name in counter} == {"unchanged"}


def test_a_link_with_a_policy_of_its_own_goes_along_with_a_new_row_and_takes_no_others_place(bench):
    linked(bench)
    bench.mapping = bench.mapping.replace("key: account.key}}", "key: account.key, write: fill_empty}}")
    assert bench.run(person("p1"))["person"] == {"created": 1}
    assert company_of(bench, "p1") == "example.com"
    (theirs,) = bench.crm.create("company", [Create("theirs", {"name": "Chosen by a user"})])
    bench.person("p1")["company"] = theirs.id
    assert bench.run(person("p1", attributes={"name": "New"}))["person"] == {"updated": 1}
    assert (bench.person("p1")["name"], company_of(bench, "p1")) == ("New", "Chosen by a user")


def test_a_company_that_comes_after_its_people_takes_over_their_account(bench):
    linked(bench)
    bench.run(person("p1"))
    acme = ("objects", company("co1", "Acme", "example.com"))
    assert bench.run(acme)["company"] == {"merged": 1}
    assert company_of(bench, "p1") == "Acme"
    assert len(bench.crm.rows["company"]) == 1
    bench.run(acme, person("p2"))
    assert company_of(bench, "p2") == "Acme"
    assert len(bench.crm.rows["company"]) == 1
