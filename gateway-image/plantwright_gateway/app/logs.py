"""Logs: one JSON object per line on standard output."""

import logging

import structlog

QUIET_LIBRARIES = ("asyncio", "asyncua", "mqtt", "pymodbus")
"""What they log, the gateway says itself as conditions, or it is a traceback of an ordinary failure."""


class _Relay(logging.Handler):
    """Writes what libraries log through the standard module as our own lines do, an exception as its type and text."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        words = {"error": f"{type(error).__name__}: {error}"} if error else {}
        method = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(structlog.get_logger(record.name), method)(record.getMessage(), logger=record.name, **words)


def configure() -> None:
    """Set logging up for the process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Relay()], force=True)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
