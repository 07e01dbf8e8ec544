"""Case status page: the stage of a citizen's case in assisted verification, and what the citizen can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.views import CaseStatusView
from broker.assisted.case_records import Channel, ContactMethod
from broker.assisted.case_status import CaseStage, CaseStatus
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.help_form import CHANNELS, NEEDS, TIMES
from broker.web.citizens.opening_texts import now_text
from broker.web.citizens.page_context import PageContext, readable
from broker.web.citizens.provider_choices import choices
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse


@dataclass(frozen=True, slots=True)
class StageText:
    """The texts of one stage: what it is, what happens next. Placeholders: {service} and {time}.

    `told` promises a message; `silent` stands in its place if none is sent.
    """

    title: str
    story: tuple[str, ...] = ()
    told: str = ""
    silent: str = ""


STAGE_TEXTS: Mapping[CaseStage, StageText] = MappingProxyType(
    {
        CaseStage.ASKED: StageText(
            marked("You asked for help from a person"),
            (
                marked(
                    "Get your documents ready. Then tell us that you are ready, and one of our staff gets in touch "
                    "with you."
                ),
            ),
        ),
        CaseStage.MORE_NEEDED: StageText(
            marked("We need something more from you"),
            (
                marked("What you showed us was not quite enough to be sure. Another document may do it."),
                marked("Tell us when you have one at hand, and one of our staff gets in touch with you again."),
            ),
        ),
        CaseStage.TO_SEND: StageText(
            marked("Send us your photos and a video"),
            (marked("Take photos of your document and a short video of you. When they are there, we look at them."),),
        ),
        CaseStage.MORE_TO_SEND: StageText(
            marked("We need something more from you"),
            (
                marked("What you sent us was not quite enough to be sure. Another document may do it."),
                marked("Send it, and a new video with your new word. Then we look again."),
            ),
        ),
        CaseStage.SENT: StageText(
            marked("We have what you sent"),
            told=marked(
                "One of our staff looks at it. You do not have to stay on this page: we tell you when it is done."
            ),
            silent=marked(
                "One of our staff looks at it. We send no messages, since you said that they are not safe for you: "
                "look here again when it suits you."
            ),
        ),
        CaseStage.SCHEDULED: StageText(
            marked("You have an appointment"),
            (marked("You can change or cancel it here until it begins."),),
        ),
        CaseStage.IN_LINE: StageText(
            marked("You are in line"),
            (marked("The next person who is free gets in touch with you. You do not have to stay on this page."),),
        ),
        CaseStage.TALKING: StageText(
            marked("One of our staff is looking after you"),
            (marked("They talk to you now, or will in a moment. Keep this page open if you can."),),
        ),
        CaseStage.BEING_DECIDED: StageText(
            marked("We are looking at what you showed us"),
            told=marked(
                "There is nothing for you to do. We tell you when it is done, and you can look here at any time."
            ),
            silent=marked(
                "There is nothing for you to do. We send no messages, since you said that they are not safe for you: "
                "look here again when it suits you."
            ),
        ),
        CaseStage.TO_TAKE_UP: StageText(
            marked("Your identity is confirmed"),
            (marked("One thing is left: show us that you are the person who asked. Then you go on to {service}."),),
        ),
        CaseStage.REPLACING: StageText(
            marked("Your new passkey is approved"),
            (
                marked(
                    "It does not count yet: we have told every address that we know of you, so that you can stop it if "
                    "another person asked in your name. Come back to this page then, or sign in with the new passkey."
                ),
            ),
        ),
        CaseStage.FROZEN: StageText(
            marked("The new passkey was stopped"),
            (
                marked(
                    "We sent a message about it, and the person who read it said that it was not them who asked. One "
                    "of our staff looks at it before anything goes on. Get in touch with us if it was you."
                ),
            ),
        ),
        CaseStage.STOPPED: StageText(
            marked("We stopped, to protect you"),
            (
                marked("What you typed in did not match too often, so no more tries are possible for now."),
                marked(
                    "What you showed us is kept, and your identity is still confirmed. One of our staff looks at your "
                    "request. If all is well, you get new tries on this page."
                ),
            ),
        ),
        CaseStage.DONE: StageText(
            marked("You are done here"), (marked("Load this page again to go on to {service}."),)
        ),
        CaseStage.OVER: StageText(
            marked("Your request for help is closed"), (marked("Load this page again to go on."),)
        ),
    }
)

STEPS: tuple[tuple[str, frozenset[CaseStage]], ...] = (
    (
        marked("You ask for help"),
        frozenset({CaseStage.ASKED, CaseStage.MORE_NEEDED, CaseStage.TO_SEND, CaseStage.MORE_TO_SEND}),
    ),
    (
        marked("One of our staff talks to you"),
        frozenset({CaseStage.SCHEDULED, CaseStage.IN_LINE, CaseStage.TALKING, CaseStage.SENT}),
    ),
    (marked("We check"), frozenset({CaseStage.BEING_DECIDED})),
    (
        marked("You show that it was you who asked"),
        frozenset({CaseStage.TO_TAKE_UP, CaseStage.STOPPED, CaseStage.REPLACING, CaseStage.FROZEN}),
    ),
    (marked("You go on to the service"), frozenset({CaseStage.DONE, CaseStage.OVER})),
)
"""The steps of assisted verification in order, each with the stages in which it is the current one."""

SENDING_STEPS: Mapping[int, str] = MappingProxyType({1: marked("We get what you send")})
"""Other texts of steps, by their number, for a citizen who sends everything, without a meeting."""

SHEETS = (
    PageTemplate(
        "case-status",
        "citizens/case_status.html",
        {"stage_texts": STAGE_TEXTS, "steps": STEPS, "sending_steps": SENDING_STEPS},
    ),
)

ALWAYS_DATED = 0.0
"""The present moment for a time that is shown with its date in any case: a page may be printed."""

_MAY_BE_READY = frozenset({CaseStage.ASKED, CaseStage.MORE_NEEDED})
_TO_SEND = frozenset({CaseStage.TO_SEND, CaseStage.MORE_TO_SEND})


def waiting(view: CaseStatusView, frame: PageContext, code: Mapping[str, object]) -> PageResponse:
    """The page of a case. `code` holds the variables of the continuation code (`code_variables`)."""
    words, stands = frame.language, view.status
    now = next(number for number, (_, stages) in enumerate(STEPS) if stands.stage in stages)
    others = choices(view.offer, words, view.service.name(words.code), frame.now, person=False)
    variables = frame.template_variables(
        view.service,
        stage=stands.stage.value,
        step=now,
        reference=readable(stands.reference),
        first=stands.words.first if stands.words else None,
        second=stands.words.second if stands.words else None,
        silent=stands.silent,
        ready=stands.stage in _MAY_BE_READY and not stands.comes,
        **_meeting(stands, frame),
        may_send_files=stands.may_send_files,
        sending=stands.channel is Channel.SENT,
        to_send=stands.stage in _TO_SEND,
        question="" if view.question is None else view.question.message or "",
        take_up=stands.stage is CaseStage.TO_TAKE_UP,
        stopped=stands.stage is CaseStage.STOPPED,
        may_finish=stands.may_finish,
        may_meet=stands.may_meet,
        may_call=stands.may_call,
        missed_call=stands.missed_call,
        **_call(stands, frame),
        redress_until=None if stands.redress_until is None else words.day(stands.redress_until),
        answer=stands.answer,
        starts=None if stands.starts is None else words.format_time(stands.starts, ALWAYS_DATED),
        other_meeting=stands.other_meeting,
        **_passkey(view),
        code_error=None,
        words_error=None,
        call_error=None,
        ways=others,
        **_times(stands, frame),
        **_code(stands, frame),
        **code,
    )
    variables["keeps"] = bool(others) or (variables["take_up"] is True and variables["code_until"] is not None)
    return PageResponse("case-status", variables)


def _passkey(view: CaseStatusView) -> dict[str, object]:
    """The variables of the passkey: how far it is, and the provider with which the citizen can finish by it now."""
    made, way = view.status.passkey, view.passkeys
    confirmed = made is not None and made.confirmed is not None
    return {
        "passkey_made": made is not None,
        "passkey_confirmed": confirmed,
        "remove_passkey": view.status.may_remove_passkey,
        "make_passkey": way is not None and view.status.may_make_passkey,
        "finish_with": way if confirmed and view.status.stage is CaseStage.TO_TAKE_UP else None,
    }


def _meeting(stands: CaseStatus, frame: PageContext) -> dict[str, object]:
    """The variables of the meeting: the appointment, the place in line, hours, and what was asked for."""
    words, now, made = frame.language, frame.now, stands.appointment
    waiting = stands.stage in (CaseStage.ASKED, CaseStage.MORE_NEEDED, CaseStage.IN_LINE)
    return {
        "appointment": None if made is None else words.format_time(made.begins, ALWAYS_DATED),
        "where": "" if made is None else place_text(stands, words),
        "may_book": stands.may_book,
        "comes": stands.comes,
        "reminds": made is not None and (stands.asked is None or not stands.asked.safety.unsafe),
        "missed": stands.missed > 0 and stands.stage is CaseStage.ASKED and stands.closing is None,
        "closing": None if stands.closing is None else words.format_time(stands.closing, ALWAYS_DATED),
        "tells": stands.asked is not None and not stands.asked.safety.unsafe,
        "second_address": None if stands.asked is None or stands.asked.second is None else stands.asked.second.address,
        "line": [*_line(stands, words), *_promise(stands, words, now)],
        "open_now": now_text(stands.open_hours, words, now) if waiting and not stands.comes else "",
        "wanted": [in_language(texts, words.code) for texts in stands.wanted],
        "asked": _asked(stands, words),
    }


def place_text(stands: CaseStatus, words: Language) -> str:
    """Where the appointment is: the name and address of the office, or how staff get in touch."""
    if stands.office is not None:
        return f"{in_language(stands.office.names, words.code)}, {stands.office.address}"
    return words.text(CHANNELS[stands.channel].name) if stands.channel is not None else ""


def _line(stands: CaseStatus, words: Language) -> list[str]:
    """The place in line and the time that it takes, as far as they can be told."""
    if stands.ahead is None:
        return []
    first = words.text("You are the next in line.")
    ahead = words.ngettext("{n} person asked before you.", "{n} people asked before you.", stands.ahead)
    if stands.wait is None:
        expected = words.text("We cannot say yet how long it takes.")
    else:
        time = words.duration(stands.wait)
        expected = words.text(
            "Half of the people who waited as long as you were helped within {duration}.", duration=time
        )
    return [ahead if stands.ahead else first, expected]


def _promise(stands: CaseStatus, words: Language, now: float) -> list[str]:
    """By when staff talk to the citizen; once that time has passed, that they did not."""
    if stands.promise is None:
        return []
    time = words.format_time(stands.promise.until, now)
    if stands.promise.missed or stands.promise.until <= now:
        return [
            words.text(
                "We meant to be with you by {time}, and we are late. We are sorry. You keep your place.", time=time
            )
        ]
    if stands.channel is Channel.SENT:
        return [words.text("By {time} at the latest we look at what you sent.", time=time)]
    return [words.text("By {time} at the latest we talk to you.", time=time)]


def _asked(stands: CaseStatus, words: Language) -> list[tuple[str, str]]:
    """What was asked for, as labels and values; nothing once it cannot be changed."""
    asked = stands.asked
    if asked is None:
        return []
    intake = asked.intake
    rows = [
        (words.text("How we talk"), words.text(CHANNELS[asked.channel].name)),
        (words.text("Where we reach you"), asked.contact.address),
        (words.text("Also"), "" if asked.second is None else asked.second.address),
        (words.text("What we call you"), intake.name),
        (words.text("When it suits you"), ", ".join(words.text(TIMES[time]) for time in intake.times)),
        (words.text("What you need"), ", ".join(words.text(NEEDS[need]) for need in intake.needs)),
        (words.text("Who helps you"), intake.helper),
    ]
    return [(label, value) for label, value in rows if value]


def _times(stands: CaseStatus, frame: PageContext) -> dict[str, object]:
    words = frame.language
    return {
        "until": None
        if stands.until is None or stands.closing is not None
        else words.format_time(stands.until, frame.now),
        "ends": None if stands.ends is None else words.day(stands.ends),
    }


def _call(stands: CaseStatus, frame: PageContext) -> dict[str, object]:
    """The variables of the call: whether it is made now, by when it is, and what has to be typed in with its code."""
    words, call = frame.language, stands.call
    making = call is not None and call.by is not None
    return {
        "called": making,
        "call_by": None if call is None or making else words.format_time(call.until, frame.now),
        "call_until": None if call is None or call.expires is None else words.format_time(call.expires, frame.now),
        "words_too": stands.needs.call_and_words and not stands.needs.call,
        "looked_at": None if stands.looked_at is None else words.format_time(stands.looked_at, frame.now),
    }


def _code(stands: CaseStatus, frame: PageContext) -> dict[str, object]:
    """The variables of the confirmation code: where it was or can be sent, until when it is valid, attempts left."""
    words, code, contact = frame.language, stands.code, stands.contact
    by_post = stands.channel is Channel.PHONE_AND_POST
    return {
        "contact": contact.address if contact else None,
        "way": "" if contact is None or by_post else contact.way.value,
        "posted": code is not None and code.way is ContactMethod.POST,
        "code_until": words.format_time(code.expires, frame.now) if code else None,
        "may_send": stands.may_send,
        "tries": words.ngettext("You can try {n} more time.", "You can try {n} more times.", stands.tries),
    }
