"""Load a sample: into a sandbox that has the live CRM's fields, or into the CRM itself with a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from ruamel.yaml import YAML

from crmlift import plugins
from crmlift.destination import Destination, Field
from crmlift.errors import ConfigError
from crmlift.hookspecs import RunKind
from crmlift.ledger import Ledger
from crmlift.mapping.approval import digest
from crmlift.mapping.model import Mapping as MappingFile
from crmlift.mapping.model import Rule
from crmlift.pipeline import Pipeline
from crmlift.project import Project
from crmlift.sandbox.server import serve


def load(
    messages: Path, mapping: MappingFile, crm: Destination, ledger: Ledger, *, kind: RunKind | None
) -> str:
    """Run the records of a file through the whole way; return the status of the run."""
    pipeline = Pipeline(mapping, crm, ledger, mapping_digest=digest(mapping), kind=kind)
    try:
        with messages.open("rb") as lines:
            for line in lines:
                message = orjson.loads(line)
                if message["type"] == "SCHEMA":
                    pipeline.schema(message["stream"], message["schema"], message.get("key_properties") or ())
                else:
                    pipeline.record(message["stream"], message["record"])
        return pipeline.finish()
    except BaseException:
        pipeline.stop()
        raise


def labelled(mapping: MappingFile, project: Project, label: str) -> MappingFile:
    """Return the mapping with the target's own rules that put a label on every person.

    Raises `ConfigError` where the target has none.
    """
    rules = project.target.rehearsal_rules
    if rules is None:
        raise ConfigError(
            f"{project.target.name} has no way to label people.",
            hint="Rehearse into its sandbox, or without a label (--label '').",
        )
    text = rules.read_text(encoding="utf-8").replace("{label}", orjson.dumps(label).decode())
    streams = dict(mapping.streams)
    for stream, more in YAML(typ="safe").load(text).items():
        streams[stream] = [*streams.get(stream, []), *map(Rule.model_validate, more)]
    return mapping.model_copy(update={"streams": streams})


@contextmanager
def sandbox(project: Project, mapping: MappingFile) -> Iterator[tuple[Destination, Ledger]]:
    """Start the target's sandbox, give it the live CRM's custom fields, and a ledger of its own."""
    fields = _custom_fields(project, mapping)
    factory = plugins.find(plugins.SANDBOXES, project.name).value
    with TemporaryDirectory(prefix="crmlift-rehearsal-") as folder, serve(factory) as server:
        config = {**project.config, **project.target.sandbox_config, "url": server.url}
        url = f"sqlite:///{folder}/ledger.db"
        with (
            Ledger(url, destination=mapping.destination, workspace=mapping.workspace) as ledger,
            project.target.open(config, mapping) as crm,
        ):
            for entity, wanted in fields.items():
                there = crm.describe(entity)
                crm.provision(entity, [spec for name, spec in wanted.items() if name not in there])
            yield crm, ledger


def _custom_fields(project: Project, mapping: MappingFile) -> Mapping[str, Mapping[str, Field]]:
    entities = dict.fromkeys(rule.entity for rules in mapping.streams.values() for rule in rules)
    with project.target.open(project.config, mapping) as live:
        described = {entity: live.describe(entity) for entity in entities}
    return {
        entity: {name: spec for name, spec in fields.items() if spec.custom and not spec.readonly}
        for entity, fields in described.items()
    }
