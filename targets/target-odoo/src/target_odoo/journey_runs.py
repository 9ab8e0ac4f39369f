"""The model of the drafts of journeys: a record is one person's way through one journey."""

from __future__ import annotations

from target_odoo.drafts import DataFile, refer
from target_odoo.kinds import EVENT, PARTNER

RUN = "x_cio_journey_run"
SINCE = "crmlift_journey_run_x_since"
"""Id of the field that says when the run came to its step."""
_MODEL = "crmlift_journey_run"
_FIELDS = (
    ("x_partner_id", "Contact", "many2one", PARTNER),
    ("x_event_id", "Begun by", "many2one", EVENT),
    ("x_journey", "Journey", "char", ""),
    ("x_step", "Step", "char", ""),
    ("x_since", "Since", "datetime", ""),
    ("x_log", "What was done", "text", ""),
)
_INDEXED = {"x_partner_id", "x_event_id", "x_step"}


def add_model(file: DataFile, *, with_events: bool) -> None:
    """Add the model to a file; each journey's file has it, under the same ids, to stand alone.

    A link to an event needs the model of events, which a run makes if the mapping loads any.
    """
    file.record("ir.model", _MODEL, name="Customer.io journey run", model=RUN)
    for name, label, ttype, relation in _FIELDS:
        if relation == EVENT and not with_events:
            continue
        values = {"name": name, "field_description": label, "ttype": ttype}
        if relation:
            values |= {"relation": relation, "on_delete": "cascade"}
        if name in _INDEXED:
            values["index"] = "True"
        refer(file.record("ir.model.fields", f"{_MODEL}_{name}", **values), "model_id", _MODEL)
    rights = {f"perm_{right}": "True" for right in ("read", "write", "create", "unlink")}
    access = file.record("ir.model.access", f"{_MODEL}_access", name=RUN, **rights)
    refer(access, "model_id", _MODEL)
    refer(access, "group_id", "base.group_user")
