"""Over generated workspaces: whatever hooks do, every person and every field is accounted for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from records import event, member, segment

from conftest import Bench
from crmlift.hooks.names import Names, leaves, unflatten

MAPPING = """
destination: memory
workspace: demo
hooks:
  flatten: {streams: {people: attributes}, separator: _}
  dedupe: {by: [email, {from: phone, as: phone}], KEEP}
  consent: {}
  split: {SPLIT}
  anonymous: {then: ANONYMOUS}
streams:
  people:
    - entity: person
      when: scope in ['contact', 'lead']
      key: cio_id
      fields:
        name: traits.first_name
        email: email
        phone: phone
        plan: traits.subscription_plan
        city: traits.city
        data: {from: traits, write: overwrite}
        at: {from: consent.opted_out, write: keep_true}
  segments: []
  segment_memberships: []
  activities:
    - entity: event
      key: id
      fields: {name: name}
      links: {person: {entity: person, key: cio_id, required: true}}
"""
SPLITS = [
    "preset: lifecycle",
    "preset: email_and_traits, rules: [{scope: hold, email: invalid}]",
    "rules: [{scope: lead, segments: [1]}, {scope: hold, segments: [2]}, {scope: other, when: not email}]",
]
KEEPS = ["keep: first", "keep: latest, keep_from: attributes.created_at", "keep: complete"]
ANONYMOUS = ["hold", "exclude", "mark"]
FIELDS = {"name": ["first_name"], "city": ["city"], "plan": ["subscription", "plan"]}

words = st.sampled_from(["Ada", "Björn", "雪", "a_b", "x"])
attributes = st.fixed_dictionaries(
    {},
    optional={
        "first_name": words,
        "city": words,
        "subscription": st.fixed_dictionaries({}, optional={"plan": words, "seats": st.integers(0, 9)}),
        "subscription_plan": words,
        "lifecycle_stage": st.sampled_from(["lead", "customer", "subscriber"]),
        "created_at": st.integers(1_500_000_000, 1_700_000_000),
        "tags": st.lists(words, max_size=2),
        "nothing": st.none(),
    },
)
people = st.lists(
    st.fixed_dictionaries(
        {
            "email": st.sampled_from([None, "", "a@example.com", "A@example.com", "b@example.com", "c@"]),
            "phone": st.sampled_from([None, "+12125550100", "+1 (212) 555-0100", "+12125550101"]),
            "unsubscribed": st.sampled_from([None, True, False]),
            "attributes": attributes,
        }
    ),
    max_size=8,
)
memberships = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 7)), max_size=8)


# Each example is two runs with a ledger on disk: to make one smaller would take minutes.
@settings(
    max_examples=settings.default.max_examples // 4, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@example(
    people=[
        {"email": "", "phone": "+12125550100", "unsubscribed": False, "attributes": {}},
        {"email": "a@example.com", "phone": "+12125550100", "unsubscribed": False, "attributes": {}},
        {"email": None, "phone": "+12125550100", "unsubscribed": True, "attributes": {}},
    ],
    memberships=[(1, 1)],
    split=SPLITS[2],
    keep=KEEPS[0],
    anonymous="mark",
)
@given(
    people,
    memberships,
    st.sampled_from(SPLITS),
    st.sampled_from(KEEPS),
    st.sampled_from(["hold", "exclude", "mark"]),
)
def test_each_person_is_loaded_held_merged_or_excluded_and_the_counts_add_up(
    people: list[dict[str, Any]], memberships: list[tuple[int, int]], split: str, keep: str, anonymous: str
):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.mapping = MAPPING.replace("SPLIT", split).replace("KEEP", keep).replace("ANONYMOUS", anonymous)
        records = [("people", {"cio_id": f"p{n}"} | person) for n, person in enumerate(people)]
        events = [event(f"e{n}", f"p{n}") for n in range(len(people))]
        members = [member(number, f"p{who}") for number, who in memberships]
        for run in (1, 2):
            bench.run(*records, segment(1), segment(2), *members, *events)
            check(bench, [record for _, record in records], run)


def check(bench: Bench, records: list[dict[str, Any]], run: int) -> None:
    counts = bench.counts.streams.get("people", {})
    with bench.open_ledger() as ledger:
        loaded = ledger.records.known("person", [record["cio_id"] for record in records])
        letters = ledger.letters.all()
        waiting = ledger.waiting.counts()
        owners = ledger.claims.owners("people.row", [record["cio_id"] for record in records])
    left = {letter.source: letter.fate for letter in letters if letter.fate in ("held", "excluded")}
    merged = [letter.source for letter in letters if letter.fate == "merged"]
    assert not loaded.keys() & left.keys()
    assert "person" not in waiting, "nobody waits for a row that never comes"
    # Read is what became rows, was left out, or met no rule because the split gave another scope.
    held, excluded, no_rule = (counts.get(name, 0) for name in ("held", "excluded", "no_rule"))
    assert len(records) == len(loaded) + held + excluded + no_rule
    assert held + excluded == len(left)
    assert counts.get("merged", 0) == len(merged)
    rows = bench.crm.rows["person"]
    groups: dict[str, list[dict[str, Any]]] = {}
    opted_out: dict[str, bool] = {}
    for record in records:
        # Who is the same person as one who is loaded opts that one out, even if nothing else of it is loaded.
        owner = owners[record["cio_id"]]
        opted_out[owner] = opted_out.get(owner, False) or record["unsubscribed"] is True
        if record["cio_id"] in loaded:
            groups.setdefault(str(loaded[record["cio_id"]].crm_id), []).append(record)
    assert groups.keys() == rows.keys()
    for crm_id, group in groups.items():
        check_fields(rows[crm_id], group)
        assert rows[crm_id]["at"] is opted_out[owners[group[0]["cio_id"]]]


def check_fields(row: dict[str, Any], group: list[dict[str, Any]]) -> None:
    """What any record of a row has, the row has; and what was left stays left."""
    for name in ("email", "phone"):
        given = {record[name] for record in group if record[name]}
        assert (row.get(name) in given) is bool(given)
    for name, path in FIELDS.items():
        given = {value for record in group if (value := at(record["attributes"], path))}
        if name == "plan":
            given |= {value for record in group if (value := record["attributes"].get("subscription_plan"))}
        assert (row.get(name) in given) is bool(given)
    assert row["data"] in [flat(record["attributes"]) for record in group]


def flat(attributes: dict[str, Any]) -> dict[str, Any]:
    values = leaves(attributes)
    names = Names("_").of(values)
    assert unflatten({names[p]: v for p, v in values.items()}, {n: p for p, n in names.items()}) == attributes
    return {names[path]: value for path, value in values.items()}


def at(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
