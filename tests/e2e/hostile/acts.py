"""What several of the hostile acts begin with."""

import re
from itertools import combinations

from broker.assisted.case import Case
from broker.model.staff import StaffRole
from tests.e2e import assisted_http
from tests.e2e.app_harness import Script
from tests.e2e.assisted_http import AGENT, SECOND, Centre, HelpedCitizen
from tests.e2e.raw_client import Reply
from tests.e2e.relying_service import STROLLS_SERVICE

TRIES = 5
ROLE_SETS = [some for size in range(1, 6) for some in combinations(StaffRole, size)]
"""Every set of staff roles."""


def _people() -> str:
    return "".join(
        f'[[people]]\nid = "set{number}"\nsubject = "staff-set{number}"\nname = "Sam Set{number}"\n'
        f"roles = [{', '.join(f'{chr(34)}{role}{chr(34)}' for role in roles)}]\n\n"
        for number, roles in enumerate(ROLE_SETS)
    )


_FIRST = '[[people]]\nid = "tom"'
SCRIPT = Script(
    files={**assisted_http.SCRIPT.files, "services/strolls.toml": STROLLS_SERVICE},
    edits={
        **assisted_http.SCRIPT.edits,
        "staff.toml": {_FIRST: _people() + assisted_http.SCRIPT.edits["staff.toml"][_FIRST]},
    },
)
"""The support centre with a member of staff for each set of roles, and a service that asks for little."""


def location(reply: Reply) -> str:
    """The target of a redirect."""
    return reply.expect(303).location


async def audited(product: Centre, case: Case, kind: str) -> int:
    """How many audit rows of a kind the case has."""
    rows = await product.parts.connections.sql_stores.audit.read(0, 100_000)
    return sum(row.kind == kind and row.case == case.id for _, row in rows)


async def called(product: Centre, citizen: HelpedCitizen, agent: str = SECOND) -> str:
    """The citizen asks for a call and an agent takes it. Returns the code that is read out."""
    assert "problem" not in location(await citizen.press("call"))
    who = await product.colleague(agent)
    page = (await who.get(location(await who.post("/calls/next")))).expect().body.decode()
    spoken = re.findall(r'<strong class="pt-spoken">([^<]*)</strong>', page)
    return str(spoken[-1]).replace(" ", "")


async def declined(product: Centre) -> tuple[HelpedCitizen, Case]:
    """A citizen whom an agent declined."""
    citizen = await product.helped()
    agent = await product.colleague(AGENT)
    assert (
        location(await agent.decide(await agent.has_met(citizen), "decline", "evidence_expired", "coached"))
        == "/done/decided"
    )
    await citizen.look()
    return citizen, await product.case(citizen)
