"""Scenarios: a world that moves on step by step, and what the program has to make of each step.

`scenario` says what one is, `reading` reads the files, `playing` runs the real line against the sandbox, `expected`
compares. What a scenario says of changes, alerts, messages and reasons is what a daemon would have done.
"""

from scanner.cli.scenarios.playing import play
from scanner.cli.scenarios.reading import is_scenario, read_scenario
from scanner.cli.scenarios.scenario import Scenario

__all__ = ["Scenario", "is_scenario", "play", "read_scenario"]
