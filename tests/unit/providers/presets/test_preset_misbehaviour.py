"""Every fault of a provider, at every preset: the failure that it becomes, and whether it counts as an outage."""

import asyncio
import tracemalloc
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from broker.crypto.jose import InvalidToken
from broker.crypto.jwe_upstream import DecryptionPolicy, decrypt_upstream, load_upstream_decryption_key
from broker.model.failures import FailureClass, from_reason
from broker.model.identity import Identity
from broker.platform.http_client import HttpClients, Unreachable
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.openid import provider
from providers.openid.metadata import COOL_DOWN, RETRY
from providers.presets import preset_names
from providers.presets.fact_files import facts
from providers.simulator.national import OUTCOMES, Answer, folder
from providers.simulator.national.faults import CutOff
from providers.simulator.national.keys import BOMB, encrypted
from tests.support.serving import listening, serving
from tests.support.system import FakeClock
from tests.unit.providers.presets.exchange import Exchange, exchange, key_pem, rebuilt

pytestmark = pytest.mark.exchange

R = ProviderFailureReason
DID = "/identity.account.gov.uk/.well-known/did.json"

ENDS: dict[str, tuple[ProviderFailureReason, bool] | None] = {
    "ok": None,
    "lower_level": None,
    "refresh_revoked": None,
    "refresh_other_issuer": None,
    "refresh_other_subject": None,
    "refresh_token_500": None,
    "wrong_signature": (R.UNSAFE, True),
    "unknown_key": (R.UNSAFE, True),
    "no_signature": (R.UNSAFE, False),
    "other_nonce": (R.UNSAFE, False),
    "other_issuer": (R.UNSAFE, False),
    "wrong_audience": (R.UNSAFE, False),
    "wrong_party": (R.UNSAFE, False),
    "expired": (R.UNSAFE, False),
    "old_token": (R.UNSAFE, False),
    "missing_subject": (R.UNSAFE, False),
    "number_subject": (R.UNSAFE, False),
    "list_subject": (R.UNSAFE, False),
    "empty_subject": (R.UNSAFE, False),
    "long_subject": (R.UNSAFE, False),
    "aggregated_claims": None,
    "distributed_claims": None,
    "false_source": None,
    "reassigned_subject": None,
    "unknown_level": (R.TOO_WEAK, False),
    "missing_level": (R.INCOMPLETE, False),
    "other_subject": (R.UNSAFE, False),
    "not_encrypted": (R.UNSAFE, False),
    "wrong_inner_signature": (R.UNSAFE, True),
    "lost_key": (R.UNSAFE, False),
    "downgraded": (R.UNSAFE, False),
    "replayed_code": (R.UNSAFE, False),
    "token_500": (R.UNAVAILABLE, True),
    "userinfo_500": (R.UNAVAILABLE, True),
    "par_500": (R.UNAVAILABLE, True),
    "junk": (R.UNSAFE, False),
    "gone": (R.UNAVAILABLE, True),
    "redirects": (R.UNAVAILABLE, True),
    "huge_answer": (R.UNSAFE, False),
    "slow": (R.UNAVAILABLE, True),
    "reset": (R.UNAVAILABLE, True),
    "mix_up": (R.UNSAFE, False),
    "key_rotated": None,
    "key_replaced": None,
    "huge_keys": (R.UNAVAILABLE, True),
    "bomb": (R.UNSAFE, False),
    "identity_missing": (R.NOT_VERIFIED, False),
    "identity_subject": (R.UNSAFE, False),
    "identity_signature": (R.UNSAFE, True),
    "identity_expired": (R.UNSAFE, False),
    "identity_issuer": (R.UNSAFE, False),
    "identity_audience": (R.UNSAFE, False),
    "identity_key": (R.UNSAFE, True),
    "did_other_key": (R.UNAVAILABLE, True),
    "did_gone": (R.UNAVAILABLE, True),
    "did_junk": (R.UNAVAILABLE, True),
}
"""The reason, and whether it counts as an outage; None if the sign-in succeeds. A signature that no published key made
counts: keys concern every citizen."""


FAULTS = {
    "slow": {"budget_spent"},
    "reset": {"token_unreachable"},
    "redirects": {"token_status"},
    "gone": {"token_status"},
    "token_500": {"token_status"},
    "huge_answer": {"token_unreadable"},
    "huge_keys": {"keys_unreadable"},
    "number_subject": {"id_token_subject"},
    "list_subject": {"id_token_subject"},
    "empty_subject": {"id_token_subject"},
    "long_subject": {"id_token_subject"},
    "bomb": {"id_token_undecryptable", "userinfo_undecryptable"},
    "did_other_key": {"did_unusable"},
    "did_gone": {"did_status"},
    "did_junk": {"did_unreadable"},
    "identity_key": {"identity_keys"},
    "identity_subject": {"identity_subject"},
    "wrong_inner_signature": {"id_token_keys", "userinfo_keys"},
}
"""The fault that the audit record of an outcome names."""

PAGES = {
    R.UNAVAILABLE: FailureClass.PROVIDER_DOWN,
    R.UNSAFE: FailureClass.UNSAFE_REPLY,
    R.TOO_WEAK: FailureClass.LEVEL_TOO_LOW,
    R.INCOMPLETE: FailureClass.INCOMPLETE_REPLY,
    R.NOT_VERIFIED: FailureClass.NOT_VERIFIED,
}
"""The page that a citizen sees."""

PATIENCE = 0.05
"""Time limit in seconds of a sign-in at a provider that is slow."""


def concerns(here: Exchange, outcome: str) -> bool:
    """Whether a provider has what the outcome breaks."""
    if outcome.startswith(("identity_", "did_")):
        return here.entry.config.identity_token is not None
    config, levels = here.entry.config, here.simulated.dialect.levels
    nested = "nested" in (config.id_token.form, config.userinfo_response.form)
    return {
        "other_subject": bool(config.userinfo),
        "userinfo_500": bool(config.userinfo),
        "not_encrypted": nested,
        "lost_key": nested,
        "bomb": nested,
        "downgraded": config.dpop is not None,
        "par_500": config.pushed,
        "missing_level": bool(levels),
        "unknown_level": bool(levels),
    }.get(outcome, True)


@pytest.mark.parametrize("name", preset_names())
async def test_every_fault_of_a_provider_ends_as_its_rule_says(
    system: System, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here, wrong, patience = exchange(name, system), [], provider.COMPLETE_WITHIN
    for outcome, ends in ENDS.items():
        clock.advance(COOL_DOWN)  # keys may be fetched again
        monkeypatch.setattr(provider, "COMPLETE_WITHIN", PATIENCE if outcome == "slow" else patience)
        if outcome == "par_500":
            here.simulated.script.next.append(Answer(outcome))
            found = await here.provider.begin(here.ask)
            here.simulated.script.next.clear()
            found = found if isinstance(found, ProviderFailure) else None
        else:
            found = await here.sign_in(Answer(outcome))
        if ends is None or not concerns(here, outcome):
            if isinstance(found, ProviderFailure):
                wrong.append(f"{outcome}: {found}")
        elif not isinstance(found, ProviderFailure) or (found.reason, found.outage) != ends:
            wrong.append(f"{outcome}: {found}")
        elif found.fault not in FAULTS.get(outcome, {found.fault}) or from_reason(found.reason) is not PAGES[ends[0]]:
            wrong.append(f"{outcome}: {found.fault}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", preset_names())
async def test_a_sign_in_after_every_fault_still_works(system: System, name: str) -> None:
    here = exchange(name, system)
    for outcome in ("junk", "wrong_signature", "token_500"):
        assert isinstance(await here.sign_in(Answer(outcome)), ProviderFailure)
        assert isinstance(await here.sign_in(), Identity)


@pytest.mark.parametrize("outcome", ["did_other_key", "did_gone", "did_junk"])
async def test_no_sign_in_succeeds_while_the_first_did_document_is_unusable(
    system: System, clock: FakeClock, outcome: str
) -> None:
    here = exchange("gov-uk-one-login", system)
    failure = await here.sign_in(Answer(outcome))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is R.UNAVAILABLE
    assert failure.fault in FAULTS[outcome]
    clock.advance(RETRY)
    assert isinstance(await here.sign_in(), Identity)


async def together(here: Exchange, number: int) -> Counter[str]:
    """Redeems one code so many times at once after the provider changed its key, with its responses of one sign-in.

    Returns how often each URL was called.
    """
    assert isinstance(await here.sign_in(), Identity)
    departure, real = await here.leave(), here.wire.app
    answer = await here.visit(departure.url, Answer("key_rotated"))
    endpoints, known, responses = here.simulated.dialect.endpoints, Counter(), {}

    async def replaying(scope: Any, receive: Any, transmit: Any) -> None:
        path = scope["path"]
        known[path] += 1
        await asyncio.sleep(0)  # all are under way before the first has its response
        if path in (folder(endpoints["jwks"]), DID):
            await real(scope, receive, transmit)
            return
        if path not in responses:
            responses[path] = asyncio.create_task(recorded(scope, receive))
        for message in await responses[path]:
            await transmit(message)

    async def recorded(scope: Any, receive: Any) -> list[Any]:
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        await real(scope, receive, keep)
        return messages

    here.wire.app = replaying
    note = dict(departure.provider_state)
    found = await asyncio.gather(*(here.provider.complete(note, answer) for _ in range(number)))
    here.wire.app = real
    assert all(isinstance(one, Identity) for one in found), found[:2]
    assert known[folder(endpoints["token"])] == number
    return known


@pytest.mark.parametrize("name", preset_names())
async def test_citizens_who_come_together_after_a_change_of_keys_cause_one_fetch(
    system: System, clock: FakeClock, name: str
) -> None:
    here = exchange(name, system)
    clock.advance(COOL_DOWN)
    known = await together(here, 20)
    assert known[folder(here.simulated.dialect.endpoints["jwks"])] == 1


@pytest.mark.parametrize("name", ["tara", "id-austria"])
async def test_a_thousand_citizens_at_once_after_a_change_of_keys_cause_one_fetch(system: System, name: str) -> None:
    here = exchange(name, system)
    known = await together(here, 1_000)
    assert known[folder(here.simulated.dialect.endpoints["jwks"])] == 1


async def test_a_client_on_a_real_connection_sees_a_cut_off_response_as_no_response() -> None:
    sock, port = listening()
    outgoing = HttpClients(development=True)
    async with serving(CutOff(), sock):
        answer = await outgoing.client("cut-off").get(f"http://127.0.0.1:{port}/")
    await outgoing.close()
    assert isinstance(answer, Unreachable)


def test_a_decryption_bomb_is_refused_by_its_header_and_never_inflated(system: System) -> None:
    here = exchange("singpass", system)
    bomb = encrypted(
        "", next(iter(here.simulated._clients.values())), here.simulated.dialect, "id_token.encryption", "bomb"
    )
    assert len(bomb) < BOMB // 100
    config = here.entry.config.id_token
    key = load_upstream_decryption_key(key_pem("P-256", "enc"), config.encryption_algorithms[0])
    tracemalloc.start()
    with pytest.raises(InvalidToken, match="zip"):
        decrypt_upstream(bomb, [key], DecryptionPolicy(config.encryption_algorithms, config.content_encryption))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < BOMB // 20


BORN = [one for one in preset_names() if "birthdate" in facts(one).value("claims", {})]
"""Providers that send a date of birth. Some send none, though the family that they belong to has a claim for it."""


@pytest.mark.parametrize("name", BORN)
async def test_a_subject_that_was_given_to_another_person_has_another_anchor(system: System, name: str) -> None:
    here = exchange(name, system)
    anchored = replace(here, provider=rebuilt(here, subject_anchor=("birthdate",)))
    before, again, other = [await anchored.sign_in(Answer(outcome)) for outcome in ("ok", "ok", "reassigned_subject")]
    assert isinstance(before, Identity)
    assert isinstance(again, Identity)
    assert isinstance(other, Identity)
    assert before.subject == again.subject == other.subject
    assert before.anchor == again.anchor == '["1987-04-12"]'
    assert other.anchor == '["1985-02-28"]'


def test_every_outcome_of_the_simulator_has_an_end() -> None:
    assert set(ENDS) == set(OUTCOMES)
