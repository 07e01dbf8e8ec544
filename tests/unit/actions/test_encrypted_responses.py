"""An encrypted response finds its transaction by the state inside it, and nothing else does."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from broker.journey.transaction import TransactionState
from broker.platform.system import System
from providers.openid.config_tables import AcceptedForm, ResponseMode, ResponseTokenConfig
from providers.simulator.national import Answer
from providers.simulator.national.keys import encrypted, signed
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.test_presets import world_with
from tests.unit.providers.presets.exchange import Call, exchange, rebuilt, send

pytestmark = pytest.mark.store


async def test_a_citizen_comes_back_with_an_encrypted_response(stage: Stage) -> None:
    here = exchange("singpass", System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    table = ResponseTokenConfig(AcceptedForm.NESTED, ("ECDH-ES+A256KW",), ("A256CBC-HS512",))
    here = replace(
        here,
        provider=rebuilt(here, response_mode=ResponseMode.JWT, response_token=table, iss_parameter_supported=False),
    )
    w = world_with(stage, here)
    handle = await w.arrives()
    here.simulated.script.next.append(Answer())
    await w.leaves(handle, here.entry.id)
    attempt = (await w.transaction(handle)).attempt
    assert attempt is not None
    back = await send(here.wire.app, Call("GET", attempt.url, {}, {}))
    query = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    now, tokens = int(w.clock.now()), here.simulated._tokens
    claims = {"iss": here.entry.config.issuer, "aud": here.entry.config.client_id, "exp": now + 60, **query}
    inner = signed(claims, tokens.key, tokens.algorithm, {"kid": tokens.kid})
    client = next(iter(here.simulated._clients.values()))
    sealed = encrypted(inner, client, here.simulated.dialect, "id_token.encryption")
    for stray in (inner, sealed[:-8] + "AAAAAAAA"):
        await w.sign_in.complete(here.entry.id, {"response": stray}, w.browser)
        assert (await w.transaction(handle)).state is TransactionState.AWAY
    await w.sign_in.complete(here.entry.id, {"response": sealed}, w.browser)
    assert (await w.transaction(handle)).state is TransactionState.IDENTIFIED
