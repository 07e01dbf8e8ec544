"""Example records of pages: providers, services, transactions, an account, and what views are made of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from broker.account.links import LinkRefusal
from broker.account.release import ConsentItem
from broker.actions.account.ways import AccountView, OwnWay, ServiceDisclosures, account_policy
from broker.actions.results import HelpOffered
from broker.actions.sign_in.context import ConfiguredProvider
from broker.actions.views import (
    FailureView,
    LinkView,
    ProvedWay,
)
from broker.assisted.case_records import (
    Channel,
)
from broker.assisted.help_ways import HelpWay
from broker.assisted.opening import BusinessHours, Office
from broker.journey.next_steps import next_steps
from broker.journey.provider_offer import Offer, ProviderOption, UnavailableProvider
from broker.journey.transaction import FailedAttempt, Transaction, TransactionState
from broker.model.account import Disclosure, Errand, ErrandKind, LinkedWay
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequest, BackchannelRequestRef
from broker.model.failures import FailureClass, NextStep
from broker.model.identity import Identity
from broker.model.provider_policy import DisplayOrder, ProviderPolicy
from broker.model.request import AuthorizationRequest
from broker.model.service import ClaimPurpose, OtherWay
from broker.provider import Prerequisite, Provider, ProviderInfo
from tests.support.services import make_service

NOW = 1_800_000_000.0
HOUR = 3600.0
HANDLE = "a-handle-for-tests-only"


def card(provider_id: str, name: str, needs: str, minutes: int, level: Level, *wants: Prerequisite) -> ProviderInfo:
    """A provider with texts in English and Welsh; Arabic readers see the first language."""
    return ProviderInfo(
        provider_id, {"en": name, "cy": name}, {"en": needs, "cy": f"{needs} (cy)"}, minutes, level, wants
    )


BANK = card(
    "alder", "Alder Bank", "You need your card and the bank’s app.", 5, Level.SUBSTANTIAL, Prerequisite.BANK_ACCOUNT
)
POST = card(
    "birch", "Birch & Post <i>", "You need a passport.", 12, Level.HIGH, Prerequisite.PASSPORT, Prerequisite.SMARTPHONE
)
POST = replace(
    POST,
    operator={"en": "The post office", "cy": "Swyddfa’r post"},
    page="https://birch.example/about",
    one_prerequisite_suffices=True,
)
CITY = card("cedar", "مدينة الأرز", "You need your city account.", 1, Level.SUBSTANTIAL)

SERVICE = make_service(
    client_id="fishing",
    names={"en": "Apply for a fishing licence", "cy": "Gwneud cais am drwydded bysgota"},
    redirect_uris=("https://fishing.example/return",),
    home="https://fishing.example/",
    claims=(
        ClaimPurpose("name", {"en": "It stands on your licence.", "cy": "Mae ar eich trwydded."}),
        ClaimPurpose("birthdate", {"en": "The price depends on your age."}),
        ClaimPurpose("address", {"en": "We send the licence there."}),
    ),
    contact="help@fishing.example",
    other_ways=(OtherWay({"en": "Apply by post"}, "https://fishing.example/post"), OtherWay({"en": "Come to us"})),
)

REQUEST = AuthorizationRequest(
    "fishing",
    "https://fishing.example/return",
    ("openid", "profile"),
    Level.SUBSTANTIAL,
    requested_claims=("name", "birthdate", "https://claims.example/boat_name"),
)

OFFER = Offer(
    DisplayOrder.SHUFFLED,
    options=(
        ProviderOption(BANK, seconds=400.0),
        ProviderOption(
            CITY,
            failed=FailedAttempt(FailureClass.CANCELLED, NOW - 300, "cedar"),
            languages=("ar", "fr"),
            page_languages=("ar", "fr"),
        ),
    ),
    not_working=(
        UnavailableProvider(POST, NOW - 2 * HOUR, NOW - 60),
        UnavailableProvider(replace(POST, id="paused"), why={"en": "They are moving house."}, until=NOW + 50 * HOUR),
    ),
    reachable=True,
    help=True,
    later=True,
    other_ways=True,
    contact=True,
    contacts={"alder": "https://alder.example/help"},
)

RICH_OFFER = replace(
    OFFER,
    hint=OFFER.options[0],
    options=(
        OFFER.options[0],
        ProviderOption(POST, leaves=NOW + 700 * HOUR),
        ProviderOption(CITY, closes=NOW + 100 * HOUR),
        ProviderOption(replace(CITY, id="old"), closed=True),
    ),
    order=DisplayOrder.CONFIGURED,
)


def transaction(state: TransactionState, *failures: FailedAttempt, language: str = "en") -> Transaction:
    """An example transaction."""
    return Transaction(
        id="t1",
        version=3,
        state=state,
        browser="digest",
        request=REQUEST,
        language=language,
        created=NOW - 60,
        changed=NOW - 30,
        expires=NOW + 20 * HOUR,
        reference="K7WM-2QXD",
        order_seed=7,
        failures=failures,
        case="c1" if state is TransactionState.WAITING else None,
    )


def went_wrong(failure: FailureClass, offer: Offer = OFFER) -> FailureView:
    """The failure view of a class, with the steps possible for this offer."""
    failed = FailedAttempt(failure, NOW - 30, "alder")
    demo_applications = transaction(TransactionState.FAILED, failed)
    return FailureView(demo_applications, SERVICE, failed, BANK, offer, next_steps(demo_applications, offer, failed))


HOURS = BusinessHours(time_zone="Europe/London")
OFFICE = Office("central", {"en": "Central library", "cy": "Llyfrgell ganolog"}, "1 High Street, Ardle", HOURS)


ITEMS = (
    ConsentItem(SERVICE.claim_purposes[0], "Ada <b>Marchetti</b>"),
    ConsentItem(SERVICE.claim_purposes[1], "1958-04-02", shared_before=True),
    ConsentItem(SERVICE.claim_purposes[2], {"formatted": "12 High Street\nLlandudno"}),
    ConsentItem(ClaimPurpose("email_verified", {}), value=True),
)


def by_choice(items: Iterable[ConsentItem]) -> tuple[ConsentItem, ...]:
    """The same claims, which can be left out."""
    return tuple(replace(item, use=replace(item.use, optional=True)) for item in items)


EVERY_STEP = replace(went_wrong(FailureClass.NOT_VERIFIED, RICH_OFFER), steps=tuple(NextStep))

QUESTION = BackchannelRequestRef("q1", "Order <17>: two books")
PLAIN = BackchannelRequestRef("q2")
STAFF = BackchannelRequestRef("q3", "Your call with us on Tuesday", "c1")
ASKED = BackchannelRequest(
    "q3", "fishing", NOW - 60, NOW + 540, "BCDF-GHJK", Level.LOW, message=STAFF.message, case="c1"
)


def asked(question: BackchannelRequestRef, state: TransactionState = TransactionState.IDENTIFIED) -> Transaction:
    """A transaction that answers a backchannel request."""
    request = replace(REQUEST, redirect_uri="", question=question)
    return replace(transaction(state), request=request)


def proved(provider: ProviderInfo, **claims: object) -> ProvedWay:
    """An identity that was just proved at a provider."""
    issuer = f"https://{provider.id}.example"
    return ProvedWay(provider, Identity(provider.id, issuer, "17", Level.HIGH, (), int(NOW) - 300, claims))


OWN = account_policy("https://id.test", {"en": "Portico", "cy": "Porth"}, 600).service


def linking(refusal: LinkRefusal | None = None, **more: Any) -> LinkView:
    """The page before two identities are linked, or why they are not."""
    request = AuthorizationRequest("account", "", (), Level.LOW, errand=Errand(ErrandKind.LINK, "account-1"))
    own = replace(transaction(TransactionState.IDENTIFIED), request=request)
    first = proved(BANK, name="Ada <b>Marchetti</b>", birthdate="1958-04-02")
    return LinkView(own, OWN, first, proved(POST, given_name="Ada", family_name="Marchetti"), refusal, **more)


def own_way(card: ProviderInfo | None, level: Level | None = Level.HIGH, **more: Any) -> OwnWay:
    """A way of the account."""
    name = "gone" if card is None else card.id
    way = LinkedWay(f"key-of-{name}", f"https://{name}.example", None if card is None else name, level, NOW - 9e6)
    kept = {"policy": None if card is None else ProviderPolicy(), "current": False, "last": False}
    return OwnWay(way, card, **kept | more)


ACCOUNT = AccountView(
    ways=(
        own_way(BANK, current=True),
        own_way(POST, policy=ProviderPolicy(accept_sign_in_until=NOW + 700 * HOUR)),
        own_way(CITY, Level.LOW),
        own_way(None, None),
    ),
    disclosures=(
        ServiceDisclosures(
            "fishing",
            SERVICE,
            tuple(Disclosure("fishing", claim, NOW - 9e6, NOW - 8e4) for claim in ("birthdate", "name", "sub")),
        ),
        ServiceDisclosures("closed-since", None, (Disclosure("closed-since", "sub", NOW - 9e6, NOW - 9e6),)),
    ),
    refusal=None,
    fresh_for=600,
)
"""An account with ways of every kind."""


@dataclass(frozen=True, slots=True)
class Described:
    """A provider of which pages read the card alone."""

    card: ProviderInfo


PROVIDERS = {
    card.id: ConfiguredProvider(cast(Provider, Described(card)), policy, f"https://id.test/callback/{card.id}")
    for card, policy in (
        (BANK, ProviderPolicy(languages=("en", "cy"))),
        (POST, ProviderPolicy(accept_new_until=NOW - HOUR, accept_sign_in_until=NOW + 700 * HOUR)),
        (CITY, ProviderPolicy(paused={"en": "They are moving house."})),
        (replace(BANK, id="staff"), ProviderPolicy(staff_only=True)),
        (replace(BANK, id="off"), ProviderPolicy(enabled=False)),
        (replace(BANK, id="left"), ProviderPolicy(accept_sign_in_until=NOW)),
    )
}
"""Configured providers, of which the first three are listed in public."""

WAYS = (
    HelpWay(Channel.IN_PERSON, Level.HIGH, ("chip", "light"), HOURS, offices=(OFFICE,)),
    HelpWay(Channel.VIDEO, Level.SUBSTANTIAL, (), HOURS, appointments=True),
)
HELP_ON_OFFER = HelpOffered(
    transaction(TransactionState.FAILED),
    SERVICE,
    WAYS,
    below=(HelpWay(Channel.PHONE, Level.LOW),),
    waits={Channel.VIDEO: 1200},
    documents={"passport": {"en": "Passport", "cy": "Pasbort"}, "licence": {"en": "Driving licence"}},
)
