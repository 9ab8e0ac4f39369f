"""The cut-over says in step only when everything is, and the source stood still."""

from __future__ import annotations

from records import EVERYTHING, person

from crmlift.cutover import CutOver, cut_over
from crmlift.mapping.load import parse_mapping
from crmlift.plan.planned_run import PlannedRun
from crmlift.reconcile import reconcile
from crmlift.testing.workspace import KEYS
from crmlift.verify import verify


def judged(bench, *messages):
    """The cut-over after what was loaded, with `messages` read afterwards."""
    with bench.open_ledger() as ledger:
        run = PlannedRun(parse_mapping(bench.mapping), bench.crm, ledger, approved=True)
        for stream, keys in KEYS.items():
            run.pipeline.schema(stream, {"properties": {}}, keys)
        for stream, record in messages:
            run.pipeline.record(stream, dict(record))
        plan = run.finish()
        run.close()
        return cut_over(reconcile(ledger, bench.crm), plan, verify(ledger, bench.crm))


def test_a_source_that_stood_still_is_in_step(bench):
    bench.run(*EVERYTHING)
    result = judged(bench, *EVERYTHING)
    assert result.in_step
    assert CutOver.model_validate_json(result.model_dump_json()) == result


def test_a_record_that_changed_after_the_last_read_is_told(bench):
    bench.run(*EVERYTHING)
    result = judged(bench, person("p1", attributes={"name": "Later"}), person("p9"))
    assert not result.in_step
    assert result.changed_since == {"person": 2}
    assert result.differences == [
        "person: 2 rows changed in the source after they were read: freeze the source and cut over again."
    ]


def test_a_lost_row_a_changed_field_and_a_reject_are_told(bench):
    bench.crm.refuses = lambda _entity, values: values.get("email") == "p3@example.com"
    bench.run(*EVERYTHING, person("p3"))
    bench.person("p1")["name"] = "Changed in the CRM"
    bench.crm.keys["event"].pop("e1")
    differences = judged(bench).differences
    assert [text.split(":")[0] for text in differences] == [
        "Event",
        "The run ended as 'complete_with_rejects'",
        "1 fields or rows differ on reading back",
    ]
