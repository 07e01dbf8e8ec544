"""The page of a transaction whose identity a person is checking: how it stands, and what can be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.views import Waiting
from broker.assisted.case import Channel, Way
from broker.assisted.standing import Stage, Standing
from broker.web.citizens.frame import Frame, readable
from broker.web.citizens.tellings import marked
from broker.web.citizens.ways import ways
from broker.web.pages import Sheet
from broker.web.shown import Shown


@dataclass(frozen=True, slots=True)
class StageTold:
    """The texts of one stage: what it is, what happens next. The holes are {service} and {time}."""

    title: str
    story: tuple[str, ...]


TOLD: Mapping[Stage, StageTold] = MappingProxyType(
    {
        Stage.ASKED: StageTold(
            marked("You asked for help from a person"),
            (
                marked(
                    "Get your documents ready. Then tell us that you are ready, and somebody gets in touch with you."
                ),
            ),
        ),
        Stage.MORE_NEEDED: StageTold(
            marked("We need something more from you"),
            (
                marked("What you showed us was not quite enough to be sure. Another document may do it."),
                marked("Tell us when you have one at hand, and somebody gets in touch with you again."),
            ),
        ),
        Stage.BOOKED: StageTold(
            marked("You have an appointment"),
            (marked("Have your documents ready. You can also talk to somebody earlier, if you like."),),
        ),
        Stage.IN_LINE: StageTold(
            marked("You are in line"),
            (marked("The next person who is free gets in touch with you. You do not have to stay on this page."),),
        ),
        Stage.TALKING: StageTold(
            marked("Somebody is looking after you"),
            (marked("They talk to you now, or will in a moment. Keep this page open if you can."),),
        ),
        Stage.BEING_DECIDED: StageTold(
            marked("We are looking at what you showed us"),
            (
                marked(
                    "There is nothing for you to do. We tell you when it is done, and you can look here at any time."
                ),
            ),
        ),
        Stage.TO_TAKE_UP: StageTold(
            marked("Your identity is confirmed"),
            (marked("One thing is left: show us that you are the person who asked. Then you go on to {service}."),),
        ),
        Stage.DONE: StageTold(marked("You are done here"), (marked("Load this page again to go on to {service}."),)),
        Stage.OVER: StageTold(marked("Your request for help is closed"), (marked("Load this page again to go on."),)),
    }
)

STEPS: tuple[tuple[str, frozenset[Stage]], ...] = (
    (marked("You ask for help"), frozenset({Stage.ASKED, Stage.MORE_NEEDED})),
    (marked("Somebody talks to you"), frozenset({Stage.BOOKED, Stage.IN_LINE, Stage.TALKING})),
    (marked("We check"), frozenset({Stage.BEING_DECIDED})),
    (marked("You show that it was you who asked"), frozenset({Stage.TO_TAKE_UP})),
    (marked("You go on to the service"), frozenset({Stage.DONE, Stage.OVER})),
)
"""The way a request for help goes, and at which stages one is where."""

SHEETS = (Sheet("waiting", "citizens/waiting.html", {"told": TOLD, "steps": STEPS}),)

_MAY_BE_READY = frozenset({Stage.ASKED, Stage.MORE_NEEDED, Stage.BOOKED})


def waiting(view: Waiting, frame: Frame, slip: Mapping[str, object]) -> Shown:
    """How a case stands. `slip` are the holes of the continuation code, as long as the browser remembers it."""
    words, stands = frame.language, view.standing
    now = next(number for number, (_, stages) in enumerate(STEPS) if stands.stage in stages)
    others = ways(view.offer, words, view.service.name(words.code), frame.now, person=False)
    holes = frame.holes(
        view.service,
        stage=stands.stage.value,
        step=now,
        reference=readable(stands.reference),
        first=stands.words.first if stands.words else None,
        second=stands.words.second if stands.words else None,
        ready=stands.stage in _MAY_BE_READY,
        question="" if view.asked is None else view.asked.message or "",
        take_up=stands.stage is Stage.TO_TAKE_UP,
        ways=others,
        **_times(stands, frame),
        **_code(stands, frame),
        **slip,
    )
    holes["keeps"] = bool(others) or (holes["take_up"] is True and holes["code_until"] is not None)
    return Shown("waiting", holes)


def _times(stands: Standing, frame: Frame) -> dict[str, object]:
    words = frame.language
    return {
        "appointment": None if stands.appointment is None else words.moment(stands.appointment, frame.now),
        "until": None if stands.until is None else words.moment(stands.until, frame.now),
        "ends": None if stands.ends is None else words.day(stands.ends),
    }


def _code(stands: Standing, frame: Frame) -> dict[str, object]:
    """Where the confirmation code went, or could go."""
    words, code, contact = frame.language, stands.code, stands.contact
    by_post = stands.channel is Channel.PHONE_AND_POST
    return {
        "contact": contact.address if contact else None,
        "way": "" if contact is None or by_post else contact.way.value,
        "posted": code is not None and code.way is Way.POST,
        "code_until": words.moment(code.expires, frame.now) if code else None,
        "may_send": stands.may_send,
        "tries": words.several("You can try {n} more time.", "You can try {n} more times.", stands.tries),
    }
