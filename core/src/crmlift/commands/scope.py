"""`scope`: what is in the workspace, before anything is decided."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from crmlift.commands.common import (
    console,
    json_option,
    print_json,
    waiting,
)
from crmlift.running import run_loader
from crmlift.scope.model import Profile
from crmlift.scope.render import FILES, read_profile
from crmlift.scope.target import NAME, OUTPUT


@click.command()
@click.option("--tap", default="tap-customerio", show_default=True, help="The extractor in meltano.yml.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for {', '.join(FILES)}; {OUTPUT} by default.",
)
@click.option("--inactive-days", type=click.IntRange(min=1), help="When a person counts as inactive.")
@click.option("--show-values", is_flag=True, help="Do not mask examples: they are personal data.")
@json_option
def scope(
    tap: str, output: Path | None, inactive_days: int | None, *, show_values: bool, as_json: bool
) -> None:
    """Read the whole workspace once and say what is in it; nothing is written to any CRM.

    The same as `meltano run tap-customerio crmlift-scope`. Options replace the settings of the loader
    crmlift-scope in meltano.yml.
    """
    given: dict[str, object] = {"output": output, "inactive_days": inactive_days, "show_values": show_values}
    with waiting("Reading the workspace") as tell:
        folder = run_loader(NAME, tap, given, output=OUTPUT, tell=tell)
    if as_json:
        print_json(orjson.loads((folder / FILES[0]).read_bytes()))
    else:
        _show(read_profile(folder / FILES[0]))
        console.print(f"\nThe whole profile is in {folder.resolve() / FILES[-1]}", soft_wrap=True)


def _show(profile: Profile) -> None:
    people = profile.people
    events = sum(event.count for event in profile.events)
    for number, what in (
        (people.total, "people"),
        (people.without_email, "without an email address"),
        (people.anonymous, "anonymous"),
        (people.inactive + people.no_sign, f"no sign of life in {people.inactive_days} days"),
        (profile.duplicates[0].people, "share an email address with somebody"),
        (sum(kind.objects for kind in profile.objects), f"objects of {len(profile.objects)} types"),
        (
            sum(stream.records for stream in profile.streams if stream.stream == "activities"),
            f"activities, of which {events:,} events, pages and screens of {len(profile.events)} names",
        ),
        (len(profile.attributes), "attributes"),
        (len(profile.segments), "segments"),
    ):
        console.print(f"{number:>12,} {what}")
