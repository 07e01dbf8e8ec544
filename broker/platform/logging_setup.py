"""Structured logging: one JSON object in a line, with an event name and ids, never claims, codes, cookies or tokens."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

from broker.platform.log_context import log_fields

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """Formats a record as a line of JSON: time (ISO 8601, UTC), level, logger, event, the ids of the request that is
    being answered (`log_fields`), and the fields in `extra`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, without a line break."""
        line: dict[str, object] = {
            "at": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": record.name,
            "event": record.getMessage(),
            **log_fields(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _PLAIN})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(*, verbose: bool, quiet: bool = False) -> None:
    """Logs to standard error: from INFO on, from WARNING on if `quiet`, everything of the broker if `verbose`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("portico").setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        # uvicorn's access log contains whole URLs, and with them handles and codes
        logging.getLogger(name).propagate = name != "uvicorn.access"
