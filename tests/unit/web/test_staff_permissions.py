"""Staff permissions: pages offer exactly the forms that writes accept, for every form, state and kind of staff."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome, CheckRecord, Decision, EvidenceRecord, IndependentReview
from broker.assisted.case_states import CaseState
from broker.assisted.profiles import default_profiles
from broker.model.assurance import EvidenceType
from broker.model.staff import StaffMember, StaffRole
from broker.platform.system import System
from tests.unit.assisted.cases import AGENT, MEET, NOW, PONDER, REVIEWER, TO, verdict, walked
from tests.unit.web.staff import FRESH, Ready, StaffClient, Stage, staged
from tests.unit.web.staff_forms import PASSPORT, PERSON

pytestmark = pytest.mark.store

R = StaffRole
DECLINE = {"decision": "decline", "decline.details_differ": "yes"}

FORMS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "renew": ("renew", {}),
    "start": ("start", {"channel": "video"}),
    "contact": ("contact", {"result": "call.made"}),
    "words": ("words", {}),
    "end": ("end", {}),
    "drop": ("drop", {"reason": "line_lost"}),
    "put-back": ("put-back", {"reason": "end_of_shift"}),
    "interest": ("interest", {}),
    "flag": ("flag", {"reason": "coached", "back": "/"}),
    "note": ("note", {"note": "Calm and sure."}),
    "ask lead": ("ask-lead", {"note": "Is a letter enough?"}),
    "ask": ("ask", {"message": "Your call with us about the library card"}),
    "evidence": ("evidence/new", PASSPORT),
    "change evidence": ("evidence/e1", PASSPORT),
    "remove evidence": ("evidence/e1/remove", {}),
    "change confirmation": ("evidence/q-1", PASSPORT),
    "remove confirmation": ("evidence/q-1/remove", {}),
    "person": ("person", PERSON),
    "details": ("details", {"field.given_name": "Amina", "field.family_name": "Hughes", "field.birthdate": "1987"}),
    "approve": ("decision", {"decision": "approve"}),
    "more evidence": ("decision", {"decision": "more_evidence", "more_evidence.evidence_missing": "yes"}),
    "decline": ("decision", DECLINE),
    "view": ("view", {"decision": "approve"}),
    "review": ("review", {"decision": "agree"}),
    "hold": ("hold", {"reason": "doubt"}),
    "take-back": ("take-back", {"reason": "absent_colleague"}),
    "end-hold": ("end-hold", {"reason": "cleared"}),
    "decline held": ("decline", {"reason.details_differ": "yes"}),
    "revoke": ("revoke", {"reason": "not_me"}),
}
"""Each form of a case's pages: the end of its path, and its fields."""


def _checks(*names: str) -> tuple[CheckRecord, ...]:
    return tuple(CheckRecord(name, CheckOutcome.YES, AGENT, NOW) for name in names)


_EVIDENCE = EvidenceRecord(
    "e1",
    "passport",
    EvidenceType.DOCUMENT,
    AGENT,
    NOW,
    {"number": "123"},
    _checks("seen", "valid", "features", "details_match", "record", "face"),
)
_CONFIRMATION = EvidenceRecord(
    "q-1", "own_device", EvidenceType.ELECTRONIC_RECORD, "broker", NOW, {"way": "Bank"}, _checks("confirmed")
)
_READY = (
    *MEET,
    ev.WordsExchanged(AGENT),
    ev.EvidenceRecorded(AGENT, _EVIDENCE),
    ev.DeviceConfirmed(_CONFIRMATION),
    ev.ChecksRecorded(AGENT, _checks(*default_profiles().person)),
    ev.DetailsRecorded(AGENT, {"given_name": "Ada", "birthdate": "1990-01-02"}),
)
_AGAIN = (
    ev.Decided(verdict(Decision.MORE_EVIDENCE)),
    ev.ReadyForSession(),
    ev.Claimed(AGENT),
    ev.SessionStarted(AGENT, Channel.VIDEO),
    ev.SessionEnded(AGENT),
)
_REVIEW = (*TO[CaseState.REVIEW], ev.ReviewClaimed(REVIEWER))

SITUATIONS: Mapping[str, tuple[ev.Event, ...]] = {
    **{state.value: steps for state, steps in TO.items()},
    "in session, everything recorded": _READY,
    "decision, everything recorded": (*_READY, ev.SessionEnded(AGENT)),
    "decision, nothing recorded": (*MEET, ev.SessionEnded(AGENT)),
    "decision, more evidence was asked for twice": (*PONDER, *_AGAIN, *_AGAIN),
    "held after a decision": (*PONDER, ev.Decided(verdict(Decision.REFER))),
    "review, claimed": _REVIEW,
    "review, after the independent review": (
        *_REVIEW,
        ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.APPROVE)),
    ),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff with roles, who looked the case up or not, and signed in recently or not."""

    id: str
    roles: tuple[StaffRole, ...]
    looked_up: bool = False
    stale: bool = False

    def __str__(self) -> str:
        """For the messages of assertions."""
        return f"{self.id} {'+'.join(self.roles)}{' looked up' * self.looked_up}{' stale' * self.stale}"


ANY_ROLE = {"flag", "interest"}
RECORD = {"details", "evidence", "person"}
OFFERED: Mapping[tuple[str, str], set[str]] = {
    ("queued", "visitor-1 agent looked up"): ANY_ROLE,
    ("queued", "lead-2 lead looked up"): ANY_ROLE | {"note", "hold"},
    ("queued", "auditor-1 auditor looked up"): set(),
    ("claimed", "agent-1 agent"): ANY_ROLE | {"contact", "note", "ask lead", "renew", "start", "put-back"},
    ("claimed", "lead-2 lead looked up"): ANY_ROLE | {"note", "hold", "take-back"},
    ("in_session", "agent-1 agent"): ANY_ROLE
    | RECORD
    | {"contact", "note", "ask lead", "renew", "words", "end", "drop"},
    ("decision, nothing recorded", "agent-1 agent"): ANY_ROLE
    | RECORD
    | {"contact", "note", "ask lead", "renew", "put-back", "decline", "more evidence"},
    ("decision, everything recorded", "agent-1 agent"): ANY_ROLE
    | RECORD
    | {
        "contact",
        "note",
        "ask lead",
        "renew",
        "put-back",
        "decline",
        "more evidence",
        "approve",
        "ask",
        "change evidence",
        "remove evidence",
    },
    ("decision, more evidence was asked for twice", "agent-1 agent"): ANY_ROLE
    | RECORD
    | {"contact", "note", "ask lead", "renew", "put-back", "decline", "ask", "change evidence", "remove evidence"},
    ("review, claimed", "reviewer-1 reviewer"): ANY_ROLE | {"note", "ask lead", "renew", "put-back", "view"},
    ("review, after the independent review", "reviewer-1 reviewer"): ANY_ROLE
    | {"note", "ask lead", "renew", "put-back", "review"},
    ("held", "lead-2 lead looked up"): ANY_ROLE | {"note", "end-hold", "decline held"},
    ("held", "lead-2 lead looked up stale"): ANY_ROLE | {"note", "end-hold"},
    ("bound", "lead-2 lead looked up"): {"flag", "revoke"},
    ("declined", "lead-2 lead looked up"): set(),
}
"""The forms that some pages offer, so that the test cannot pass on empty pages."""

OUTSIDE = (
    Actor("visitor-1", (R.AGENT,), looked_up=True),
    Actor("lead-2", (R.LEAD,), looked_up=True),
    Actor("lead-2", (R.LEAD,), looked_up=True, stale=True),
    Actor("auditor-1", (R.AUDITOR,), looked_up=True),
)
NO_ROLE = (Actor("stranger-1", (R.AGENT, R.REVIEWER, R.LEAD)), Actor("admin-1", (R.ADMIN,)))
AGENTS = (
    Actor(AGENT, (R.AGENT,)),
    Actor(AGENT, (R.AGENT, R.LEAD), looked_up=True),
    Actor(AGENT, (R.REVIEWER,)),
    Actor(AGENT, (R.AGENT,), stale=True),
)
REVIEWERS = (
    Actor(REVIEWER, (R.REVIEWER,)),
    Actor(REVIEWER, (R.AGENT,)),
    Actor(REVIEWER, (R.REVIEWER,), stale=True),
)


class Page(HTMLParser):
    """The forms of a page: by action, the values that radio buttons and selects offer; and the page's links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, set[str]] = {}
        self.links: set[str] = set()
        self._form = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collects forms, choices and links."""
        found = {name: value or "" for name, value in attributes}
        if tag == "form" and found.get("method") == "post":
            self._form = found["action"]
            self.forms[self._form] = set()
        elif tag == "form":
            self.links.add(f"{found['action']}/new?kind=passport")
        elif tag == "input" and found.get("type") == "radio" and self._form:
            self.forms[self._form].add(found["value"])
        elif tag == "a":
            self.links.add(found.get("href", ""))


@dataclass(slots=True)
class World:
    """The console, with members of staff and cases that a test adds."""

    stage: Stage
    people: dict[str, StaffMember]
    number: int = field(default=0)

    async def case(self, situation: str, who: Actor) -> Case:
        """Stores a new case in this situation, looked up by the actor if the actor requires it."""
        self.number += 1
        case = walked(*SITUATIONS[situation], now=NOW + 86400 if situation == CaseState.EXPIRED else NOW)
        case = replace(
            case,
            id=f"case-{self.number}",
            transaction=f"transaction-{self.number}",
            reference=f"BCDF{self.number:04}",
            continuation=None,
        )
        if who.looked_up:
            case = walked(ev.Opened(who.id, "follow_up"), case=case, now=case.changed)
        case = replace(case, version=1)
        await self.stage.facts.cases.create(case, ())
        return case

    async def client_of(self, who: Actor) -> StaffClient:
        """The client of the actor, signed in."""
        self.people[who.id] = StaffMember(who.id, f"sub-{who.id}", "Robin Doe", frozenset(who.roles))
        return await self.stage.sign_in(self.people[who.id], NOW - FRESH if who.stale else None)

    async def changed(self, case: Case) -> bool:
        """Whether the case was changed or a backchannel request to its citizen was stored."""
        stored = await self.stage.facts.cases.load(case.id)
        return stored != case or bool(await self.stage.facts.questions.of_case(case.id))


@pytest.fixture
async def world(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[World]:
    """The console without members of staff."""
    people: dict[str, StaffMember] = {}
    async with staged(console_ready, tmp_path, system, people=people) as stage:
        yield World(stage, people)


async def offered_forms(context: StaffClient, at: str) -> dict[str, set[str]]:
    """The forms on the page of a case and on the pages that it links to."""
    first = Page((await context.get(at)).text)
    forms = dict(first.forms)
    for link in sorted(first.links):
        if link.startswith(f"{at}/"):
            page = await context.get(link)
            forms |= Page(page.text).forms if page.status_code == 200 else {}
    return {path: values for path, values in forms.items() if path.startswith(f"{at}/")}


def is_offered(forms: Mapping[str, set[str]], at: str, path: str, filled: Mapping[str, str]) -> bool:
    """Whether a form with this choice is on one of the pages."""
    values = forms.get(f"{at}/{path}")
    return values is not None and filled.get("decision", "") in (values | {""})


def members_of(situation: str) -> tuple[Actor, ...]:
    """The actors to test in a situation, including the holder of the case if it has one."""
    holder = walked(*SITUATIONS[situation], now=NOW + 86400 if situation == CaseState.EXPIRED else NOW).holder
    return OUTSIDE + (AGENTS if holder == AGENT else REVIEWERS if holder == REVIEWER else ())


async def check(world: World, situation: str, who: Actor) -> set[str]:
    """Posts every form of a case; returns the offered ones. Asserts that only those change the case."""
    context = await world.client_of(who)
    token = await csrf_token(context)
    case = await world.case(situation, who)
    forms = await offered_forms(context, f"/cases/{case.id}")
    found = set()
    for name, (path, filled) in FORMS.items():
        shown = is_offered(forms, f"/cases/{case.id}", path, filled)
        found |= {name} if shown else set()
        tried = await world.case(situation, who) if await world.changed(case) or shown else case
        form = {"token": token, "edition": str(tried.edit_version), **filled}
        answer = await context.client.post(f"/cases/{tried.id}/{path}", data=form, headers=dict(context.headers))
        assert answer.status_code in (303, 403), (str(who), name)
        changed = await world.changed(tried)
        assert changed is shown, f"{name} by {who}: offered {shown}, changed {changed}, {answer.headers}"
    assert {path.removeprefix(f"/cases/{case.id}/") for path in forms} <= {path for path, _ in FORMS.values()}
    return found


async def csrf_token(context: StaffClient) -> str:
    """The token of the forms, from the sign-out form of the home page."""
    text = (await context.get("/")).text
    return text.partition('name="token" value="')[2].partition('"')[0]


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_each_form_that_a_page_offers_is_accepted_and_each_other_form_is_refused(
    world: World, situation: str
) -> None:
    for who in members_of(situation):
        found = await check(world, situation, who)
        assert found == OFFERED.get((situation, str(who)), found), str(who)


@pytest.mark.parametrize("who", NO_ROLE, ids=lambda one: one.id)
async def test_no_form_of_a_case_is_accepted_from_staff_without_a_role_in_it(world: World, who: Actor) -> None:
    for situation in ("queued", "in session, everything recorded", "held", "bound"):
        assert await check(world, situation, who) == set()


async def test_while_a_question_to_the_citizen_waits_no_second_one_is_offered_or_accepted(world: World) -> None:
    who = Actor(AGENT, (R.AGENT,))
    context = await world.client_of(who)
    case = await world.case("in session, everything recorded", who)
    at, (path, filled) = f"/cases/{case.id}", FORMS["ask"]
    form = {"token": await csrf_token(context), "edition": str(case.edit_version), **filled}
    assert f"{at}/ask" in await offered_forms(context, at)
    for location in (f"{at}?told=asked", f"{at}?problem=asked"):
        answer = await context.client.post(f"{at}/{path}", data=form, headers=dict(context.headers))
        assert answer.headers["location"] == location
        assert f"{at}/ask" not in await offered_forms(context, at)
    assert len(await world.stage.facts.questions.of_case(case.id)) == 1


async def test_a_note_of_a_visitor_is_refused_and_not_kept(world: World) -> None:
    who = Actor("visitor-1", (R.AGENT,), looked_up=True)
    context = await world.client_of(who)
    case = await world.case("queued", who)
    form = {"token": await csrf_token(context), "note": "Calm and sure."}
    refused = await context.client.post(f"/cases/{case.id}/note", data=form, headers=dict(context.headers))
    assert (refused.status_code, "This is not for you" in refused.text) == (403, True)
    assert not await world.changed(case)
