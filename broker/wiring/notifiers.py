"""The notifiers, as configured, and what an operator pastes into the templates of GOV.UK Notify."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from broker.actions.assisted.ports import Notifier, Notifiers
from broker.crypto.notify_token import read_notify_key
from broker.model.notification import NotificationKind
from broker.normalize.email import ascii_host, sendable
from broker.platform.http_client import HttpClients
from broker.platform.notifications.files import FileNotifier
from broker.platform.notifications.letters import LetterGateway, PrintedByStaff
from broker.platform.notifications.notify import NotifyNotifier
from broker.platform.notifications.smtp import SmtpNotifier
from broker.platform.notifications.text_gateway import TextGateway
from broker.platform.notifications.texts import Text, template_texts
from broker.platform.system import System
from broker.settings import TEMPLATE_WAYS as WAYS
from broker.settings import BrokerSettings, NotifySettings, SmtpSettings, read_secret, read_templates
from broker.wiring.store_access import read_password


def build_notifiers(broker: BrokerSettings, http_clients: HttpClients, system: System) -> Notifiers:
    """Returns the notifier of each way in which something can be sent. Raises ValueError for unusable files."""
    notices, zone = broker.notifications, ZoneInfo(broker.time_zone)
    found: dict[str, Notifier] = {}
    if notices.outbox is not None:
        found |= dict.fromkeys(("email", "phone", "post"), FileNotifier(notices.outbox, zone))
    if notices.notify is not None:
        notify = notify_notifier(notices.notify, zone, http_clients, system)
        found |= dict.fromkeys(notify.templates, notify)
    if notices.smtp is not None:
        found["email"] = smtp_notifier(notices.smtp, zone)
    if notices.text_gateway is not None:
        found["phone"] = TextGateway(
            notices.text_gateway.url,
            http_clients.client("text gateway"),
            system,
            notices.text_gateway.sender,
            read_password(notices.text_gateway.authorization_file),
            zone,
        )
    if notices.letter_gateway is not None:
        found["post"] = LetterGateway(
            notices.letter_gateway.url,
            http_clients.client("letter gateway"),
            system,
            read_password(notices.letter_gateway.authorization_file),
            zone,
        )
    if notices.print_letters:
        found["post"] = PrintedByStaff()
    return found


def smtp_notifier(smtp: SmtpSettings, zone: ZoneInfo) -> SmtpNotifier:
    """The SMTP server."""
    host, sender = ascii_host(smtp.host) or smtp.host, sendable(smtp.sender, dotless=True) or smtp.sender
    return SmtpNotifier(host, sender, smtp.port, smtp.user, read_password(smtp.password_file), zone=zone)


def notify_notifier(
    notify: NotifySettings, zone: ZoneInfo, http_clients: HttpClients, system: System
) -> NotifyNotifier:
    """GOV.UK Notify. Raises ValueError for an unusable key or file of templates."""
    key, templates = read_notify_key(read_secret(notify.key_file)), read_templates(notify.templates)
    return NotifyNotifier(notify.url, key, templates, http_clients.client("notify"), system, zone)


def every_template(
    languages: Iterable[str], ways: Iterable[str] = tuple(WAYS)
) -> Iterator[tuple[str, NotificationKind, str, Text]]:
    """Each template of GOV.UK Notify: its place in the file of template ids (way, kind, language), and its text.

    `ways` are tables of that file: email, text, letter.
    """
    for language in languages:
        for way in ways:
            for kind, text in template_texts(WAYS[way], language):
                yield way, kind, language, text
