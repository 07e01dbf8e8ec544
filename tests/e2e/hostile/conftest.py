"""The product for the hostile acts, once on SQLite and once on PostgreSQL, and what is looked at after each act."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from broker.actions.assisted.context import update_case
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_row import CaseFilter, CaseOrder
from broker.assisted.case_states import CaseState
from broker.model.audit import AuditEvent
from broker.model.notification import Notification, NotificationKind
from broker.wiring.assisted_wiring import case_context
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import AGENT, LEAD, REVIEWER, SECOND, Centre, centre
from tests.e2e.hostile.acts import SCRIPT
from tests.support.postgres import PostgresServer

S = CaseState


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
async def product(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[Centre]:
    """One product for all acts; each test ends the cases that it leaves open."""
    folder = tmp_path_factory.mktemp("hostile")
    if request.param == "sqlite":
        async with centre(folder, SCRIPT) as running:
            yield running
        return
    postgres_server.start()
    with postgres_server.database() as database:
        on_postgres = {'url = "sqlite:../.demo/facts.db"': f'url = "{database}"'}
        edits = {**SCRIPT.edits, "broker.toml": {**SCRIPT.edits["broker.toml"], **on_postgres}}
        async with centre(folder, Script(files=SCRIPT.files, edits=edits)) as running:
            yield running


@dataclass(slots=True)
class Looked:
    """What was looked at after earlier acts: the last audit row, the rows of each case, cases that are over."""

    product: Centre
    last: int = 0
    rows: dict[str, list[AuditEvent]] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """Asserts that no case is half changed, and withdraws the open ones."""
        product, told = self.product, await self.product.notices()
        stores, context = product.parts.connections.sql_stores, case_context(product.parts)
        for number, row in await stores.audit.read(self.last, 1_000_000):
            self.last = number
            if row.case is not None and "role" in row.details:
                self.rows.setdefault(row.case, []).append(row)
        for state in CaseState:
            page = await stores.case_lists.page(CaseFilter(state=state), CaseOrder.NEWEST, None, 200)
            for found in page.rows:
                if found.id not in self.over:
                    await self._whole(await product.load(found.id), told)
                    await update_case(context, found.id, ev.Withdrawn())
                    case = await product.load(found.id)
                    self.over |= {found.id} if case.erased else set()

    async def _whole(self, case: Case, told: list[Notification]) -> None:
        """One audit row for each line of the history, one final decision for each round, nothing bound below the need,
        each notice once, and of a case that is over no identity, no draft, no file and no passkey.
        """
        stores, now = self.product.parts.connections.sql_stores, self.product.clock.now()
        written = Counter(row.kind for row in self.rows.get(case.id, []))
        assert written == Counter(f"case_{move.event}" for move in case.history)
        moves = [move for move in case.history if move.source is not move.target]
        rounds = 1 + sum(move.event == "redress_asked" for move in moves)
        assert sum(move.target is S.DECLINED for move in moves) <= rounds
        assert case.erased or case.binding is None or case.binding.level >= case.level
        assert (case.binding is not None) == any(move.target is S.BOUND for move in moves)
        assert case.state in (S.BOUND, S.RELEASED, S.REVOKED, S.EXPIRED) or case.binding is None
        results = sum(move.target in (S.APPROVED, S.DECLINED) for move in moves)
        mine = [notice.kind for notice in told if notice.case == case.id]
        assert mine.count(NotificationKind.RESULT) <= results
        if case.erased:
            assert await stores.evidence_files.of_case(case.id, now) == []
            for member in (AGENT, SECOND, REVIEWER, LEAD):
                assert await stores.staff_drafts.of_case(member, case.id, now) == []


@pytest.fixture(scope="package")
async def looked(product: Centre) -> Looked:
    """What is looked at after each act in this product."""
    return Looked(product)


@pytest.fixture(autouse=True)
async def nothing_half_done(looked: Looked) -> AsyncIterator[None]:
    """After each test: no case is half changed."""
    yield
    await looked.look()
