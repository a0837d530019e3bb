"""How long random courses of scans are tried."""

from hypothesis import HealthCheck, settings

__all__ = ["effort"]


def effort(examples: int) -> settings:
    """So many courses of fifteen steps at the most, however long each takes."""
    return settings(
        max_examples=examples,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
