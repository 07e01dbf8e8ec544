"""Answers of HTTP services that send notifications: which refusals are permanent, and how long to wait."""

from email.utils import parsedate_to_datetime
from typing import Final

from broker.model.notification import DeliveryFailed
from broker.platform.http_client import HttpFailure, HttpResponse

LONGEST_WAIT: Final = 24 * 3600.0
"""Longest wait in seconds that a service may ask for: notifications expire within days."""

REFUSED: Final = frozenset({400, 404, 410, 413, 422})
"""Status codes by which a service refuses this one notification. Others are about the broker's credentials, about too
many requests, or about the service itself."""


def check_answer(answer: HttpResponse | HttpFailure, now: float, refused: frozenset[int] = REFUSED) -> None:
    """Raises DeliveryFailed unless the service accepted the notification (2xx). A redirect is not followed."""
    if not isinstance(answer, HttpResponse):
        raise DeliveryFailed(answer.detail)
    if not 200 <= answer.status < 300:
        wait = retry_after(answer.headers.get("retry-after"), now)
        raise DeliveryFailed(f"status {answer.status}", permanent=answer.status in refused, retry_after=wait)


def retry_after(value: str | None, now: float) -> float:
    """Reads Retry-After (RFC 9110 10.2.3), in seconds from `now`; 0 without one, or if it cannot be read."""
    if value is None:
        return 0.0
    if value.strip().isascii() and value.strip().isdecimal():
        wait = float(value[:12])
    else:
        try:
            wait = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return 0.0
    return min(max(wait, 0.0), LONGEST_WAIT)
