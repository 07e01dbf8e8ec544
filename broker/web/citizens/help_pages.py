"""Assisted verification: the form to request it, and the forms of a waiting case."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser
from broker.actions.results import (
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    RateLimited,
)
from broker.actions.sign_in import dispatch
from broker.actions.views import DeadEnd
from broker.assisted.case_records import Channel, ContactMethod
from broker.normalize.email import is_unreachable, sendable
from broker.normalize.phone import example_numbers, phone_number
from broker.web.citizens.binding_pages import keep_mark
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext, TypedValues
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, set_cookie


@dataclass(frozen=True, slots=True)
class ChannelText:
    """The texts of one channel."""

    name: str
    text: str


CHANNELS: Mapping[Channel, ChannelText] = MappingProxyType(
    {
        Channel.VIDEO: ChannelText(
            marked("By video"), marked("You need a device with a camera, and a document with your picture.")
        ),
        Channel.SENT: ChannelText(
            marked("I send photos and a video"),
            marked("You need no appointment. You take photos of your document and a short video of yourself."),
        ),
        Channel.IN_PERSON: ChannelText(
            marked("In person"), marked("You come to one of our places and bring your documents.")
        ),
        Channel.PHONE: ChannelText(marked("By telephone"), marked("We call you. Have your documents in front of you.")),
        Channel.PHONE_AND_POST: ChannelText(
            marked("By telephone and a letter"),
            marked("We call you, and send a code to your address by post. It takes some days."),
        ),
    }
)

SHEETS = (PageTemplate("help-me", "citizens/help_me.html", {"channels": CHANNELS}),)

_ADDRESS: Final = MappingProxyType(
    {
        ContactMethod.EMAIL.value: marked("Type in an email address, such as name@example.org"),
        ContactMethod.PHONE.value: marked("Type in a telephone number, such as {national} or {international}"),
    }
)
_NO_WAY: Final = marked("Choose how we may reach you")
_UNREACHABLE: Final = marked(
    "We cannot send to this email address, because of the letters before the @. Type in another one"
)


def help_routes(app: CitizenApp) -> list[Route]:
    """The routes of requests for help."""
    return [
        Route("/journey/{handle}/help", page(app, help_form), methods=["GET"]),
        Route("/journey/{handle}/help", page(app, request_help), methods=["POST"]),
        Route("/journey/{handle}/ready", page(app, _button(lambda c, h, b: c.ready(h, b))), methods=["POST"]),
        Route("/journey/{handle}/status", page(app, _button(lambda c, h, b: c.resume_case(h, b))), methods=["POST"]),
        Route("/journey/{handle}/withdraw", page(app, _button(lambda c, h, b: c.withdraw(h, b))), methods=["POST"]),
    ]


async def help_form(req: CitizenRequest) -> Response:
    """The page with the form and what the citizen should have ready."""
    return await _show_form(req, {}, {})


async def request_help(req: CitizenRequest) -> Response:
    """Submits a request for help. An incomplete form is shown again with the typed values and error texts."""
    form = await req.form()
    if form is None:
        return redirect_to(f"{req.base}/help", "again")
    if (other := req.switched(form)) is not None:
        return await _show_form(other, form, {})
    wanted, missing = read_wanted(form, req.app.region)
    if wanted is None:
        return await _show_form(req, form, missing)
    outcome = await req.app.cases.request_help(req.handle, req.browser, wanted)
    match outcome:
        case HelpRefused.ADDRESS:
            return await _show_form(req, form, {"address": _ADDRESS[wanted.way]})
        case HelpRefused.UNREACHABLE:
            return await _show_form(req, form, {"address": _UNREACHABLE})
        case HelpRefused.WAY:
            return await _show_form(req, form, {"way": _NO_WAY})
        case RateLimited():
            frame = req.frame(outcome.transaction.language if outcome.transaction else None)
            return req.answer(rate_limited_page(outcome, frame), frame)
    response = redirect_to(req.base, "not_now" if outcome is HelpRefused.NOT_NOW else "")
    if isinstance(outcome, ContinuationIssued):
        set_cookie(response, cookies.code(req.handle, outcome.code))
        keep_mark(req, response, outcome.mark)
    return response


async def _show_form(req: CitizenRequest, typed: Mapping[str, str], missing: Mapping[str, str]) -> Response:
    offered = await dispatch.help_on_offer(req.app.context, req.app.cases, req.handle, req.browser)
    if not isinstance(offered, HelpOffered):
        frame = req.frame(language_of(offered))
        return req.answer(render_view(offered, frame, req.cookies), frame)
    frame = req.frame(offered.transaction.language)
    return req.answer(_help_page(offered, frame, typed, _error_texts(missing, frame.language, req.app.region)), frame)


def _help_page(
    offered: HelpOffered, frame: PageContext, typed: Mapping[str, str], missing: Mapping[str, str]
) -> PageResponse:
    variables = frame.template_variables(
        offered.service,
        on_offer={channel.value for channel in offered.channels},
        reach={way.value for way in offered.contact_methods},
        typed=TypedValues(typed),
        keeps=True,
        missing={name: missing.get(name) for name in ("way", "address", "channel")},
    )
    return PageResponse("help-me", variables, 422 if missing else 200)


def _error_texts(missing: Mapping[str, str], words: Language, region: str) -> dict[str, str]:
    """Translates error texts; fills in the country's example numbers."""
    if _ADDRESS[ContactMethod.PHONE] not in missing.values():
        return {name: words.text(text) for name, text in missing.items()}
    national, international = example_numbers(region)
    return {name: words.text(text, national=national, international=international) for name, text in missing.items()}


def read_wanted(form: Mapping[str, str], region: str) -> tuple[HelpRequest | None, dict[str, str]]:
    """Parses the form. Returns the request and no errors, or None and an error text by field."""
    missing: dict[str, str] = {}
    way, channel = form.get("way", ""), form.get("channel", "")
    address = form.get(way, "").strip() if way in _ADDRESS else ""
    if way not in _ADDRESS:
        missing["way"] = _NO_WAY
    elif way == ContactMethod.EMAIL and sendable(address) is None:
        missing["address"] = _UNREACHABLE if is_unreachable(address) else _ADDRESS[way]
    elif way == ContactMethod.PHONE and phone_number(address, region) is None:
        missing["address"] = _ADDRESS[way]
    if channel not in {one.value for one in Channel}:
        missing["channel"] = marked("Choose how you want to talk to us")
    if missing:
        return None, missing
    return HelpRequest(way, address, channel, "company" in form, "unsafe" in form), {}


def _button(
    act: Callable[[CitizenCases, str, Browser], Awaitable[HelpRefused | DeadEnd | None]],
) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler for a form without fields."""

    async def answer(req: CitizenRequest) -> Response:
        if await req.form() is None:
            return redirect_to(req.base, "again")
        outcome = await act(req.app.cases, req.handle, req.browser)
        return redirect_to(req.base, outcome.value if isinstance(outcome, HelpRefused) else "")

    return answer
