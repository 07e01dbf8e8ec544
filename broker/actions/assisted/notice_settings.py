"""Settings of what citizens of cases get: notices, and requests to confirm on their own device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from broker.model.notification import Notification
from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """How staff ask citizens to confirm on their own device.

    `confirm` is the URL of the page that takes the code, `name` the broker's name by language,
    `contact_methods` how notices can be sent (words of `assisted.case.ContactMethod`).
    """

    confirm: str
    name: Mapping[str, str]
    contact_methods: frozenset[str] = frozenset()


def _iso(at: float, _language: str) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _unwritten(notice: Notification) -> tuple[str, str]:
    return notice.kind.value, notice.fields.get("text", "")


def _client_id(client_id: str, _language: str) -> str:
    return client_id


def _no_services() -> Mapping[str, Service]:
    return {}


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What notices say beside the case.

    `freeze` is the URL before the handle of a link that stops an identity, `contact` how the citizen reaches the
    support, `service_name` the name of a service in a language, `moment` a date and time in words of a language,
    `written` the subject and the text of a notice exactly as it is sent; a text message has no subject. `services` are
    those that learn of changes, by id.
    """

    freeze: str = ""
    contact: str = ""
    service_name: Callable[[str, str], str] = _client_id
    moment: Callable[[float, str], str] = _iso
    written: Callable[[Notification], tuple[str, str]] = _unwritten
    services: Callable[[], Mapping[str, Service]] = _no_services
