"""What a mapping says, in a few words for a person."""

from __future__ import annotations

from crmlift.mapping.model import Rule


def source_of(rule: Rule, name: str) -> str:
    """Say where a field or link of a rule comes from."""
    if name in rule.links:
        link = rule.links[name]
        return f"→ {' or '.join(link.entity)} by {', '.join(link.key)}"
    spec = rule.fields[name]
    if spec.from_:
        return " or ".join(spec.from_)
    return f"= {spec.expr}" if spec.expr else f"“{spec.value}”"
