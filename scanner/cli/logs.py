"""Logs: fixed event names and fields on stderr; JSON lines for machines, plain lines for people.

Libraries that log secrets at a low level (apprise and urllib3 show a bot's whole token) are held to warnings, whatever
level is configured.
"""

import logging
import sys

import structlog

from scanner.cli.console import look_of
from scanner.config import LogConfig

__all__ = ["set_up_logs"]

TALKATIVE = (
    "alembic",
    "apprise",
    "urllib3",
    "requests",
    "aiosqlite",
    "apscheduler",
    "sqlalchemy",
    "asyncio",
    "aiohttp",
)


def set_up_logs(config: LogConfig, *, brief: bool = False) -> None:
    """Log as configured from here on. `brief` keeps a terminal free of what the command shows there anyway."""
    level = logging.getLevelNamesMapping()[config.level.upper()]
    terminal = sys.stderr.isatty()
    if brief and terminal and config.level == "info":
        level = logging.WARNING
    plain = config.format == "text" or (config.format == "auto" and terminal)
    renderer = _lines() if plain else structlog.processors.JSONRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([] if plain else [structlog.processors.format_exc_info]),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _lines() -> structlog.dev.ConsoleRenderer:
    """Lines for people. A traceback shows no local variables: a secret may be among them."""
    return structlog.dev.ConsoleRenderer(
        colors=look_of(sys.stderr).colour, exception_formatter=structlog.dev.plain_traceback
    )
