"""The notifier, as configured, and the ways in which it can send."""

from zoneinfo import ZoneInfo

from broker.actions.assisted.ports import Notifier
from broker.normalize.email import ascii_host, sendable
from broker.platform.notifications.files import FileNotifier
from broker.platform.notifications.smtp import SmtpNotifier
from broker.settings import BrokerSettings
from broker.wiring.store_access import read_password


def build_notifier(broker: BrokerSettings) -> Notifier | None:
    """Returns the notifier; None if none is configured."""
    notices, zone = broker.notifications, ZoneInfo(broker.time_zone)
    if notices.outbox is not None:
        return FileNotifier(notices.outbox, zone)
    smtp = notices.smtp
    if smtp is None:
        return None
    host, sender = ascii_host(smtp.host) or smtp.host, sendable(smtp.sender, dotless=True) or smtp.sender
    return SmtpNotifier(host, sender, smtp.port, smtp.user, read_password(smtp.password_file), zone=zone)


def notice_ways(notifier: Notifier | None) -> frozenset[str]:
    """Returns the ways in which notices can be sent: words of `assisted.case.ContactMethod`."""
    return frozenset() if notifier is None else notifier.contact_methods
