"""Writes the table of field names that `poly argo lint` checks, from Argo's JSON schema.

    python tools/argo_fields.py api/jsonschema/schema.json

The schema is a file of argoproj/argo-workflows. The table keeps names and types of fields of the
five kinds and of what they hold, no text. Types: s i n b * (anything), @Name, [type, {type.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src/polyrhythm/dialects/argo/model/fields.json"
KINDS = """Workflow WorkflowTemplate ClusterWorkflowTemplate CronWorkflow
WorkflowEventBinding""".split()
SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


def short(reference: str) -> str:
    """The last word of a definition's name; none of the table's types share one."""
    return reference.rsplit(".", 1)[-1]


def type_of(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The code of one schema's type."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        target = definitions[name]
        if "properties" in target:
            return "@" + short(name)
        return "*" if short(name) in ("IntOrString", "Item") else type_of(target, definitions)
    kind = schema.get("type")
    if kind == "array":
        return "[" + type_of(schema.get("items", {}), definitions)
    if kind == "object" and "additionalProperties" in schema:
        return "{" + type_of(schema["additionalProperties"], definitions)
    return SCALARS.get(kind or "", "*")


def main() -> None:
    """Read the schema named on the command line, write the table."""
    definitions = json.loads(Path(sys.argv[1]).read_text())["definitions"]
    by_short = {
        short(name): name
        # Argo's own types last: Kubernetes has an Event too.
        for name, schema in sorted(definitions.items(), key=lambda item: ".workflow." in item[0])
        if "properties" in schema and "events" not in name
    }
    pending, table = list(KINDS), {}
    while pending:
        name = pending.pop()
        if name in table:
            continue
        properties = definitions[by_short[name]]["properties"]
        fields = {key: type_of(value, definitions) for key, value in sorted(properties.items())}
        table[name] = fields
        pending += [code.lstrip("[{")[1:] for code in fields.values() if "@" in code]
    lines = (f'  "{name}": {json.dumps(table[name])}' for name in sorted(table))
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
