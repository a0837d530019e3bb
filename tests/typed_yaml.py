"""YAML as editors read it when they hold a file against a schema: version 1.2, in which `on` and `no` are texts."""

import re
from typing import Any

import yaml

__all__ = ["typed"]


class _Loader(yaml.SafeLoader):
    """Knows no scalar but texts, until it is told."""


_Loader.yaml_implicit_resolvers = {}

for tag, pattern, starts in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), starts)


def typed(text: str) -> Any:
    """What a YAML document says, as JSON would."""
    return _as_json(yaml.load(text, Loader=_Loader))


def _as_json(data: Any) -> Any:
    """The same with texts for keys: JSON has no others."""
    if isinstance(data, dict):
        return {str(key): _as_json(value) for key, value in data.items()}
    return [_as_json(item) for item in data] if isinstance(data, list) else data
