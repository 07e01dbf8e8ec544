"""How notices go out, as configured."""

from broker.actions.assisted.ports import Notifier
from broker.app.parts import password
from broker.normalize.email import ascii_host, sendable
from broker.notices.folder import Folder
from broker.notices.mail import Mail
from broker.settings import Notices


def notifier(notices: Notices) -> Notifier | None:
    """What carries notices; None where nothing is configured to."""
    if notices.outbox is not None:
        return Folder(notices.outbox)
    smtp = notices.smtp
    if smtp is None:
        return None
    host, sender = ascii_host(smtp.host) or smtp.host, sendable(smtp.sender, dotless=True) or smtp.sender
    return Mail(host, sender, smtp.port, smtp.user, password(smtp.password_file))
