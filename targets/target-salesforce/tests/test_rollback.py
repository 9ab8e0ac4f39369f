"""Undoing a load: children first, and nothing of others goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmlift.rollback import roll_back
from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import Workspace
from target_salesforce.target import TargetSalesforce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Org

LONG_AGO = "2019-05-04"


@pytest.fixture
def own(org: Org) -> Iterator[Org]:
    """A sandbox of its own: what others hung on our records stays for good."""
    with serve("target_salesforce.sandbox:create_app") as server:
        yield type(org)(server)


@pytest.fixture
def migration(own: Org, tmp_path: Path) -> Migration:
    made = Migration(TargetSalesforce, own.server, tmp_path, {})
    made.load(Workspace(20))
    return made


def kept(migration: Migration, *, dry_run: bool) -> dict[tuple[str, str], str]:
    with migration.ledger() as ledger, migration.crm() as crm:
        undone = roll_back(ledger, crm, ledger.runs.all()[-1]["id"], dry_run=dry_run)
        return {(one.entity, one.key): one.reason for one in undone.kept}


def test_what_others_hung_on_our_records_is_counted_and_stays(own: Org, migration: Migration) -> None:
    with migration.crm() as crm:
        (account,) = crm.find("account", ["co0000"]).values()
        key, person = next(iter(crm.find("contact", ["0f000002", "0f000005"]).items()))
        lead_key, lead = next(iter(crm.find("lead", ["0f000000"]).items()))
    old = {"WhoId": person, "Subject": "Called", "Status": "Completed", "ActivityDate": LONG_AGO}
    seeded = own.server.post(
        "/_sandbox/seed",
        {
            "Contact": [{"LastName": "Theirs", "AccountId": account}] * 2,
            # Archived: only queryAll sees it.
            "Task": [old],
            "Event": [{"WhoId": lead, "Subject": "Lunch", "DurationInMinutes": 60, "ActivityDate": LONG_AGO}],
        },
    )
    words = "{} records that are not ours would be deleted along".format
    expected = {
        ("account", "co0000"): words(2),
        ("contact", key): words(1),
        ("lead", lead_key): words(1),
    }
    assert kept(migration, dry_run=True) == expected
    # The kept contact still stands below its account, wherever that is.
    real = kept(migration, dry_run=False)
    assert expected.items() <= real.items()
    assert set(real.values()) - set(expected.values()) <= {"the CRM refused to delete it: has_children"}
    for sobject, ids in seeded.items():
        where = ", ".join(f"'{id_}'" for id_ in ids)
        rows = own.query(f"SELECT IsDeleted FROM {sobject} WHERE Id IN ({where})", "queryAll")
        assert [row["IsDeleted"] for row in rows] == [False] * len(ids)


def test_children_go_before_their_parents(own: Org, migration: Migration) -> None:
    assert kept(migration, dry_run=True) == {}
    assert kept(migration, dry_run=False) == {}
    for sobject in ("Task", "CampaignMember", "Campaign", "Contact", "Lead", "Account"):
        field = "Campaign.cio_key__c" if sobject == "CampaignMember" else "cio_key__c"
        assert own.query(f"SELECT Id FROM {sobject} WHERE {field} LIKE 'conformance:%'") == []
