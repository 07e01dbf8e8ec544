"""Passkeys of an account: added after a fresh sign-in, used as a way to it, and stopped with their source."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from broker.actions.account import ways
from broker.actions.browser import Browser
from broker.actions.passkeys import kept, sign_in
from broker.actions.passkeys.kept import DAY, KeptRefusal, MadePasskey, NewRegistration
from broker.actions.passkeys.sign_in import PasskeyPrompt
from broker.actions.results import LimitKind, RateLimited
from broker.actions.sign_in.provider_login import upstream_state
from broker.actions.views import DeadEnd
from broker.journey.transaction import AskedAgain, TransactionState
from broker.model.account import UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.kill_switches import KillSwitchKind
from broker.model.own_rights import OwnScope
from broker.model.rate_limit import RateWindow
from broker.model.session import no_fan_out
from tests.contracts.stores.samples import claim_due
from tests.support.authenticator import Authenticator
from tests.support.services import change_service
from tests.unit.actions.account_steps import account, opens, sub_at
from tests.unit.actions.assisted.case_harness import STRANGER
from tests.unit.actions.page_world import ALDER, BIRCH, World
from tests.unit.actions.passkey_owner import PASSKEY, Owner, owner_of
from tests.unit.web.citizen_pages import ISSUER


@pytest.fixture
def owner(w: World) -> Owner:
    """A citizen without a passkey."""
    return owner_of(w)


async def test_a_passkey_is_a_way_of_the_account_in_any_browser(owner: Owner) -> None:
    w = owner.w
    await w.agrees(await w.proves())
    before = await sub_at(w, ALDER)
    await opens(w)
    assert await owner.adds("My\ntelephone\x07") is None
    one = await owner.only()
    assert [passkey.name for passkey in one.passkeys] == ["My telephone"]
    assert {own.way.provider: own.way.level for own in (await account(w)).ways} == {
        ALDER: Level.HIGH,
        PASSKEY: Level.SUBSTANTIAL,
    }
    handle = await owner.signs_in()
    transaction = await w.transaction(handle)
    assert transaction.state is TransactionState.IDENTIFIED
    identity = transaction.identity
    assert identity is not None
    assert (identity.provider, identity.source, identity.level) == (PASSKEY, ALDER, Level.SUBSTANTIAL)
    assert identity.amr == ("user", "swk")
    assert identity.claims["name"] == "Ada Example"
    await w.sign_in.share(handle, STRANGER, agree=True)
    found = await w.stage.facts.authorizations.linked_identity(
        identity.issuer, identity.subject, "library.example", "library"
    )
    assert found is not None
    assert found.subject == before is not None


async def test_a_second_passkey_leads_to_the_same_and_has_the_same_owner(owner: Owner) -> None:
    await opens(owner.w)
    await owner.adds()
    assert await owner.adds("Key", device=Authenticator(ISSUER, synced=False)) is None
    one = await owner.only()
    assert sorted(passkey.device_bound for passkey in one.passkeys) == [False, True]
    assert len({passkey.user_handle for passkey in one.passkeys}) == 1
    begun = await kept.begin_registration(owner.context, owner.w.browser, "Your account")
    assert isinstance(begun, NewRegistration)
    assert len(cast(list[object], begun.options["excludeCredentials"])) == 2
    assert begun.kept is not None


async def test_an_identity_of_another_provider_is_kept_beside_it(owner: Owner) -> None:
    await opens(owner.w)
    await owner.adds()
    await opens(owner.w, BIRCH)
    assert not (await owner.sees()).kept
    await owner.adds(device=Authenticator(ISSUER))
    assert (await owner.only()).kept.identity.provider == BIRCH


async def test_a_registration_works_once_in_its_own_session_and_in_time(owner: Owner) -> None:
    w = owner.w
    await opens(w)

    async def begun() -> tuple[str, str]:
        found = await kept.begin_registration(owner.context, w.browser, "Your account")
        assert isinstance(found, NewRegistration)
        options: Mapping[str, Any] = found.options
        return found.ceremony, Authenticator(ISSUER).create(options)

    (one, answer), (other, _) = await begun(), await begun()
    assert (
        await kept.register(owner.context, w.browser, MadePasskey(other, answer, ""), days=90, language="en")
        is KeptRefusal.REFUSED
    )
    assert (
        await kept.register(owner.context, w.browser, MadePasskey(other, answer, ""), days=90, language="en")
        is KeptRefusal.UNKNOWN
    )
    assert await kept.register(owner.context, w.browser, MadePasskey(one, answer, ""), days=90, language="en") is None
    assert (
        await kept.register(owner.context, w.browser, MadePasskey(one, answer, ""), days=90, language="en")
        is KeptRefusal.UNKNOWN
    )
    assert (
        await kept.register(owner.context, w.browser, MadePasskey("", answer, ""), days=90, language="en")
        is KeptRefusal.UNKNOWN
    )

    ceremony, answer = await begun()
    mine = w.browser
    await opens(w, BIRCH)
    assert (
        await kept.register(owner.context, w.browser, MadePasskey(ceremony, answer, ""), days=90, language="en")
        is KeptRefusal.UNKNOWN
    )
    w.browser = mine

    await opens(w)
    ceremony, answer = await begun()
    w.clock.advance(301)
    assert (
        await kept.register(owner.context, w.browser, MadePasskey(ceremony, answer, ""), days=90, language="en")
        is KeptRefusal.UNKNOWN
    )
    for rubbish in ("", "{}", json.dumps({"id": "a"})):
        ceremony, _ = await begun()
        assert (
            await kept.register(owner.context, w.browser, MadePasskey(ceremony, rubbish, ""), days=90, language="en")
            is KeptRefusal.REFUSED
        )


async def test_without_a_fresh_sign_in_nothing_changes(owner: Owner) -> None:
    w = owner.w
    await opens(w)
    await owner.adds()
    one = await owner.only()
    digest = one.passkeys[0].digest
    w.clock.advance(700)
    assert not (await owner.sees()).fresh
    assert await kept.begin_registration(owner.context, w.browser, "x") is KeptRefusal.NOT_FRESH
    assert await kept.rename(owner.context, w.browser, digest, "x") is KeptRefusal.NOT_FRESH
    assert await kept.remove(owner.context, w.browser, digest) is KeptRefusal.NOT_FRESH
    assert await kept.keep_for(owner.context, w.browser, one.kept.key, 30) is KeptRefusal.NOT_FRESH
    assert await owner.only() == one
    nobody = Browser()
    assert await kept.view(owner.context, nobody) is None
    assert await kept.begin_registration(owner.context, nobody, "x") is KeptRefusal.SIGNED_OUT
    assert (
        await kept.register(owner.context, nobody, MadePasskey("", "", ""), days=1, language="en")
        is KeptRefusal.SIGNED_OUT
    )
    assert await kept.rename(owner.context, nobody, digest, "x") is KeptRefusal.SIGNED_OUT
    assert await kept.remove(owner.context, nobody, digest) is KeptRefusal.SIGNED_OUT
    assert await kept.keep_for(owner.context, nobody, one.kept.key, 30) is KeptRefusal.SIGNED_OUT


async def test_a_passkey_of_another_account_is_neither_named_nor_removed(owner: Owner) -> None:
    w = owner.w
    await opens(w)
    await owner.adds()
    one = await owner.only()
    await opens(w, BIRCH)
    digest = one.passkeys[0].digest
    assert await kept.rename(owner.context, w.browser, digest, "x") is KeptRefusal.UNKNOWN
    assert await kept.remove(owner.context, w.browser, digest) is KeptRefusal.UNKNOWN
    assert await kept.keep_for(owner.context, w.browser, one.kept.key, 30) is KeptRefusal.UNKNOWN
    await opens(w)
    assert await owner.only() == one


async def test_the_time_is_chosen_within_what_the_operator_allows_and_counts_from_the_proof(owner: Owner) -> None:
    w = owner.w
    await opens(w)
    await owner.adds(days=30)
    view = await owner.sees()
    assert (list(view.days), view.default) == ([1, 30, 90, 180, 365], 90)
    one = view.kept[0].kept
    assert one.expires == one.since + 30 * DAY
    for days, kept_for in ((365, 365), (366, 90), (0, 90), (-1, 90), (10**9, 90)):
        assert await kept.keep_for(owner.context, w.browser, one.key, days) is None
        now = (await owner.only()).kept
        assert now.expires == now.since + kept_for * DAY
    w.clock.advance(10 * DAY)
    w.upstream[ALDER].says = Level.SUBSTANTIAL
    await opens(w)
    await kept.keep_for(owner.context, w.browser, one.key, 90)
    renewed = (await owner.only()).kept
    assert renewed.since == w.clock.now()
    assert (renewed.identity.issuer, renewed.identity.subject) == (one.identity.issuer, one.identity.subject)


async def test_what_is_kept_ends_by_itself_and_its_passkey_with_it(owner: Owner) -> None:
    w = owner.w
    await opens(w)
    await owner.adds(days=1)
    w.clock.advance(DAY - 400)
    assert (await w.transaction(await owner.signs_in())).state is TransactionState.IDENTIFIED
    w.clock.advance(400)
    assert await owner.fails() is FailureClass.PASSKEY_UNUSABLE


@pytest.mark.parametrize("stopped", ["source", "passkeys", "source not for the service", "source gone", "account"])
async def test_what_stops_the_source_stops_its_passkeys(owner: Owner, stopped: str) -> None:
    w = owner.w
    await opens(w)
    await owner.adds()
    handle = await owner.signs_in()
    match stopped:
        case "source":
            await w.off(KillSwitchKind.PROVIDER, ALDER)
        case "passkeys":
            await w.off(KillSwitchKind.PROVIDER, PASSKEY)
        case "source not for the service":
            w.shelf.services["library"] = replace(w.shelf.services["library"], providers=(BIRCH, PASSKEY))
        case "source gone":
            del w.shelf.providers[ALDER]
        case "account":
            own = await account(w)
            assert own
            linked = await w.stage.facts.authorizations.linked_identity("https://alder.example", "ada", "x", "x")
            assert linked is not None
            await w.off(KillSwitchKind.ACCOUNT, linked.account)
    await w.sign_in.share(handle, STRANGER, agree=True)
    transaction = await w.transaction(handle)
    assert transaction.state is TransactionState.FAILED
    expected = FailureClass.ACCOUNT_OFF if stopped == "account" else FailureClass.WAY_CLOSED
    assert transaction.failures[-1].failure is expected
    assert await kept.view(owner.context, w.browser) is None or stopped != "passkeys"


async def test_a_frozen_identity_is_refused_until_it_is_released(owner: Owner) -> None:
    w, store = owner.w, owner.w.stage.facts.kept_identities
    await opens(w)
    await owner.adds()
    key = (await owner.only()).kept.key
    event = AuditEvent("kept_identity_frozen", w.clock.now(), "citizen")
    assert await store.freeze(key, event, replace(event, kind="session_ended"), no_fan_out)
    assert await owner.fails() is FailureClass.PASSKEY_UNUSABLE
    assert await store.release(key, replace(event, kind="kept_identity_released"))
    assert (await w.transaction(await owner.signs_in())).state is TransactionState.IDENTIFIED


async def test_removing_the_way_deletes_what_is_kept(owner: Owner) -> None:
    w = owner.w
    await opens(w)
    await owner.adds()
    key = (await owner.only()).kept.key
    assert await ways.unlink(w.sign_in.sign_in_context, w.browser, key, last=False) is UnlinkResult.UNLINKED
    assert not (await owner.sees()).kept
    assert await owner.fails() is FailureClass.PASSKEY_UNUSABLE


async def test_a_citizen_signed_in_by_passkey_adds_another_one_to_the_same(owner: Owner) -> None:
    w = owner.w
    w.upstream[ALDER].says = Level.SUBSTANTIAL
    await opens(w, level=Level.SUBSTANTIAL)
    await owner.adds()
    before = await owner.only()
    handle = await owner.signs_in()
    shared = await w.sign_in.share(handle, STRANGER, agree=True)
    assert not isinstance(shared, DeadEnd)
    w.browser = replace(STRANGER, session=shared.session)
    assert await owner.adds("Another", device=Authenticator(ISSUER)) is None
    after = await owner.only()
    assert (after.kept.key, len(after.passkeys)) == (before.kept.key, 2)


async def test_the_answer_of_another_browser_or_attempt_is_no_answer(owner: Owner) -> None:
    w, context = owner.w, owner.w.sign_in.sign_in_context
    await opens(w)
    await owner.adds()
    handle = await w.arrives()
    await w.leaves(handle, PASSKEY)
    attempt = (await w.transaction(handle)).attempt
    assert attempt is not None
    state = upstream_state(handle, attempt.id)
    assert isinstance(await sign_in.prompt(context, state, STRANGER), DeadEnd)
    assert isinstance(await sign_in.prompt(context, "x", w.browser), DeadEnd)
    shown = await sign_in.prompt(context, state, w.browser)
    assert isinstance(shown, PasskeyPrompt)
    options: Mapping[str, Any] = shown.options
    code = owner.device.get(options)
    assert isinstance(await sign_in.answer(context, state, STRANGER, code=code, cancelled=False), DeadEnd)
    other = await w.arrives()
    await w.leaves(other, ALDER)
    at_alder = (await w.transaction(other)).attempt
    assert at_alder is not None
    assert await sign_in.prompt(context, upstream_state(other, at_alder.id), w.browser) == other
    await sign_in.answer(context, state, w.browser, code="", cancelled=True)
    assert (await w.transaction(handle)).failures[-1].failure is FailureClass.CANCELLED


async def test_services_that_know_the_citizen_learn_of_a_passkey_that_is_made_or_removed(owner: Owner) -> None:
    library = owner.w.shelf.services["library"]
    owner.w.shelf.services["library"] = change_service(library, own_scopes=(OwnScope.SSF_READ,))
    await opens(owner.w)
    assert await owner.adds() is None
    [passkey] = (await owner.only()).passkeys
    assert await kept.remove(owner.context, owner.w.browser, passkey.digest) is None
    now = owner.w.clock.now()
    [first] = await claim_due(owner.w.stage.facts, now, now + 1)
    await owner.w.stage.facts.deliveries.lane(first.kind, first.client_id).mark_sent(first.id, now)
    [second] = await claim_due(owner.w.stage.facts, now, now + 1)
    assert sorted(one.content["event.change_type"] for one in (first, second)) == ["create", "revoke"]
    assert {one.client_id for one in (first, second)} == {"library"}


async def test_more_passkeys_than_an_address_may_use_are_not_looked_at(owner: Owner) -> None:
    await opens(owner.w)
    assert await owner.adds() is None
    context = owner.w.sign_in.sign_in_context
    limits = replace(context.policy.limits, passkeys=RateWindow(1, 600))
    strict = replace(context, policy=replace(context.policy, limits=limits))
    answers = [await sign_in.answer(strict, "handle.attempt", STRANGER, code="x", cancelled=False) for _ in range(2)]
    assert isinstance(answers[0], DeadEnd)
    assert answers[1] == RateLimited(LimitKind.PASSKEYS, limits.passkeys.ends(owner.w.stage.clock.now()))
    assert isinstance(await sign_in.answer(strict, "handle.attempt", STRANGER, code="", cancelled=True), DeadEnd)


async def test_after_a_passkey_was_removed_its_sessions_answer_no_service(owner: Owner) -> None:
    w = owner.w
    await w.agrees(await w.proves())
    await opens(w)
    assert await owner.adds() is None
    handle = await owner.signs_in(STRANGER)
    updates = await w.sign_in.share(handle, STRANGER, agree=True)
    assert not isinstance(updates, DeadEnd)
    w.stage.clock.advance(60)
    [one] = (await owner.only()).passkeys
    assert await kept.remove(owner.context, w.browser, one.digest) is None
    assert updates.session is not None
    before, w.browser = w.browser, replace(STRANGER, session=updates.session)
    again = await w.transaction(await w.arrives())
    assert (again.state, again.again) == (TransactionState.CHOOSING, AskedAgain.FRESH)
    w.browser = before
