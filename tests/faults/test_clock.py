"""A clock that jumps back brings nothing to life again, not even over a restart."""

from pathlib import Path

from broker import app
from broker.app import Parts
from broker.demo.run import Stand
from broker.model.handle import digest
from tests.whole.rider import RIDES_SERVICE, Rider, rides, wire
from tests.whole.stage import Ahead, Script, serving, staged

RIDES = Script(files={"services/rides.toml": RIDES_SERVICE})
JUMP = 3 * 3600.0


async def test_what_has_expired_stays_expired_when_the_clock_jumps_back(tmp_path: Path) -> None:
    clock = Ahead()
    async with staged(tmp_path, RIDES, clock.ambient) as stage, wire() as sender:
        service = rides(tmp_path, stage.issuer)
        rider, late, pushed = (Rider(sender, service) for _ in range(3))
        told = (await rider.redeem(await rider.code())).right().told
        code = await late.code()
        (await pushed.push()).right(201)
        clock.advance(JUMP)
        service.now = clock.now
        await stage.parts.facts.tick()
        ahead = clock.now()

        async def all_dead(sender_rider: Rider) -> None:
            assert (await late.redeem(code)).told["error"] == "invalid_grant"
            assert (await sender_rider.userinfo(told["access_token"])).status == 401
            assert (await pushed.authorize()).status == 400

        service.now = lambda: ahead
        await all_dead(rider)
        clock.advance(-JUMP)
        await all_dead(rider)
        old = Rider(sender, service, jar=late.jar)
        reply = await old.visit(silent(stage.service))
        assert "error=login_required" in reply.location

        # a process that starts with the clock put back knows how late it once was
        async with app.opened(stage.parts.settings, Ahead().ambient) as parts:
            assert parts.ambient.now() >= int(ahead)
            async with serving(Stand("broker", another_port(parts), app.public_door(parts))):
                token = digest(told["access_token"])
                found = await parts.facts.grants.token(token)
                assert found is not None and found[0].expires < parts.ambient.now()


def another_port(parts: Parts) -> int:
    """A port for a second broker."""
    from tests.machine.program import free_port

    return free_port()


def silent(service: str) -> str:
    """A request of the sample service that allows no page."""
    return (
        "/authorize?client_id=demo-service&response_type=code&scope=openid&prompt=none&state=s&redirect_uri="
        f"{service}/callback&code_challenge={'a' * 43}&code_challenge_method=S256"
    )
