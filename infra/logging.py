"""Logs: JSON lines when not on a terminal, readable ones on it. Never a payload, never a secret.

Values are short by rule: bytes, containers and long texts are cut, and names that tell of a secret are
struck out, so that a slip does not put one there. The driver's loggers, a flood in any outage, are let
through a few at a time.
"""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, cast

import structlog

TEXT_MAX = 500
FLOOD_SECONDS = 10.0
FLOOD_LINES_MAX = 5
SECRETS = ("password", "secret", "token", "authorization", "dsn", "payload", "pepper", "credential_key")
FLOODING = ("aiokafka", "asyncio")


def configure(level: str = "info", *, service: str = "", stream: Any = None) -> None:
    """Set up logging for the whole process; the last call holds."""
    out = sys.stderr if stream is None else stream
    on_terminal = bool(getattr(out, "isatty", lambda: False)())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(sort_keys=True)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with("service", service),
        struck,
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _error, renderer],
        )
    )
    handler.addFilter(FloodGate())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in FLOODING:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> Any:
    """Return a logger: `log.info("relay_stopped", shard=3)`; the event is a name, values tell the rest."""
    return structlog.stdlib.get_logger(name)


def struck(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut what is long, and strike out what may be a secret."""
    for key, value in line.items():
        if key == "exc_info":
            continue
        if any(word in key.lower() for word in SECRETS):
            line[key] = "***"
        elif isinstance(value, bytes):
            line[key] = f"{len(value)} bytes"
        elif not isinstance(value, int | float | bool | None):
            text = str(value)
            line[key] = text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
    return line


class FloodGate(logging.Filter):
    """Lets a few lines of a driver's logger through every ten seconds, and says how many were held back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that counts seconds."""
        super().__init__()
        self._clock = clock
        self._since: dict[str, float] = {}
        self._lines: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line may pass."""
        if not record.name.startswith(FLOODING):
            return True
        now, key = self._clock(), record.name
        if now - self._since.get(key, -FLOOD_SECONDS) >= FLOOD_SECONDS:
            held = self._lines.get(key, 0) - FLOOD_LINES_MAX
            self._since[key], self._lines[key] = now, 0
            if held > 0:
                record.msg, record.args = f"{record.getMessage()} ({held} lines held back)", ()
        self._lines[key] += 1
        return self._lines[key] <= FLOOD_LINES_MAX


def _error(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write an exception as its type and the place it came from: its message may hold what a log must not."""
    found = line.pop("exc_info", None)
    if not found:
        return line
    error: object = found
    if found is True:
        error = sys.exc_info()[1]
    elif isinstance(found, tuple):
        error = cast("tuple[object, object, object]", found)[1]
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        trace, place = error.__traceback__, ""
        while trace is not None:
            place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
            trace = trace.tb_next
        line["place"] = place
    return line


def _with(key: str, value: str) -> Any:
    def add(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if value:
            line.setdefault(key, value)
        return line

    return add
