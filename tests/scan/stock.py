"""The default pack without the time that its reading takes: it is read once in a process."""

from functools import cache

from scanner.policy.loading import default_rules, load
from scanner.policy.rules import Pack

__all__ = ["default_pack"]


@cache
def default_pack() -> Pack:
    return load([default_rules()])
