"""Reminders before a kept identity ends: each once, whatever dies or runs twice, and none for what is stopped."""

from dataclasses import dataclass, field, replace

import pytest

from broker.actions.passkeys.kept import DAY
from broker.actions.passkeys.reminders import ReminderContext, remind
from broker.model.notification import NotificationKind, Recipient
from broker.model.passkey import KeptIdentity, KeptReach, NewlyKept, next_reminder
from broker.model.session import no_fan_out
from broker.platform.system import System
from tests.contracts.stores.full_database import answer, event, kept, passkey, session
from tests.unit.actions.assisted.case_harness import ISSUER, Stage

pytestmark = pytest.mark.store

BEFORE = (30 * DAY, 7 * DAY)
ADA = Recipient("email", "ada@example.org", "cy")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for Eve, and the task that reminds her."""

    stage: Stage
    kept: KeptIdentity
    context: ReminderContext
    seen: set[str] = field(default_factory=set)

    async def runs_at(self, days: float) -> list[tuple[str, str]]:
        """The task runs so many days after the identity was kept; returns kind and address of the notices."""
        self.stage.clock.set(self.kept.since + days * DAY)
        await remind(self.context)
        sent = [one for one in await self.stage.sent() if one.id not in self.seen]
        self.seen.update(one.id for one in sent)
        assert all(one.fields["address"] == f"{ISSUER}/account/kept" for one in sent)
        return [(one.kind.value, one.address) for one in sent]


@pytest.fixture
async def eve(stage: Stage) -> Kept:
    """Eve's identity is kept for 90 days."""
    facts, now = stage.facts, stage.clock.now()
    await facts.authorizations.record(answer("eve"))
    hers = replace(kept(facts, "eve"), since=now, expires=now + 90 * DAY)
    reach = KeptReach((ADA,), next_reminder(hers.expires, now, BEFORE))
    new = NewlyKept(hers, passkey("eve", hers.key), "passkey", reach)
    assert await facts.kept_identities.keep(session("eve"), new, [event("passkey_added")])
    system = System(now=stage.clock.now, random_bytes=stage.lot.draw, monotonic=stage.clock.tick)
    page, ways = f"{ISSUER}/account/kept", frozenset({"email"})
    return Kept(stage, hers, ReminderContext(facts.kept_reminders, BEFORE, page, ways, system))


async def test_a_citizen_is_reminded_once_at_each_time_in_their_language(eve: Kept) -> None:
    once = [(NotificationKind.KEPT_ENDING.value, ADA.address)]
    assert await eve.runs_at(59.9) == []
    assert await eve.runs_at(60) == once
    assert await eve.runs_at(60) == await eve.runs_at(82.9) == []
    assert await eve.runs_at(83) == once
    assert await eve.runs_at(83.1) == await eve.runs_at(89) == []
    assert len(await eve.stage.audit("kept_ending_reminded")) == 2


async def test_a_broker_that_was_down_reminds_once_and_not_after_the_end(eve: Kept) -> None:
    assert len(await eve.runs_at(85)) == 1
    assert await eve.runs_at(86) == []


async def test_nothing_is_sent_after_the_end_or_for_a_stopped_identity(eve: Kept) -> None:
    ended = event("session_ended")
    assert await eve.stage.facts.kept_identities.freeze(eve.kept.key, event("frozen"), ended, no_fan_out)
    assert await eve.runs_at(60) == []
    assert await eve.stage.facts.kept_identities.release(eve.kept.key, event("released"))
    assert await eve.runs_at(90) == []


async def test_two_processes_send_one_reminder(eve: Kept) -> None:
    reminders, now = eve.stage.facts.kept_reminders, eve.kept.since + 60 * DAY
    [due] = await reminders.due(now, 10)
    assert await reminders.reminded(due, now + DAY, (), ())
    assert not await reminders.reminded(due, now + DAY, (), ())
    assert await reminders.due(now, 10) == []


def test_the_next_reminder_is_in_the_future() -> None:
    assert next_reminder(100, 0, (30, 7)) == 70
    assert next_reminder(100, 70, (30, 7)) == 93
    assert next_reminder(100, 93, (30, 7)) is None
    assert next_reminder(100, 0, ()) is None
