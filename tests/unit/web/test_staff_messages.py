"""Agents write to citizens from templates: previewed as it is sent, sent through the outbox, nothing typed is lost."""

import re
from dataclasses import replace
from html import unescape

import pytest

from broker.actions.assisted.contacting import open_room
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseRef, CaseView, InputError, InvalidInput
from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod, Safety
from broker.assisted.contact_log import ContactChannel, ContactOutcome
from broker.model.notification import NoticeStatus, Notification, NotificationKind
from broker.model.staff import StaffSession
from tests.unit.web.staff import CARYS, StaffClient, Stage

pytestmark = pytest.mark.store

SOON = "2027-01-15T10:30"


async def claimed(stage: Stage, **changes: object) -> tuple[Case, StaffClient, str]:
    """A case that Carys holds, and the path of its page for writing."""
    case, context = await stage.case(), await stage.sign_in(CARYS)
    await context.send("/next", "/")
    held = await now(stage, case)
    reached = {"contact": Contact(ContactMethod.EMAIL, "ada@example.org"), "language": "cy", **changes}
    assert await stage.facts.cases.save(replace(held, version=held.version + 1, **reached), ())  # type: ignore[arg-type]
    return case, context, f"/cases/{case.id}/message"


async def now(stage: Stage, case: Case) -> Case:
    """The case as it stands."""
    found = await stage.facts.cases.load(case.id)
    assert found is not None
    return found


async def messages(stage: Stage) -> list[Notification]:
    """The messages that are about to be sent."""
    at = stage.system.now()
    lanes = [stage.facts.notices.lane(way) for way in ("email", "phone")]
    sent = [one for lane in lanes for one in await lane.claim(at, at + 60, 20)]
    return [one for one in sent if one.kind is NotificationKind.MESSAGE]


def shown(page: str) -> list[str]:
    """The paragraphs of the preview."""
    slip = page.partition('<div class="pt-slip"')[2].partition("</div>")[0]
    return [unescape(line) for line in re.findall(r"<bdi>(.*?)</bdi>", slip)]


async def test_what_is_previewed_is_what_is_sent_in_the_language_of_the_citizen(stage: Stage) -> None:
    case, context, at = await claimed(stage)
    listed = (await context.get(at)).text
    for template in ("call_again", "call_us", "have_ready", "video_room", "visit"):
        assert f'href="{at}?template={template}"' in listed
    fields = {"template": "call_again", "time": SOON, "to": "first"}
    answer = await context.send(at, f"{at}?template=call_again", fields)
    assert answer.headers["location"] == f"{at}?template=call_again&told=preview"
    page = (await context.get(answer.headers["location"])).text
    assert "ada@example.org" in page
    assert 'lang="cy"' in page
    assert await messages(stage) == [], "a preview was sent"
    told = await context.send(at, answer.headers["location"], {**fields, "do": "send"})
    assert told.headers["location"] == f"/cases/{case.id}?told=message_sent"
    [sent] = await messages(stage)
    assert shown(page) == ["Ynglŷn â'ch cais am help", *filter(None, sent.fields["text"].split("\n"))]
    assert "Byddwn yn eich ffonio eto" in sent.fields["text"]
    assert (sent.address, sent.case) == ("ada@example.org", case.id)
    attempt = (await now(stage, case)).contacts[-1]
    assert (attempt.channel, attempt.outcome, attempt.template) == (
        ContactChannel.MESSAGE,
        ContactOutcome.SENT,
        "call_again",
    )
    await stage.facts.notices.lane("email").mark_sent(sent.id, stage.system.now())
    assert await stage.facts.notices.record_receipt(sent.id, None)
    assert "A message of an agent, by e-mail: arrived" in (await context.get(f"/cases/{case.id}")).text
    assert [one.status for one in await stage.facts.notices.of_case(case.id, stage.system.now())] == [
        NoticeStatus.DELIVERED
    ]


@pytest.mark.parametrize(
    ("fields", "problem", "kept"),
    [
        ({"template": "call_again", "time": "soon"}, "not_ahead", "soon"),
        ({"template": "call_again", "time": "2020-01-01T10:00"}, "not_ahead", "2020-01-01T10:00"),
        ({"template": "have_ready", "note": "see www.example.org"}, "line", "see www.example.org"),
        ({"template": "have_ready", "note": "the code 123456"}, "line", ""),
        ({"template": "video_room", "time": SOON}, "no_room", SOON),
    ],
)
async def test_a_refused_message_is_filled_in_again_and_a_secret_is_not_kept(
    stage: Stage, fields: dict[str, str], problem: str, kept: str
) -> None:
    _, context, at = await claimed(stage)
    for do in ("", "send"):
        answer = await context.send(at, at, {**fields, "to": "first", "do": do})
        assert answer.headers["location"] == f"{at}?template={fields['template']}&problem={problem}"
    page = (await context.get(answer.headers["location"])).text
    assert not kept or f'value="{kept}"' in page
    assert "123456" not in page
    assert await messages(stage) == []


async def test_a_message_goes_to_the_second_address_if_the_agent_says_so(stage: Stage) -> None:
    _, context, at = await claimed(stage, second_contact=Contact(ContactMethod.PHONE, "+447700900982"))
    fields = {"template": "call_us", "to": "second"}
    answer = await context.send(at, f"{at}?template=call_us", fields)
    page = (await context.get(answer.headers["location"])).text
    await context.send(at, answer.headers["location"], {**fields, "do": "send"})
    [sent] = await messages(stage)
    assert (sent.way, sent.address) == ("phone", "+447700900982")
    assert shown(page) == [sent.fields["text"]], "the preview of a text message is its short text"


async def test_nobody_writes_to_a_citizen_who_said_that_it_is_unsafe(stage: Stage) -> None:
    _, context, at = await claimed(stage, safety=Safety(unsafe=True))
    assert "No message can be sent" in (await context.get(at)).text
    answer = await context.send(at, at, {"template": "call_us", "to": "first", "do": "send"})
    assert answer.headers["location"] == f"{at}?problem=no_message"
    assert await messages(stage) == []


class Rooms:
    """A tool for video rooms."""

    def __init__(self, link: str | None) -> None:
        self.link = link
        self.asked: list[str] = []

    async def open(self, request_id: str) -> str | None:
        """Opens a room."""
        self.asked.append(request_id)
        return self.link


async def test_the_link_of_the_room_service_is_sent_and_no_other(stage: Stage) -> None:
    case, context, at = await claimed(stage)
    at_now = stage.system.now()
    session = StaffSession("d", CARYS.id, CARYS.subject, "high", ("hwk",), int(at_now), at_now, at_now, at_now + 3600)
    agent = StaffPrincipal(CARYS, session, at_now + 300)
    held = await now(stage, case)
    failed = await open_room(stage.context, Rooms(None), agent, CaseRef(case.id, held.edit_version))
    assert failed == InvalidInput({"room": InputError.NO_ROOM})
    rooms = Rooms("https://rooms.example/a1")
    opened = await open_room(stage.context, rooms, agent, CaseRef(case.id, held.edit_version))
    assert isinstance(opened, CaseView)
    assert case.id not in rooms.asked[0]
    fields = {"template": "video_room", "time": SOON, "to": "first", "room": "https://elsewhere.example/"}
    answer = await context.send(at, f"{at}?template=video_room", fields)
    await context.send(at, answer.headers["location"], {**fields, "do": "send"})
    [sent] = await messages(stage)
    assert "https://rooms.example/a1" in sent.fields["text"]
    assert "elsewhere" not in str(sent.fields)
    assert [move.event for move in (await now(stage, case)).history][-2:] == ["room_opened", "contact_tried"]
