"""The default mapping, and what can be switched on in it."""

from __future__ import annotations

from importlib.resources import files

LEADS = ("    rules: []", "    rules: [{scope: lead, when: \"attributes.lifecycle_stage in ['lead']\"}]")
STAGES = ("follow: {streams", "- entity: stage", "- entity: lead")
OBJECT_TAGS = ("- entity: tag", "- entity: person_tag")
LISTS = ("arrays_of: {enabled_channels", "links:", "people_enabled_channels:")

DEFAULT = (files("target_odoo") / "mapping.yml").read_text(encoding="utf-8")


def changed(*pairs: tuple[str, str]) -> str:
    mapping = DEFAULT
    for old, new in pairs:
        assert old in mapping
        mapping = mapping.replace(old, new, 1)
    return mapping


def switched_on(mapping: str, *starts: str) -> str:
    """Take the comment off the lines that begin like this, and off those below that are set in deeper."""
    for start in starts:
        lines = mapping.splitlines(keepends=True)
        found = [n for n, line in enumerate(lines) if line.strip().startswith(f"# {start}")]
        assert len(found) == 1, start
        indent = lines[found[0]].index("#")
        for n in range(found[0], len(lines)):
            inside = lines[n].startswith(" " * indent + "#   ") or n == found[0]
            if not inside:
                break
            lines[n] = lines[n].replace("# ", "", 1)
        mapping = "".join(lines)
    return mapping


def uncommented(mapping: str) -> str:
    """Switch on the examples of the other two forms of events."""
    mapping = switched_on(mapping, "activities: {at:")
    start = mapping.index("    # A note in the contact's chatter:")
    end = mapping.index("    - entity: event\n")
    lines = [line.replace("# ", "", 1) for line in mapping[start:end].splitlines() if "#" in line]
    rules = "\n".join(line for line in lines if line.strip()[:1] in "-" or line.startswith("      "))
    when = "      when: cio_id and type not in ['profile_delete', 'profile_merge']\n      mode: create\n"
    assert when in mapping[end:]
    rest = mapping[end:].replace(
        when, "      when: cio_id and name not in ['order_placed', 'demo_booked']\n      mode: create\n", 1
    )
    return mapping[:start] + rules + "\n" + rest
