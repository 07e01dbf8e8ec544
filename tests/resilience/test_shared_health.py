"""What one worker observes at a provider, the others know: through Redis, within seconds."""

from tests.e2e.raw_client import HARBOUR, eventually
from tests.resilience.cluster import WORKERS, Deployment

AT_EVERY_WORKER = 6 * WORKERS
FAILURES = 4
"""Failed sign-ins that open the breaker, counted over all workers."""


async def picker(deployment: Deployment) -> bytes:
    """The picker of a new citizen, at any worker."""
    citizen = deployment.raw_citizen()
    await citizen.begin()
    return (await citizen.visit(citizen.page)).expect().body


async def everywhere(deployment: Deployment, *, working: bool) -> bool:
    """Whether the picker says so at every worker."""
    pages = [await picker(deployment) for _ in range(AT_EVERY_WORKER)]
    return all((b"Not working since" not in page) is working for page in pages)


async def fails(deployment: Deployment) -> None:
    """A sign-in whose token request the provider answers with 500."""
    citizen = deployment.raw_citizen()
    await citizen.begin("outcome:token_500;persona:amina")
    (await citizen.choose(HARBOUR)).expect(303)
    (await citizen.visit(await citizen.away())).expect(303)


async def signs_in(deployment: Deployment) -> bool:
    """Whether a sign-in there works: while the breaker is half open, one a second may try."""
    citizen = deployment.raw_citizen()
    await citizen.begin()
    (await citizen.choose(HARBOUR)).expect(303)
    away = (await citizen.visit(citizen.page)).headers.get("Refresh", "").partition("url=")[2]
    if "/authorize" not in away:
        return False
    back = (await citizen.http_sender.send("GET", away)).location
    (await citizen.visit(back)).expect(303)
    return b"/share" in (await citizen.visit(citizen.page)).expect().body


async def test_an_outage_is_known_to_every_worker_and_its_end_to_a_new_one_too(broker: Deployment) -> None:
    await eventually(60, lambda: everywhere(broker, working=True))
    for _ in range(FAILURES):
        await fails(broker)
    await eventually(30, lambda: everywhere(broker, working=False))
    broker.kill(broker.workers()[0])
    await broker.whole()
    await eventually(60, lambda: signs_in(broker))
    await eventually(10, lambda: everywhere(broker, working=True))
