"""Checks of [notifications] and of the support contact: who delivers what, and whether all that needs exists."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from broker.crypto.notify_token import read_notify_key
from broker.model.languages import lookup
from broker.model.notification import NotificationKind
from broker.normalize.email import ascii_host, is_unreachable, sendable
from broker.platform.operator_files import Unfit
from broker.platform.toml_loader import Problem
from broker.settings.notice_templates import WAYS, NoticeTemplates, read_templates
from broker.settings.notifications import LetterGatewaySettings, NotificationSettings, TextGatewaySettings
from broker.settings.schema import BrokerSettings
from broker.settings.secret_files import read_secret
from broker.settings.urls import check_origin, check_url


def secret_files(notices: NotificationSettings) -> tuple[tuple[str, Path | None], ...]:
    """The files with passwords, keys and tokens that the table names, each with its place."""
    smtp, notify, gateway = notices.smtp, notices.notify, notices.text_gateway
    printer = notices.letter_gateway
    return (
        ("notifications.smtp.password_file", None if smtp is None else smtp.password_file),
        ("notifications.notify.key_file", None if notify is None else notify.key_file),
        ("notifications.notify.receipts_token_file", None if notify is None else notify.receipts_token_file),
        ("notifications.text_gateway.authorization_file", None if gateway is None else gateway.authorization_file),
        ("notifications.letter_gateway.authorization_file", None if printer is None else printer.authorization_file),
    )


def check_notices(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that each way of sending has exactly one delivery, which in production is no folder."""
    notices = broker.notifications
    senders = [name for name in ("smtp", "notify", "text_gateway") if getattr(notices, name) is not None]
    if (notices.outbox is None) == (not senders):
        fix = "add [notifications.smtp] or [notifications.notify], or remove outbox"
        yield Problem("notifications", "either outbox, or something that sends, is needed", fix)
    elif senders == ["text_gateway"]:
        fix = "add [notifications.smtp] or [notifications.notify]"
        yield Problem("notifications", "nothing sends mails", fix)
    if notices.outbox is not None and not broker.development:
        fix = "use [notifications.smtp] or [notifications.notify] outside development"
        yield Problem("notifications.outbox", "a file is not delivered to citizens", fix)
    if notices.smtp is not None and sendable(notices.smtp.sender, dotless=True) is None:
        yield unsendable("notifications.smtp.sender", notices.smtp.sender, "noreply@identity.example")
    if notices.smtp is not None and not is_host(notices.smtp.host):
        yield Problem("notifications.smtp.host", "this is not a host name", 'write such as "mail.identity.example"')
    if broker.support.email is not None and sendable(broker.support.email) is None:
        yield unsendable("support.email", broker.support.email, "help@identity.example")
    yield from _gateways(broker)
    yield from _letters(broker)
    yield from _notify(broker)


def unsendable(place: str, address: str, example: str) -> Problem:
    """The problem of an address to which no mail can be sent."""
    if is_unreachable(address):
        fix = "use an address with ASCII letters before the @; its domain may have any"
        return Problem(place, "many mail servers cannot carry this address (RFC 6531)", fix)
    return Problem(place, "this is not an email address", f'write such as "{example}"')


def is_host(text: str) -> bool:
    """Whether a string is a host name, in any script, or an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return ascii_host(text) is not None
    return True


def _gateways(broker: BrokerSettings) -> Iterator[Problem]:
    for name in ("text_gateway", "letter_gateway"):
        gateway: TextGatewaySettings | LetterGatewaySettings | None = getattr(broker.notifications, name)
        if gateway is None:
            continue
        yield from check_url(f"notifications.{name}.url", gateway.url, development=broker.development)
        if gateway.authorization_file is not None:
            try:
                value = read_secret(gateway.authorization_file)
            except Unfit:
                continue  # reported with the other secret files
            if not (value.isascii() and value.isprintable()):
                place = f"notifications.{name}.authorization_file"
                yield Problem(
                    place, "it is not valid in an HTTP header", 'write such as "Bearer <token>" into the file'
                )


def _letters(broker: BrokerSettings) -> Iterator[Problem]:
    notices = broker.notifications
    if notices.print_letters and (notices.letter_gateway is not None or notices.outbox is not None):
        fix = "remove it, or the other way of sending letters"
        yield Problem("notifications.print_letters", "letters are sent in another way already", fix)


def _notify(broker: BrokerSettings) -> Iterator[Problem]:
    notify = broker.notifications.notify
    if notify is None:
        return
    yield from check_origin("notifications.notify.url", notify.url, development=broker.development)
    try:
        read_notify_key(read_secret(notify.key_file))
    except Unfit:
        pass  # reported with the other secret files
    except ValueError:
        fix = "write the key as Notify shows it: name, service id and secret, joined by hyphens"
        yield Problem("notifications.notify.key_file", "this is not an API key of GOV.UK Notify", fix)
    place = "notifications.notify.templates"
    try:
        templates = read_templates(notify.templates)
    except Unfit as unfit:
        yield Problem(place, unfit.what, unfit.fix)
    except ValueError as wrong:  # also TOML and UTF-8
        yield Problem(place, str(wrong), "write a table such as [email.code] with en = the id of the template")
    else:
        yield from _of_templates(place, templates, broker)


def _of_templates(place: str, templates: NoticeTemplates, broker: BrokerSettings) -> Iterator[Problem]:
    notices, tables = broker.notifications, {way: table for table, way in WAYS.items()}
    letters = notices.letter_gateway or notices.print_letters
    if not templates:
        yield Problem(place, "there are no templates", "write a table such as [email.code] for each kind of message")
    for way, sender in (("email", notices.smtp), ("phone", notices.text_gateway), ("post", letters)):
        if way in templates and sender:
            fix = f"remove [{tables[way]}] from the file, or the other sender"
            yield Problem(place, f"there are two senders for [{tables[way]}]", fix)
    for way, kinds in templates.items():
        lacking = [
            f"{kind}.{language}"
            for kind in NotificationKind
            for language in broker.languages
            if lookup(language, kinds.get(kind, {})) is None
        ]
        if lacking:
            fix = "`portico notices templates` prints the texts to paste"
            yield Problem(f"{place}: {tables[way]}", f"there is no template for {', '.join(lacking)}", fix)
