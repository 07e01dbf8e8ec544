"""The history of the register of services: recorded once when it changes, with audit rows."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.actions.open_data.register import record_register
from broker.model.service_entry import ServiceEntry, new_entries
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.support.services import change_service
from tests.unit.web.examples import SERVICE

pytestmark = pytest.mark.store

NOW = 1_800_000_000.0
ONE = change_service(SERVICE, client_id="one", claims=())


async def test_a_service_is_recorded_when_it_comes_changes_and_goes(sql: SqlStores) -> None:
    for later, services in enumerate(((ONE,), (ONE,), (SERVICE, ONE), (SERVICE,), (SERVICE,), (SERVICE, ONE))):
        await record_register(sql.service_entries, services, NOW + later)
    history = await sql.service_entries.history()
    asked = tuple(sorted(SERVICE.claims))
    assert [(one.client_id, one.at - NOW, one.level, one.claims) for one in history] == [
        ("one", 0, "low", ()),
        (SERVICE.client_id, 2, "low", asked),
        ("one", 3, "", ()),
        ("one", 5, "low", ()),
    ]
    kinds = [(row.kind, row.client_id) for _, row in await sql.audit.read(0, 10)]
    assert kinds == [
        ("service_registered", "one"),
        ("service_registered", SERVICE.client_id),
        ("service_removed", "one"),
        ("service_registered", "one"),
    ]


async def test_processes_that_record_together_record_once(open_one: OpenSqlStores) -> None:
    processes = [await open_one() for _ in range(3)]
    await asyncio.gather(*(record_register(one.service_entries, (SERVICE, ONE), NOW) for one in processes))
    assert len(await processes[0].service_entries.history()) == 2


@given(
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.sampled_from(("", "low", "high")), st.booleans())),
    st.sets(st.sampled_from("abc")),
)
def test_after_its_entries_the_history_says_what_the_register_says(
    before: dict[str, tuple[str, bool]], now: set[str]
) -> None:
    latest = {
        name: ServiceEntry(name, NOW, level, ("email",) if has and level else ())
        for name, (level, has) in before.items()
    }
    services = [change_service(ONE, client_id=name) for name in sorted(now)]
    after = {**latest, **{one.client_id: one for one in new_entries(latest, services, NOW + 1)}}
    assert {name for name, entry in after.items() if not entry.removed} == now
    assert new_entries(after, services, NOW + 2) == ()
