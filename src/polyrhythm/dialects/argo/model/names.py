"""Names of templates, tasks, parameters and of what they hold: the rules and Argo's messages.

A list of named things is checked as one: every item has a name, of the right form, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from polyrhythm.dialects.argo.model.yaml_text import Path, Tree

FIELD_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
VALUE_NAME = re.compile(r"[-a-zA-Z0-9_]+[-a-zA-Z0-9_]*")
NAME_LENGTH_MAX = 128
FIELD_RULE = (
    "name must consist of alpha-numeric characters or '-', and must start with an alpha-numeric"
    " character (e.g. My-name1-2, 123-NAME)"
)
VALUE_RULE = (
    "Parameter/Artifact name must consist of alpha-numeric characters, '_' or '-' e.g. my_param_1,"
    " MY-PARAM-1"
)

Problem = tuple[Path, str]


def is_tag(text: str) -> bool:
    """Whether a text is one that is substituted later."""
    return "{{" in text


def check_field_name(name: str) -> str:
    """What is wrong with the name of a template, step or task; empty if nothing is."""
    if len(name) > NAME_LENGTH_MAX:
        return f"must be no more than {NAME_LENGTH_MAX} characters"
    return "" if is_tag(name) or FIELD_NAME.fullmatch(name) else FIELD_RULE


def check_value_name(name: str) -> str:
    """What is wrong with the name of a parameter or an artifact; empty if nothing is."""
    if len(name) > NAME_LENGTH_MAX:
        return f"must be no more than {NAME_LENGTH_MAX} characters"
    return "" if is_tag(name) or VALUE_NAME.fullmatch(name) else VALUE_RULE


def check_names(items: Any, path: Path, prefix: str, *, values: bool = False) -> Iterator[Problem]:
    """Problems of the names of a list; `values`: of parameters and artifacts."""
    seen = set()
    for index, item in enumerate(named(items)):
        at = (*path, index, "name")
        name = str(item.get("name") or "")
        wrong = (check_value_name if values else check_field_name)(name) if name else ""
        if not name:
            yield at, f"{prefix}[{index}].name is required"
        elif wrong:
            yield at, f"{prefix}[{index}].name: '{name}' is invalid: {wrong}"
        elif name in seen:
            yield at, f"{prefix}[{index}].name '{name}' is not unique"
        seen.add(name)


def named(items: Any) -> list[Tree]:
    """The maps of a list; whatever else stands there has its own finding."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
