"""A clock that jumps back brings nothing to life again, not even over a restart."""

from pathlib import Path

from broker import wiring
from broker.model.handle import sha256_hex
from broker.stores.clock_check import SETTLED_AFTER
from tests.e2e.app_harness import Ahead, Script, staged
from tests.e2e.raw_client import RawCitizen, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides

RIDES = Script(files={"services/rides.toml": RIDES_SERVICE})
JUMP = 3 * 3600.0


async def test_what_has_expired_stays_expired_when_the_clock_jumps_back(tmp_path: Path) -> None:
    clock = Ahead()
    async with staged(tmp_path, RIDES, clock.system) as stage, http_sender() as sender:
        service, facts = rides(tmp_path, stage.issuer), stage.parts.connections.sql_stores
        raw_citizen, late, pushed = (RawCitizen(sender, service) for _ in range(3))
        tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
        code = await late.code()
        (await pushed.push()).expect(201)
        clock.advance(JUMP)
        await facts.maintain()
        service.now = clock.now

        async def all_dead() -> None:
            assert (await late.redeem(code)).json["error"] == "invalid_grant"
            assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401
            assert (await pushed.authorize()).status == 400

        await all_dead()
        clock.jump(-JUMP)
        # until it is known that no other process disagrees nothing is answered that depends on the time
        for refused in (
            await late.redeem(code),
            await raw_citizen.userinfo(tokens["access_token"]),
            await pushed.authorize(),
        ):
            assert refused.status == 503
        ready = await sender.send("GET", f"{stage.issuer}/readyz")
        assert (ready.status, "clock" in ready.json["wrong"]) == (503, True)

        # then everything that had expired is expired for good, and the broker goes by the machine's clock again
        await facts.maintain()
        clock.advance(SETTLED_AFTER)
        await facts.maintain()
        assert facts.clock.unready_reason is None
        assert abs(stage.parts.system.now() - clock.now()) < 1
        await all_dead()
        old = RawCitizen(sender, service, jar=late.jar)
        reply = await old.visit(silent(stage.service))
        assert "error=login_required" in reply.location
        (await (fresh := RawCitizen(sender, service)).redeem(await fresh.code())).expect()

        # a process that starts later finds it expired too
        async with wiring.open_container(stage.parts.settings, clock.system) as parts:
            found = await parts.connections.sql_stores.grants.token(sha256_hex(tokens["access_token"]))
            assert found is not None
            assert found[0].expires < parts.system.now()


def silent(service: str) -> str:
    """A request of the sample service that allows no page."""
    return (
        "/authorize?client_id=demo-service&response_type=code&scope=openid&prompt=none&state=s&redirect_uri="
        f"{service}/callback&code_challenge={'a' * 43}&code_challenge_method=S256"
    )
