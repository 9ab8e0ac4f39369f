"""What a plan stands on, and whether it still does: the mapping, the live schema, what the CRM allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from crmlift.destination import Allowance, Destination, Field, FieldType, HasAllowance
from crmlift.errors import ConfigError
from crmlift.mapping import schema_changes
from crmlift.mapping.approval import digest
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.plan.model import Cost, Plan


def check(plan: Plan, mapping: MappingFile, crm: Destination) -> None:
    """Refuse a run whose plan does not hold any more.

    Raises `ConfigError` where the mapping or the live schema is another one now, or where the CRM does
    not leave the calls or the room that the plan takes.
    """
    again = "Run `crmlift plan` again and look at it."
    if plan.mapping_digest != digest(mapping):
        raise ConfigError(
            "The mapping was changed since the plan was made, so nothing was written.", hint=again
        )
    live = live_types(mapping, crm.describe)
    for entity, fields in plan.fields.items():
        for name, kind in fields.items():
            now = live.get(entity, {}).get(name)
            if now != kind:
                what = "is gone" if now is None else f"was {kind} and is {now} now"
                raise ConfigError(
                    f"The CRM's schema changed since the plan was made, so nothing was written: "
                    f"field '{name}' of '{entity}' {what}.",
                    hint=again,
                )
    short = list(lacks(plan.cost, allowance(crm)))
    if short:
        raise ConfigError(f"Nothing was written. {' '.join(short)}")


def live_types(
    mapping: MappingFile, describe: Callable[[str], Mapping[str, Field]]
) -> dict[str, dict[str, FieldType]]:
    """Return the live type of each field that the mapping uses, by entity; what is missing is left out."""
    used = schema_changes.used(mapping)
    types: dict[str, dict[str, FieldType]] = {}
    for entity, names in used.items():
        live = describe(entity)
        types[entity] = {name: live[name].type for name in sorted(names) if name in live}
    return types


def allowance(crm: Destination) -> Allowance:
    """Return what the CRM leaves to a run now; nothing is limited where it does not say."""
    return crm.allowance() if isinstance(crm, HasAllowance) else Allowance()


def lacks(cost: Cost, allowed: Allowance) -> Iterator[str]:
    """Say what of a run's cost the CRM does not leave, and what to do."""
    if allowed.calls is not None and cost.calls > allowed.calls:
        yield (
            f"The run takes about {cost.calls:,} calls and {allowed.calls:,} are left "
            f"({allowed.source}): wait until more are, raise the quota, or map less."
        )
    if allowed.records is not None and cost.records > allowed.records:
        yield (
            f"The run adds {cost.records:,} records and there is room for {allowed.records:,} "
            f"({allowed.source}): make room, or map less."
        )
