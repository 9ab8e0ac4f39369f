"""Write lines into the text of a mapping: nothing that stands there is touched but what gets a source more.

New lines go to the top of a rule's `fields:`, so that no comment of the file changes its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import orjson
from ruamel.yaml import YAML

from crmlift.mapping.load import parse_mapping
from crmlift.mapping.model import Rule
from crmlift.propose.lines import Line
from crmlift.propose.mapped import Place
from crmlift.propose.suggest import Suggestion

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST_COMMENT = 160
_ROW = 100
_LEFT_OUT = "# left out, mostly empty: "
_HEADING = "# SUGGESTIONS of `crmlift propose`: nothing below is in force."


def add_lines(text: str, place: Place, lines: Sequence[Line]) -> str:
    """Return the mapping's text with the lines of one rule; raises `ConfigError` where it is no mapping."""
    tree = YAML(typ="rt").load(text)
    fields = tree["streams"][place.stream][place.index]["fields"]
    rows = text.split("\n")
    edits: list[tuple[int, int, str]] = []
    for line in lines:
        if line.action == "extend" and line.written and not _has(place.rule, line):
            edits.append(_source(fields, line))
    # From the end, so that places in a row stay what they are.
    for row, column, new in sorted(edits, reverse=True):
        rows[row] = _put(rows[row], column, new)
    start, indent = _top(fields)
    rows[start:start] = [" " * indent + text for text in _block(lines)]
    changed = "\n".join(rows)
    parse_mapping(changed)
    return changed


def _top(fields: Any) -> tuple[int, int]:
    """The row of the first field and its indentation."""
    row, column = fields.lc.key(next(iter(fields)))
    return int(row), int(column)


def _block(lines: Sequence[Line]) -> list[str]:
    new = [line for line in lines if line.written and line.action != "extend"]
    extended = [line for line in lines if line.written and line.action == "extend"]
    open_ = [line for line in lines if line.band == "decide" and line.action != "skip"]
    skipped = [line for line in lines if line.action == "skip"]
    block = [f"{field_row(line)}  # {_because(line)}" for line in new]
    if block:
        block.insert(0, "# Proposed by `crmlift propose`; `look` means: look at it.")
    block += [f"# {line.field} also from {line.path}: {_because(line)}" for line in extended]
    if open_:
        block.append("# DECIDE: take the # away where it is right.")
        block += [f"# {_decided(line)}  # {_because(line)}" for line in open_]
    if skipped:
        named = ", ".join(_scalar(line.attribute) for line in skipped)
        block += wrap(
            named, _ROW, initial_indent=_LEFT_OUT, subsequent_indent=_LEFT_OUT, break_on_hyphens=False
        )
    return block


def mentions(text: str, path: str, attribute: str) -> bool:
    """Whether an earlier proposal in the text says something about an attribute."""
    said = [row.partition(_LEFT_OUT)[2].split(", ") for row in text.split("\n") if _LEFT_OUT in row]
    named = {name.rstrip(",") for names in said for name in names}
    return (
        _scalar(attribute) in named or re.search(rf"from: {re.escape(_scalar(path))}[,}}]", text) is not None
    )


def _decided(line: Line) -> str:
    return field_row(line) if line.action != "extend" else f"{line.field}: {{from: {_scalar(line.path)}}}"


def field_row(line: Line) -> str:
    """Return a field of the mapping as one row of YAML."""
    parts = [f"from: {_scalar(line.path)}"]
    parts += [f"as: {line.convert}"] if line.convert else []
    if line.action == "custom":
        custom = [f"type: {line.type}", f"label: {_scalar(f'Customer.io {line.attribute}')}"]
        custom += [f"choices: [{', '.join(map(_scalar, line.choices))}]"] if line.choices else []
        parts.append(f"custom: {{{', '.join(custom)}}}")
    return f"{_scalar(line.field or '')}: {{{', '.join(parts)}}}"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED
    return text if plain else orjson.dumps(text).decode()


def _because(line: Line) -> str:
    said = f"{line.band} {line.confidence:.0%} {line.label}: {'; '.join([*line.notes, *line.evidence])}"
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST_COMMENT else said[: _LONGEST_COMMENT - 1] + "…"


def _has(rule: Rule, line: Line) -> bool:
    """Whether the field reads the attribute already, because another rule shares it and came first."""
    return line.path in (rule.fields[line.field or ""].from_ or ())


def _source(fields: Any, line: Line) -> tuple[int, int, str]:
    """Where the field's sources stand in the text, and the path that joins them.

    Those that are there hold nothing in this workspace, so that their order does not matter.
    """
    holder, key = (
        (fields[line.field], "from") if isinstance(fields[line.field], dict) else (fields, line.field)
    )
    row, column = holder.lc.value(key)
    return int(row), int(column), _scalar(line.path)


_ONE = re.compile(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s,}\]#]+)")


def _put(row: str, column: int, path: str) -> str:
    before, rest = row[:column], row[column:]
    if rest.startswith("["):
        return f"{before}[{path}, {rest[1:]}"
    if rest.startswith("- "):
        return f"{before}- {path}\n{' ' * column}{rest}"
    found = _ONE.match(rest)
    assert found is not None
    return f"{before}[{found[1]}, {path}]{rest[found.end() :]}"


def add_suggestions(text: str, suggestions: Sequence[Suggestion]) -> str:
    """Return the mapping's text with the suggestions as comments at its end, where none are there yet."""
    if not suggestions or _HEADING in text:
        return text
    block = [_HEADING]
    for found in suggestions:
        because = f" ({'; '.join(found.evidence)})" if found.evidence else ""
        block.append(f"# {found.topic}: {' '.join((found.text + because).split())}")
        block += [f"#   under {found.where}:"] if found.yaml else []
        block += [f"#     {row}" for row in found.yaml]
    return text.rstrip("\n") + "\n" + "\n".join(block) + "\n"
