"""How notices go out, as configured."""

from broker.actions.assisted.ports import Notifier
from broker.normalize.email import ascii_host, sendable
from broker.platform.notifications.files import FileNotifier
from broker.platform.notifications.smtp import SmtpNotifier
from broker.settings import NotificationSettings
from broker.wiring.store_access import read_password


def notifier(notices: NotificationSettings) -> Notifier | None:
    """What carries notices; None where nothing is configured to."""
    if notices.outbox is not None:
        return FileNotifier(notices.outbox)
    smtp = notices.smtp
    if smtp is None:
        return None
    host, sender = ascii_host(smtp.host) or smtp.host, sendable(smtp.sender, dotless=True) or smtp.sender
    return SmtpNotifier(host, sender, smtp.port, smtp.user, read_password(smtp.password_file))
