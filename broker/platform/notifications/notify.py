"""GOV.UK Notify: mails, text messages and letters through its REST API.

Every text is a template at Notify. Its placeholders are the fields of the kind (`model.notification.FIELDS`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import Final

from broker.crypto.notify_token import NotifyKey
from broker.model.languages import in_language
from broker.model.notification import FIELDS, DeliveryFailed, Notification, NotificationKind
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from broker.platform.notifications.http_answers import check_answer
from broker.platform.notifications.letters import address_lines
from broker.platform.notifications.texts import fields_in_words
from broker.platform.system import System

PATHS: Final[Mapping[str, str]] = MappingProxyType({"email": "email", "phone": "sms", "post": "letter"})
"""The resource of each way."""

Templates = Mapping[str, Mapping[str, Mapping[str, str]]]
"""The id of the template by way, kind and language."""


@dataclass(frozen=True, slots=True)
class NotifyNotifier:
    """Sends through Notify. `url` is the origin of the API."""

    url: str
    key: NotifyKey
    templates: Templates
    client: HttpClient
    system: System
    zone: tzinfo = field(default=UTC)

    async def deliver(self, notice: Notification) -> None:
        """Hands a notification to Notify. Raises DeliveryFailed; 400 is permanent.

        The reference is the notification's id, by which Notify reports what became of it.
        """
        template = in_language(self.templates.get(notice.way, {}).get(notice.kind, {}), notice.language)
        if template is None:
            raise DeliveryFailed(f"no template for {notice.kind} by {notice.way}", permanent=True)
        body = {
            "template_id": template,
            "personalisation": {**fields_in_words(notice, self.zone), **_address_lines(notice)},
            "reference": notice.id,
        }
        if notice.way == "email":
            body["email_address"] = notice.address
        elif notice.way == "phone":
            body["phone_number"] = notice.address
        place = f"{self.url}/v2/notifications/{PATHS[notice.way]}"
        answer = await self.client.post_json(place, body, self._authorization())
        check_answer(answer, self.system.now(), frozenset({400}))

    async def template_problems(self) -> list[str]:
        """Compares the placeholders of every template with the fields of its kind.

        Raises DeliveryFailed if Notify cannot be reached or rejects the key.
        """
        found: list[str] = []
        for place, kind, template in self._named():
            answer = await self.client.get(f"{self.url}/v2/template/{template}", self._authorization())
            if isinstance(answer, HttpResponse) and answer.status == 404:
                found.append(f"{place}: Notify has no template {template}")
                continue
            check_answer(answer, self.system.now())
            content = answer.json() if isinstance(answer, HttpResponse) else NotJson("")
            fields = None if isinstance(content, NotJson) else content.get("personalisation")
            found += _differences(place, set(fields) if isinstance(fields, dict) else set(), set(FIELDS[kind]))
        return found

    def _named(self) -> Iterator[tuple[str, NotificationKind, str]]:
        for way, kinds in self.templates.items():
            for kind, languages in kinds.items():
                for language, template in languages.items():
                    yield f"{way}.{kind}.{language}", NotificationKind(kind), template

    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.key.token(self.system.now())}"}


def _differences(place: str, used: set[str], fields: set[str]) -> list[str]:
    used = {name for name in used if not name.startswith("address_line_")}
    unknown = [f"{place}: the template asks for (({name})), which is never sent" for name in sorted(used - fields)]
    return unknown + [f"{place}: the template leaves out (({name}))" for name in sorted(fields - used)]


def _address_lines(notice: Notification) -> Mapping[str, str]:
    """The lines of a letter's address; nothing for other ways."""
    if notice.way != "post":
        return {}
    return {f"address_line_{number}": line for number, line in enumerate(address_lines(notice), 1)}
