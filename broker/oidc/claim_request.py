"""Request for one claim: parsing, and whether a value meets it (OpenID Connect Core 5.5.1).

OpenID Connect for Identity Assurance 1.0 adds `max_age` in 5.5.2, within `verified_claims`.
"""

import re
from datetime import UTC, date, datetime
from typing import Final

from broker.model.json_types import JsonObject

RESTRICTIONS: Final = frozenset({"value", "values", "max_age"})
"""Members of a request that restrict the value."""

MEMBERS: Final = ("essential", "value", "values")
"""Members that OpenID Connect Core defines."""

_LAST_SECOND: Final = 86_399
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class MalformedClaimRequest(Exception):
    """Malformed `claims` parameter. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def read_request(request: object, name: str, members: tuple[str, ...] = MEMBERS) -> dict[str, object] | None:
    """Parses a request, keeping only the known `members`, as the standard requires. Raises MalformedClaimRequest."""
    if request is None:
        return None
    if not isinstance(request, dict):
        raise MalformedClaimRequest(f"the request for {name!r:.80} is neither null nor an object")
    read = {member: request[member] for member in members if member in request}
    if not isinstance(read.get("essential", False), bool):
        raise MalformedClaimRequest(f"essential is not true or false in the request for {name!r:.80}")
    if not isinstance(read.get("values", []), list):
        raise MalformedClaimRequest(f"values is not a list in the request for {name!r:.80}")
    longest = read.get("max_age", 0)
    if isinstance(longest, bool) or not isinstance(longest, int | float) or longest < 0:
        raise MalformedClaimRequest(f"max_age is no number of seconds in the request for {name!r:.80}")
    return read


def accepts(request: JsonObject | None, found: object) -> bool:
    """Whether a value matches `value` and `values` of its request (OpenID Connect Core 5.5.1)."""
    if not request:
        return True
    if "value" in request and not _same(request["value"], found):
        return False
    return "values" not in request or any(_same(each, found) for each in _list(request["values"]))


def meets(request: JsonObject | None, found: object, now: float) -> bool:
    """Whether a value meets its request including `max_age`, which only dates and times can meet."""
    if not accepts(request, found):
        return False
    if not request or "max_age" not in request:
        return True
    last, longest = _last_second(found), request["max_age"]
    return last is not None and isinstance(longest, int | float) and now - last <= longest


def is_date(found: object) -> bool:
    """Whether a value is a date in the form YYYY-MM-DD."""
    return isinstance(found, str) and _DATE.fullmatch(found) is not None and _last_second(found) is not None


def _last_second(found: object) -> float | None:
    """Last second of a date (UTC), or the time of a timestamp with a zone (Identity Assurance 1.0, 5.5.2)."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    if not isinstance(found, str):
        return None
    try:
        if _DATE.fullmatch(found):
            day = date.fromisoformat(found)
            return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + _LAST_SECOND
        moment = datetime.fromisoformat(found)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def _list(values: object) -> list[object]:
    return values if isinstance(values, list) else []


def _same(wanted: object, found: object) -> bool:
    """JSON equality: unlike in Python, true is not 1."""
    return isinstance(wanted, bool) == isinstance(found, bool) and bool(wanted == found)
