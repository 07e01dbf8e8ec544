"""The form for a person: the ways with hours and waits, what was typed, and what is missing in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from broker.actions.results import HelpOffered, HelpRequest
from broker.assisted.case_records import Channel, ContactMethod
from broker.assisted.case_status import Asked
from broker.assisted.counters import LONGEST_PLACE, by_place
from broker.assisted.help_ways import HelpWay
from broker.assisted.intake import LONGEST, Intake, Need, Times
from broker.normalize.email import is_unreachable, sendable
from broker.normalize.phone import example_numbers, phone_number
from broker.normalize.text import clean
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.opening_texts import now_text, promise_text, wait_text, week_text
from broker.web.citizens.page_context import PageContext, TypedValues
from broker.web.citizens.request import CitizenApp
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse


@dataclass(frozen=True, slots=True)
class ChannelText:
    """The texts of one channel. `below` says why it is not offered if it cannot reach the level."""

    name: str
    text: str
    below: str


CHANNELS: Mapping[Channel, ChannelText] = MappingProxyType(
    {
        Channel.VIDEO: ChannelText(
            marked("By video"),
            marked("You need a device with a camera, and a document with your picture."),
            marked("By video we cannot test the chip or the paper of a document, and this service needs that."),
        ),
        Channel.SENT: ChannelText(
            marked("I send photos and a video"),
            marked("You need no appointment. You take photos of your document and a short video of yourself."),
            marked("From photos and a video we cannot prove as much as this service needs."),
        ),
        Channel.IN_PERSON: ChannelText(
            marked("In person"),
            marked("You come to one of our places and bring your documents."),
            marked("Also in person we cannot prove as much as this service needs."),
        ),
        Channel.PHONE: ChannelText(
            marked("By telephone"),
            marked("We call you. Have your documents in front of you."),
            marked("On the telephone we do not see you or your documents, and this service needs that."),
        ),
        Channel.PHONE_AND_POST: ChannelText(
            marked("By telephone and a letter"),
            marked("We call you, and send a code to your address by post. It takes some days."),
            marked("A letter proves your address, but nobody sees you or your documents, and this service needs that."),
        ),
    }
)
_NEEDS_CHECK: Mapping[str, str] = MappingProxyType(
    {
        "chip": marked("a passport or an identity card with a chip that we can read"),
        "light": marked("a document that our staff can look at under special light"),
    }
)
NEEDS: Mapping[str, str] = MappingProxyType(
    {
        Need.INTERPRETER.value: marked("Somebody who interprets"),
        Need.SIGN_LANGUAGE.value: marked("Sign language"),
        Need.HEARING.value: marked("I do not hear well"),
        Need.HOME_VISIT.value: marked("I cannot leave my home"),
    }
)
TIMES: Mapping[str, str] = MappingProxyType(
    {
        Times.MORNING.value: marked("In the morning"),
        Times.AFTERNOON.value: marked("In the afternoon"),
        Times.EVENING.value: marked("In the evening"),
    }
)

SHEETS = (PageTemplate("help-me", "citizens/help_me.html", {"needs": NEEDS, "times": TIMES, "longest": LONGEST}),)

ADDRESS: Final = MappingProxyType(
    {
        ContactMethod.EMAIL.value: marked("Type in an email address, such as name@example.org"),
        ContactMethod.PHONE.value: marked("Type in a telephone number, such as {national} or {international}"),
    }
)
NO_WAY: Final = marked("Choose how we may reach you")
NO_CHANNEL: Final = marked("Choose how you want to talk to us")
SECOND: Final = marked("Type in another email address or telephone number than the first, or leave this empty")
UNREACHABLE: Final = marked(
    "We cannot send to this email address, because of the letters before the @. Type in another one"
)
NEAR: Final = "near"
"""The button that orders the counters by the place that was typed, and asks for nothing."""
FIELDS: Final = ("channel", "way", "address", "second")
"""The fields that can be wrong, in the order of the form."""


@dataclass(frozen=True, slots=True)
class OfficeCard:
    """A place to come to, in words."""

    name: str
    address: str
    hours: str
    note: str


@dataclass(frozen=True, slots=True)
class WayCard:
    """A way to talk to a person, in words. `lines` are hours, wait and what it needs."""

    value: str
    name: str
    text: str
    lines: tuple[str, ...]
    offices: tuple[OfficeCard, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of a list whose content depends on the settings. `field` is the name of its field."""

    field: str
    text: str
    chosen: bool


def help_page(
    app: CitizenApp, offered: HelpOffered, frame: PageContext, typed: Mapping[str, str], missing: Mapping[str, str]
) -> PageResponse:
    """The page with the form. `missing` are the texts of errors by field, not translated yet."""
    words = frame.language
    fields = TypedValues(typed or ({} if offered.asked is None else _fields(offered.asked)))
    near = fields["near"].strip()
    counters, named = by_place(
        app.counters() if any(way.channel is Channel.IN_PERSON for way in offered.ways) else (), near
    )
    variables = frame.template_variables(
        offered.service,
        ways=[_way(way, offered, words, frame.now) for way in offered.ways],
        below=[words.text(CHANNELS[way.channel].below) for way in offered.below],
        reach={way.value for way in offered.contact_methods},
        documents=[
            Choice(f"doc_{name}", in_language(text, words.code), bool(fields[f"doc_{name}"]))
            for name, text in offered.documents.items()
        ],
        spoken=_languages(app.pages.languages, words, fields["speak"]),
        typed=fields,
        counters=[
            OfficeCard(in_language(one.names, words.code), one.address, in_language(one.hours, words.code), "")
            for one in counters
        ],
        can_order=len(counters) > 1 and any(one.areas for one in counters),
        named=named if near else None,
        longest_place=LONGEST_PLACE,
        keeps=True,
        changing=offered.asked is not None,
        purpose=offered.purpose.value,
        had="" if offered.asked is None else offered.asked.contact.address,
        had_second="" if offered.asked is None or offered.asked.second is None else offered.asked.second.address,
        missing={name: _error(missing.get(name), words, app.region) for name in FIELDS},
    )
    return PageResponse("help-me", variables, 422 if missing else 200)


def _way(way: HelpWay, offered: HelpOffered, words: Language, now: float) -> WayCard:
    texts, lines = CHANNELS[way.channel], []
    offices = tuple(
        OfficeCard(
            in_language(one.names, words.code),
            one.address,
            week_text(one.hours, words),
            in_language(one.notes, words.code) if one.notes else "",
        )
        for one in way.offices
    )
    if way.needs:
        known = [words.text(_NEEDS_CHECK[need]) for need in way.needs if need in _NEEDS_CHECK]
        if known:
            lines.append(words.text("This service needs one of these: {needs}.", needs="; ".join(known)))
    if offices:
        lines.append(words.text("You choose a day and a time on the next page."))
    elif way.hours is not None:
        lines.append(now_text(way.hours.next_span(now), words, now))
        if way.appointments:
            lines.append(words.text("You can take an appointment on the next page, or wait in line."))
    if not offices:
        lines.append(wait_text(offered.waits.get(way.channel), words))
        if (promised := offered.promises.get(way.channel)) is not None:
            lines.append(promise_text(way.channel, promised, words))
    return WayCard(way.channel.value, words.text(texts.name), words.text(texts.text), tuple(lines), offices)


def _languages(offered: Mapping[str, Language], words: Language, chosen: str) -> list[Choice]:
    """The languages to talk in, each by its own name. The one of the page is chosen at first."""
    return [Choice(code, one.name, code == (chosen or words.code)) for code, one in offered.items()]


def _error(text: str | None, words: Language, region: str) -> str | None:
    """An error text in the citizen's language, with the country's example numbers."""
    if text is None:
        return None
    if text != ADDRESS[ContactMethod.PHONE]:
        return words.text(text)
    national, international = example_numbers(region)
    return words.text(text, national=national, international=international)


def _fields(asked: Asked) -> dict[str, str]:
    """The form of what was asked for before. Addresses are left out: they stay if none is typed in."""
    intake = asked.intake
    on = [
        *(f"need_{need}" for need in intake.needs),
        *(f"time_{time}" for time in intake.times),
        *(f"doc_{kind}" for kind in intake.documents),
        *(("company",) if asked.safety.someone_with_me else ()),
        *(("unsafe",) if asked.safety.unsafe else ()),
    ]
    texts = {"channel": asked.channel.value, "speak": intake.language, "helper": intake.helper, "called": intake.name}
    return {**texts, "way": asked.contact.way.value, **dict.fromkeys(on, "1")}


def read_wanted(
    form: Mapping[str, str], region: str, *, changing: bool = False
) -> tuple[HelpRequest | None, dict[str, str]]:
    """Parses the form. Returns the request and no errors, or None and an error text by field.

    Of a request that is changed the address may be left out.
    """
    missing: dict[str, str] = {}
    way, channel = form.get("way", ""), form.get("channel", "")
    address = form.get(way, "").strip() if way in ADDRESS else ""
    if way not in ADDRESS:
        missing["way"] = NO_WAY
    elif not (changing and not address):
        error = _address_error(way, address, region)
        missing |= {} if error is None else {"address": error}
    second = _second(form.get("second", "").strip())
    if second is not None and _address_error(*second, region) is not None:
        missing["second"] = SECOND
    if channel not in {one.value for one in Channel}:
        missing["channel"] = NO_CHANNEL
    if missing:
        return None, missing
    return HelpRequest(way, address, channel, "company" in form, "unsafe" in form, second, _intake(form)), {}


def _address_error(way: str, address: str, region: str) -> str | None:
    if way == ContactMethod.EMAIL and sendable(address) is None:
        return UNREACHABLE if is_unreachable(address) else ADDRESS[way]
    if way == ContactMethod.PHONE and phone_number(address, region) is None:
        return ADDRESS[way]
    return None


def _second(typed: str) -> tuple[str, str] | None:
    """The second address with its way; None if nothing was typed in."""
    if not typed:
        return None
    return (ContactMethod.EMAIL if "@" in typed else ContactMethod.PHONE).value, typed


def _intake(form: Mapping[str, str]) -> Intake:
    return Intake(
        times=tuple(time for time in Times if f"time_{time}" in form),
        language=form.get("speak", "")[:35],
        needs=tuple(need for need in Need if f"need_{need}" in form),
        documents=tuple(sorted(name.removeprefix("doc_") for name in form if name.startswith("doc_")))[:20],
        helper=clean(form.get("helper", ""))[:LONGEST],
        name=clean(form.get("called", ""))[:LONGEST],
    )
