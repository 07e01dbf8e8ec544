"""GOV.UK Notify in the demonstration (`portico demo --notify`): messages go through its API into the inbox."""

import json
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.demo.notify_simulator import NotifySimulator, SentMessage
from broker.settings import NotificationSettings, NotifySettings, Settings
from broker.wiring.errors import CommandError
from broker.wiring.notifiers import every_template

TYPES: Final = {"email": "email", "text": "sms", "letter": "letter"}
WAYS: Final = {"email": "email", "sms": "phone", "letter": "post"}
NAMES: Final = uuid.UUID("8f0d2c52-7d2f-4a63-9d1c-1f9a54d3a0f6")


@dataclass(frozen=True, slots=True)
class PlayedNotify:
    """The simulator, and the folder in which the inbox looks for what it took."""

    simulator: NotifySimulator
    outbox: Path

    def beside(self, service: ASGIApp) -> ASGIApp:
        """The simulator's API at the origin of another application."""
        api = self.simulator.app()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            own = scope["type"] == "http" and scope["path"].startswith("/v2/")
            await (api if own else service)(scope, receive, send)

        return app


def with_notify(settings: Settings, origin: str) -> tuple[Settings, PlayedNotify]:
    """The settings with Notify in place of the outbox, and the simulator that plays it at `origin`.

    Its key and the file of template ids are written beside the outbox, as an operator would.
    """
    outbox = settings.broker.notifications.outbox
    if outbox is None:
        raise CommandError("the demonstration needs notifications.outbox")
    service, secret = (str(uuid.uuid5(NAMES, part)) for part in ("service", "secret"))
    held, lines = {}, []
    for way, kind, language, text in every_template(settings.broker.languages):
        template = str(uuid.uuid5(NAMES, f"{way}.{kind}.{language}"))
        held[template] = (TYPES[way], text.subject, text.text)
        lines.append(f'{way}.{kind}.{language} = "{template}"')
    key_file, templates = outbox.parent / "notify-key", outbox.parent / "notify-templates.toml"
    outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.write_text(f"demonstration-{service}-{secret}\n", "utf-8")
    key_file.chmod(0o600)
    templates.write_text("\n".join((*lines, "")), "utf-8")
    notices = NotificationSettings(notify=NotifySettings(key_file, templates, origin))
    replaced = replace(settings, broker=replace(settings.broker, notifications=notices))
    return replaced, PlayedNotify(NotifySimulator(service, secret, held, lambda sent: _write(outbox, sent)), outbox)


def _write(outbox: Path, sent: SentMessage) -> None:
    """Writes a message into the inbox's folder, atomically."""
    content = {"subject": sent.subject, "text": sent.text, "address": sent.to, "way": WAYS[sent.type]}
    beside = outbox / f".{sent.reference}"
    beside.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    beside.replace(outbox / f"{sent.reference}.json")
