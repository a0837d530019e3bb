"""`rules schema`: what may stand in rule files and in a configuration, for editors."""

import json

from scanner.cli.console import put

__all__ = ["schema"]


def schema() -> None:
    """Print one JSON document with two JSON Schemas: `rules` for rule files, `config` for a configuration."""
    from scanner.config.schema import config_schema
    from scanner.policy.schema import rules_schema

    put(json.dumps({"version": 1, "rules": rules_schema(), "config": config_schema()}, indent=2) + "\n")
