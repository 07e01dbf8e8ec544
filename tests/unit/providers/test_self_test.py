"""Self-test of an OpenID provider: nothing is found at the simulators, and each change of the other side is found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.self_test import SelfTestFinding
from broker.platform.http_client import HttpFailure, HttpResponse, TimedOut, Unreachable
from broker.platform.system import System
from broker.provider import ChecksItself
from providers.openid.config_tables import (
    AcceptedForm,
    DpopConfig,
    EndpointsConfig,
    IdentityTokenConfig,
    IdTokenConfig,
    LevelPlace,
    LevelRequest,
    LogoutConfig,
    LogoutKind,
    RefreshConfig,
    RequestObjectConfig,
    ResponseMode,
    ResponseTokenConfig,
    UpstreamAuthentication,
    UserinfoConfig,
    UserinfoForm,
)
from tests.unit.providers.presets.exchange import exchange
from tests.unit.providers.stage import CALLBACK, Stage, by_secret
from tests.unit.providers.wire import ISSUER, METADATA, Wire, answer

COMPLETE: dict[str, Any] = {
    **METADATA,
    "end_session_endpoint": f"{ISSUER}/logout",
    "response_types_supported": ["code"],
    "response_modes_supported": ["query", "form_post", "query.jwt"],
    "scopes_supported": ["openid", "profile", "email", "address"],
    "acr_values_supported": ["eid:substantial", "eid:high"],
    "prompt_values_supported": ["login"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "id_token_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
    "dpop_signing_alg_values_supported": ["ES256"],
}
REFUSED = answer({"error": "invalid_grant"}, 400)
OWN = Path("own.pem")
ENCRYPTED = {"encryption_key_files": (OWN,), "id_token": IdTokenConfig(AcceptedForm.NESTED)}
JARM = {"response_mode": ResponseMode.JWT}
SEALED = {"request_object": RequestObjectConfig(encryption_algorithm="ECDH-ES+A256KW")}
HIDDEN = {
    **JARM,
    "response_token": ResponseTokenConfig(AcceptedForm.NESTED),
    "encryption_key_files": (Path("key.pem"),),
}
NESTED = {"encryption_key_files": (OWN,), "userinfo_response": UserinfoConfig(UserinfoForm.NESTED)}
CLAIMS = {"acr_values": {}, "level_request": LevelRequest(LevelPlace.CLAIMS, values={Level.HIGH: "eid:high"})}
SCOPE = {"acr_values": {}, "level_request": LevelRequest(LevelPlace.SCOPE, values={Level.HIGH: "top"})}


async def found(
    system: System,
    changes: dict[str, Any],
    token: HttpResponse | HttpFailure = REFUSED,
    keys: HttpResponse | HttpFailure | None = None,
    **settings: Any,
) -> Sequence[SelfTestFinding]:
    """What the test finds at a provider whose metadata has these changes. A member of value None is left out."""
    document = {name: one for name, one in {**COMPLETE, **changes}.items() if one is not None}
    wire = Wire(system, metadata=answer(document), token=token)
    wire.keys = keys or wire.keys
    return await wire.provider(**settings).self_test(CALLBACK)


# --- nothing is found ---


async def test_nothing_is_found_at_the_simulator(here: Stage) -> None:
    assert isinstance(here.provider, ChecksItself)
    assert await here.provider.self_test(CALLBACK) == ()
    for method in (UpstreamAuthentication.CLIENT_SECRET_BASIC, UpstreamAuthentication.CLIENT_SECRET_POST):
        [finding] = await here.another(**by_secret(method)).self_test(CALLBACK)
        assert (finding.about, finding.blocks) == ("token_endpoint", True)


@pytest.mark.parametrize("name", ["gov-uk-one-login", "singpass", "tara", "mitid-signaturgruppen", "login-gov", "spid"])
async def test_nothing_is_found_at_the_counterpart_of_a_preset(system: System, name: str) -> None:
    here = exchange(name, system)
    assert await here.provider.self_test(here.ask.callback) == ()
    form = here.token_call().form
    assert (form["redirect_uri"], form["grant_type"]) == (here.ask.callback, "authorization_code")


async def test_members_that_are_missing_say_nothing(system: System) -> None:
    lists = [name for name in COMPLETE if name.endswith("_supported")]
    assert await found(system, dict.fromkeys(lists)) == ()
    assert await found(system, dict.fromkeys(lists, 1)) == ()


async def test_each_code_is_another_one(system: System) -> None:
    wire = Wire(system, metadata=answer(COMPLETE), token=REFUSED)
    provider = wire.provider()
    await provider.self_test(CALLBACK)
    await provider.self_test(CALLBACK)
    assert len({form["code"] for form in wire.forms}) == 2
    assert all(form["code"] != form["code_verifier"] for form in wire.forms)


# --- metadata ---


@pytest.mark.parametrize(
    ("changes", "settings", "about", "blocks"),
    [
        ({"response_types_supported": ["id_token"]}, {}, "response_type", False),
        ({"code_challenge_methods_supported": ["plain"]}, {}, "pkce", False),
        ({"scopes_supported": ["openid", "profile", "email"]}, {}, "scopes", False),
        ({}, SCOPE, "scopes", False),
        ({"acr_values_supported": ["eid:high"]}, {}, "acr_values", False),
        ({"acr_values_supported": ["eid:substantial"]}, CLAIMS, "acr_values", False),
        ({"prompt_values_supported": ["none"]}, {}, "prompt", False),
        ({}, {"prompt": "login consent"}, "prompt", False),
        ({"response_modes_supported": ["fragment"]}, {}, "response_mode", False),
        ({"response_modes_supported": None}, {"response_mode": ResponseMode.FORM_POST}, "response_mode", False),
        ({"response_modes_supported": ["query"]}, JARM, "response_mode", False),
        ({"authorization_signing_alg_values_supported": ["ES384"]}, JARM, "algorithms", False),
        ({"request_object_signing_alg_values_supported": ["RS256"]}, {"request_object": RequestObjectConfig()},
         "request_object", False),
        ({"request_object_encryption_alg_values_supported": ["dir"]}, SEALED, "request_object.encryption_algorithm",
         False),
        ({"request_object_encryption_enc_values_supported": ["x"]}, SEALED, "request_object.content_encryption", False),
        ({"authorization_encryption_alg_values_supported": ["dir"]}, HIDDEN, "response_token.encryption_algorithms",
         False),
        ({"authorization_encryption_enc_values_supported": ["x"]}, HIDDEN, "response_token.content_encryption", False),
        ({"token_endpoint_auth_methods_supported": ["client_secret_basic"]}, {}, "authentication", False),
        ({"token_endpoint_auth_signing_alg_values_supported": ["PS256"]}, {}, "key_algorithm", False),
        ({"dpop_signing_alg_values_supported": None}, {"dpop": DpopConfig()}, "dpop.algorithm", False),
        ({"dpop_signing_alg_values_supported": ["ES384"]}, {"dpop": DpopConfig()}, "dpop.algorithm", False),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, {}, "algorithms", False),
        ({"id_token_encryption_alg_values_supported": ["RSA1_5"]}, ENCRYPTED, "id_token.encryption_algorithms", False),
        ({"id_token_encryption_enc_values_supported": ["A128GCM"]}, ENCRYPTED, "id_token.content_encryption", False),
        ({"userinfo_signing_alg_values_supported": ["none"]}, NESTED, "userinfo_response.algorithms", False),
        ({"userinfo_encryption_alg_values_supported": []}, NESTED, "userinfo_response.encryption_algorithms", False),
        ({"userinfo_encryption_enc_values_supported": []}, NESTED, "userinfo_response.content_encryption", False),
        ({"require_pushed_authorization_requests": True}, {}, "pushed", True),
        ({"require_signed_request_object": True}, {}, "request_object", True),
        ({"authorization_response_iss_parameter_supported": False}, {"iss_parameter_supported": True},
         "iss_parameter_supported", False),
        ({"claims_parameter_supported": False}, CLAIMS, "claims_request", False),
        ({"claims_parameter_supported": False}, {"claims_request": "{}"}, "claims_request", False),
        ({"pushed_authorization_request_endpoint": None}, {"pushed": True}, "pushed", True),
        ({"userinfo_endpoint": None}, {}, "userinfo", False),
        ({"end_session_endpoint": None}, {}, "end_session", False),
        ({}, {"refresh": RefreshConfig(scopes=())}, "refresh", False),
        ({"grant_types_supported": ["authorization_code"]}, {"refresh": RefreshConfig(scopes=())}, "refresh", False),
        ({"grant_types_supported": ["refresh_token"]}, {"refresh": RefreshConfig()}, "scopes", False),
        ({}, {"logout": LogoutConfig(LogoutKind.REVOKE)}, "logout", False),
        ({}, {"logout": LogoutConfig(check_session=True)}, "logout.check_session", False),
        ({"issuer": "https://elsewhere.example"}, {}, "metadata", True),
        ({"token_endpoint": None}, {}, "metadata", True),
        ({"jwks_uri": "http://op.example/jwks"}, {}, "metadata", True),
    ],
)  # fmt: skip
async def test_a_difference_in_the_metadata_is_found(
    system: System, changes: dict[str, Any], settings: dict[str, Any], about: str, *, blocks: bool
) -> None:
    [finding] = await found(system, changes, **settings)
    assert (finding.about, finding.blocks) == (about, blocks)
    assert "example" not in finding.detail or about == "metadata"


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({"require_pushed_authorization_requests": True}, {"pushed": True}),
        ({"require_signed_request_object": True}, {"request_object": RequestObjectConfig()}),
        ({"authorization_response_iss_parameter_supported": False}, {}),
        ({"claims_parameter_supported": False}, {}),
        ({"userinfo_endpoint": None}, {"userinfo": False}),
        ({"end_session_endpoint": None}, {"end_session": False}),
        ({"end_session_endpoint": None}, {"logout": LogoutConfig(url=f"{ISSUER}/out")}),
        ({"revocation_endpoint": f"{ISSUER}/revoke"}, {"logout": LogoutConfig(LogoutKind.REVOKE)}),
        ({"check_session_iframe": f"{ISSUER}/session"}, {"logout": LogoutConfig(check_session=True)}),
        ({"userinfo_signing_alg_values_supported": ["none"]}, {"userinfo": False, **NESTED}),
        ({}, JARM),
        ({}, HIDDEN),
        ({}, SEALED),
        ({"authorization_encryption_alg_values_supported": ["dir"]}, JARM),
        ({"request_object_encryption_alg_values_supported": ["dir"]}, {"request_object": RequestObjectConfig()}),
        ({"tls_client_certificate_bound_access_tokens": False}, {}),
        ({}, {"prompt_fresh": ""}),
    ],
)
async def test_what_the_configuration_does_not_use_is_not_compared(
    system: System, changes: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert await found(system, changes, **settings) == ()


async def test_a_provider_without_metadata_is_tested_at_the_configured_endpoints(system: System) -> None:
    wire = Wire(system, metadata=answer({}, 404), token=REFUSED)
    endpoints = EndpointsConfig(f"{ISSUER}/authorize", f"{ISSUER}/token", f"{ISSUER}/jwks", f"{ISSUER}/userinfo")
    [finding] = await wire.provider(endpoints=endpoints).self_test(CALLBACK)
    assert finding.about == "end_session"
    assert wire.asked == ["/jwks", "/token"]


async def test_metadata_that_cannot_be_fetched_ends_the_test(system: System) -> None:
    for problem in (Unreachable("no route"), TimedOut("8 seconds"), answer("busy", 503), answer("<html>")):
        wire = Wire(system, metadata=problem)
        [finding] = await wire.provider().self_test(CALLBACK)
        assert (finding.about, finding.blocks) == ("metadata", True)
        assert wire.forms == []


# --- keys ---


@pytest.mark.parametrize(
    ("keys", "settings", "blocks"),
    [
        (Unreachable("no route"), {}, [True]),
        (answer("gone", 404), {}, [True]),
        (answer("slow down", 429), {}, [False]),
        (answer({"keys": "none"}), {}, [True]),
        (answer({"keys": []}), {}, [True]),
        (None, {"algorithms": ("ES256", "PS256")}, []),
        (None, {"algorithms": ("PS256", "ES384")}, [True]),
        (None, {"userinfo_response": UserinfoConfig(UserinfoForm.SIGNED, ("ES384",))}, [True]),
        (None, {"userinfo_response": UserinfoConfig(UserinfoForm.JSON, ("ES384",))}, []),
        (None, {"identity_token": IdentityTokenConfig("jwt", algorithms=("ES384",))}, [True]),
        (None, {"identity_token": IdentityTokenConfig("jwt", algorithms=("ES384",), required=False)}, [False]),
        (None, {"identity_token": IdentityTokenConfig("jwt", algorithms=("ES384",), keys_url=f"{ISSUER}/x")}, []),
    ],
)
async def test_an_accepted_algorithm_needs_a_key(
    system: System, keys: HttpResponse | HttpFailure | None, settings: dict[str, Any], blocks: list[bool]
) -> None:
    findings = await found(system, {}, keys=keys, **settings)
    assert [one.blocks for one in findings] == blocks
    assert {one.about for one in findings} <= {"keys"}


# --- token endpoint ---


@pytest.mark.parametrize(
    ("token", "blocks", "said"),
    [
        (answer({"error": "invalid_client"}, 401), True, "assertion_audience"),
        (answer({"error": "invalid_client"}, 400), True, "key_file"),
        (answer("denied", 401), True, "key_file"),
        (answer({"error": "unauthorized_client"}, 400), True, "unauthorized_client"),
        (answer({"error": "unsupported_grant_type"}, 400), True, "unsupported_grant_type"),
        (answer({"error": "invalid_dpop_proof"}, 400), True, "invalid_dpop_proof"),
        (answer({"error": "invalid_request"}, 400), False, "invalid_request"),
        (answer({"error": "<b>\n"}, 400), False, "cannot be shown"),
        (answer({"error": ["invalid_grant"]}, 400), False, "status 400"),
        (answer("blocked", 403), False, "status 403"),
        (answer("no such page", 404), True, "status 404"),
        (answer({"error": "invalid_grant"}, 500), False, "status 500"),
        (answer({"error": "invalid_grant"}, 503), True, "status 503"),
        (answer("moved", 307), True, "status 307"),
        (answer({"error": "slow_down"}, 429), False, "status 429"),
        (answer({"access_token": "x"}), False, "as if it were valid"),
        (Unreachable("no route"), True, "Unreachable"),
        (TimedOut("8 seconds"), True, "TimedOut"),
    ],
)
async def test_the_answer_to_a_made_up_code_says_whether_the_broker_is_accepted(
    system: System, token: HttpResponse | HttpFailure, said: str, *, blocks: bool
) -> None:
    [finding] = await found(system, {}, token)
    assert (finding.about, finding.blocks) == ("token_endpoint", blocks)
    assert said in finding.detail


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (by_secret(UpstreamAuthentication.CLIENT_SECRET_BASIC), "secret_file"),
        ({"authentication": UpstreamAuthentication.TLS_CLIENT_AUTH, "key_file": None}, "certificate_file"),
        ({"authentication": UpstreamAuthentication.NONE, "key_file": None}, "registered there for none"),
    ],
)
async def test_a_refused_client_comes_with_what_to_check(system: System, settings: dict[str, Any], said: str) -> None:
    changes = {"token_endpoint_auth_methods_supported": None}
    [finding] = await found(system, changes, answer({"error": "invalid_client"}, 401), **settings)
    assert said in finding.detail


async def test_a_demanded_nonce_is_no_difference(system: System) -> None:
    wire = Wire(system, metadata=answer(COMPLETE), token=REFUSED, nonces=["n-1"])
    assert await wire.provider(dpop=DpopConfig()).self_test(CALLBACK) == ()
    assert len(wire.forms) == 2


async def test_every_problem_is_found_at_once(system: System) -> None:
    token = answer({"error": "invalid_client"}, 401)
    findings = await found(system, {"scopes_supported": ["openid"]}, token, keys=answer("gone", 404))
    assert [one.about for one in findings] == ["scopes", "keys", "token_endpoint"]
