"""What each sentence of the citizens' pages claims about the sign-in.

`CLAIMS` maps a sentence to the condition that must hold on every page that shows it; `PLAIN` lists the texts that claim
nothing.
"""

from collections.abc import Callable, Mapping

from broker.journey.transaction import TransactionState
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.kill_switches import KillSwitchKind
from broker.provider import ProviderFailureReason
from broker.web.citizens.failure_text import NO_SERVICE
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from tests.unit.actions.page_world import RecordedState

F = FailureClass


def unanswered(facts: RecordedState) -> bool:
    return not facts.answered


def said(*what: ProviderFailureReason | Level) -> Callable[[RecordedState], bool]:
    return lambda facts: facts.said in what


def proven(facts: RecordedState) -> bool:
    return isinstance(facts.said, Level)


def off(kind: KillSwitchKind) -> Callable[[RecordedState], bool]:
    return lambda facts: any(one is kind for one, _ in facts.off)


def case(*kinds: str) -> Callable[[RecordedState], bool]:
    return lambda facts: bool(set(kinds) & set(facts.cases))


def open_until(facts: RecordedState) -> bool:
    return facts.transaction is not None and facts.transaction.open and facts.now < facts.transaction.expires


def leads_on(facts: RecordedState) -> bool:
    ends = ("/choose", "/help", "/later", "/have", "/status")
    return open_until(facts) and any(one.endswith(ends) for one in facts.offered)


def story(failure: FailureClass, line: int = 0) -> str:
    return FAILURE_TEXTS[failure].story[line]


def title(failure: FailureClass) -> str:
    return FAILURE_TEXTS[failure].title


CLAIMS: Mapping[str, Callable[[RecordedState], bool]] = {
    "{service} was told nothing about you this time.": unanswered,
    "{service} has been told nothing about you so far this time.": unanswered,
    "Nothing goes to {service} before you agree.": unanswered,
    NO_SERVICE: lambda _facts: True,
    "Your place is kept until": leads_on,
    "You do not have to start again.": leads_on,
    "You can open this page again until": open_until,
    "To keep you safe, {provider} is not offered again": lambda facts: "again" not in facts.offered,
    title(F.CANCELLED): said(ProviderFailureReason.CANCELLED),
    story(F.CANCELLED): said(ProviderFailureReason.CANCELLED),
    title(F.DECLINED_SHARING): lambda f: f.happened("sharing_declined") or f.said is ProviderFailureReason.DECLINED,
    story(F.DECLINED_SHARING): unanswered,
    title(F.COULD_NOT_SIGN_IN): said(ProviderFailureReason.NOT_RECOGNISED),
    # the page of a declined case uses the same words
    title(F.NOT_VERIFIED): lambda facts: (
        facts.said is ProviderFailureReason.NOT_VERIFIED or case("case_decided")(facts)
    ),
    title(F.LEVEL_TOO_LOW): said(ProviderFailureReason.TOO_WEAK, Level.LOW),
    story(F.LEVEL_TOO_LOW): said(ProviderFailureReason.TOO_WEAK, Level.LOW),
    title(F.NO_ROUTE): lambda facts: facts.removed,
    story(F.NO_ROUTE): lambda facts: facts.removed,
    title(F.PAUSED): said(ProviderFailureReason.PAUSED),
    story(F.PAUSED): said(ProviderFailureReason.PAUSED),
    title(F.PROVIDER_DOWN): said(ProviderFailureReason.UNAVAILABLE),
    story(F.PROVIDER_DOWN): said(ProviderFailureReason.UNAVAILABLE),
    title(F.PROVIDER_BUSY): said(ProviderFailureReason.BUSY),
    story(F.PROVIDER_BUSY): said(ProviderFailureReason.BUSY),
    title(F.TOOK_TOO_LONG): lambda facts: facts.failed("took_too_long"),
    title(F.UNSAFE_REPLY): said(ProviderFailureReason.UNSAFE),
    story(F.UNSAFE_REPLY): said(ProviderFailureReason.UNSAFE),
    title(F.INCOMPLETE_REPLY): said(ProviderFailureReason.INCOMPLETE),
    story(F.INCOMPLETE_REPLY): said(ProviderFailureReason.INCOMPLETE),
    title(F.CANNOT_USE): said(ProviderFailureReason.SUSPENDED),
    story(F.CANNOT_USE): said(ProviderFailureReason.SUSPENDED),
    title(F.PASSKEY_UNUSABLE): said(ProviderFailureReason.PASSKEY_UNUSABLE),
    story(F.PASSKEY_UNUSABLE): said(ProviderFailureReason.PASSKEY_UNUSABLE),
    story(F.PASSKEY_UNUSABLE, 1): said(ProviderFailureReason.PASSKEY_UNUSABLE),
    title(F.ACTING_FOR_ANOTHER): lambda facts: facts.failed("acting_for_another"),
    story(F.ACTING_FOR_ANOTHER): lambda facts: facts.failed("acting_for_another"),
    story(F.ACTING_FOR_ANOTHER, 1): lambda facts: facts.failed("acting_for_another"),
    title(F.WAY_CLOSED): lambda facts: off(KillSwitchKind.PROVIDER)(facts) or facts.removed,
    story(F.WAY_CLOSED): lambda facts: off(KillSwitchKind.PROVIDER)(facts) or facts.removed,
    story(F.WAY_CLOSED, 1): lambda facts: proven(facts) and not off(KillSwitchKind.ACCOUNT)(facts),
    title(F.NO_NEWCOMERS): lambda facts: facts.removed and proven(facts),
    story(F.NO_NEWCOMERS): lambda facts: facts.removed and proven(facts),
    story(F.NO_NEWCOMERS, 1): proven,
    title(F.ACCOUNT_OFF): off(KillSwitchKind.ACCOUNT),
    story(F.ACCOUNT_OFF): lambda facts: off(KillSwitchKind.ACCOUNT)(facts) and proven(facts),
    title(F.SERVICE_REFUSED): lambda facts: facts.failed("service_refused"),
    story(F.SERVICE_REFUSED): lambda facts: facts.failed("service_refused"),
    title(F.WAY_STOPPED): lambda facts: facts.failed("way_stopped"),
    story(F.WAY_STOPPED): lambda facts: facts.failed("way_stopped"),
    story(F.WAY_STOPPED, 1): lambda facts: facts.failed("way_stopped"),
    title(F.OTHER_ACCOUNT): lambda f: f.transaction is not None and f.transaction.request.expected_sub is not None,
    story(F.OTHER_ACCOUNT): proven,
    title(F.OTHER_PERSON): lambda facts: facts.failed("other_person"),
    story(F.OTHER_PERSON): lambda facts: facts.failed("other_person"),
    story(F.OTHER_PERSON, 1): lambda facts: facts.failed("other_person"),
    title(F.SESSION_ENDED): lambda facts: not facts.session,
    story(F.SESSION_ENDED): lambda facts: not facts.session and proven(facts),
    title(F.HELP_WITHDRAWN): case("case_withdrawn"),
    story(F.HELP_WITHDRAWN): case("case_withdrawn"),
    title(F.HELP_ELSEWHERE): case("case_rejoined", "case_resumed"),
    story(F.HELP_ELSEWHERE): case("case_rejoined", "case_resumed"),
    title(F.HELP_DECLINED): case("case_decided"),
    story(F.HELP_DECLINED): case("case_decided"),
    title(F.HELP_EXPIRED): case("case_time_ran_out"),
    title(F.HELP_UNREACHED): lambda facts: case("case_time_ran_out")(facts) and case("case_contact_tried")(facts),
    story(F.HELP_UNREACHED): lambda facts: facts.cases.count("case_contact_tried") > 1,
    title(F.HELP_REVOKED): case("case_revoked", "case_disowned"),
    story(F.HELP_REVOKED): case("case_revoked", "case_disowned"),
    title(F.OUR_FAULT): lambda facts: facts.failed("our_fault"),
    story(F.OUR_FAULT): lambda facts: facts.failed("our_fault"),
    title(F.SERVICE_OFF): lambda facts: off(KillSwitchKind.SERVICE)(facts) or facts.removed,
    story(F.SERVICE_OFF): lambda facts: off(KillSwitchKind.SERVICE)(facts) or facts.removed,
    title(F.REQUEST_EXPIRED): lambda f: f.transaction is not None and f.transaction.state is TransactionState.EXPIRED,
    "It was open for longer than we keep one.": lambda f: (
        f.transaction is not None and f.transaction.state is TransactionState.EXPIRED
    ),
    title(F.LOST_PLACE): lambda _facts: True,
    "You are done here": lambda facts: facts.answered,
    "You proved who you are, and {service} was told.": lambda facts: facts.answered,
    "You went back to {service}": lambda facts: facts.happened("given_up"),
    "You stopped here, and {service} was told nothing": lambda f: f.happened("given_up") and unanswered(f),
    "{service} has not been told yet:": lambda facts: facts.happened("identity_kept") and unanswered(facts),
    "we remember that it is you": lambda facts: facts.session or facts.happened("identity_kept"),
    "This request was answered already": lambda facts: facts.answered,
    "You finished it before": lambda facts: facts.answered,
    "You were on your way there. You can go there again, or use another way.": leads_on,
    "Nothing works right now": lambda facts: facts.removed,
    "No way is left here": lambda facts: not any(one.endswith("/choose") for one in facts.offered),
}
"""What must be true wherever a sentence is read. A key is a text, or as much of one as claims something."""

ELSEWHERE = frozenset({F.BAD_LINK, F.BAD_REQUEST, F.SILENT, F.HELP_WAITING, F.OVERLOADED, F.HELP_TOO_LOW})
"""Classes without a page of a transaction that these tests reach: doors, other tests, or no page at all."""

PLAIN = frozenset(
    {
        story(F.COULD_NOT_SIGN_IN),
        story(F.COULD_NOT_SIGN_IN, 1),
        story(F.NOT_VERIFIED),
        story(F.NOT_VERIFIED, 1),
        story(F.NO_ROUTE, 1),
        story(F.TOOK_TOO_LONG),
        story(F.OTHER_ACCOUNT, 1),
        story(F.SESSION_ENDED, 1),
        story(F.HELP_DECLINED, 1),
        story(F.HELP_EXPIRED),
        story(F.LOST_PLACE),
        story(F.LOST_PLACE, 1),
        "You proved who you are",
    }
)
"""Texts that claim nothing about this one sign-in."""
