"""Token request: checks of codes, refresh tokens and PKCE."""

from dataclasses import replace
from typing import Any

import pytest

from broker.crypto.jose import read_certificate
from broker.model.grant import StoredToken
from broker.model.handle import sha256_hex
from broker.model.lifetimes import TokenLifetimes
from broker.model.service import BindingMethod, ClientAuthentication, SecurityProfile
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError
from broker.oidc.token_request import (
    CibaTokenRequest,
    CodeRequest,
    RefreshRequest,
    access_token,
    check_binding,
    check_code,
    check_refresh,
    dpop_thumbprint,
    grant_from_code,
    narrow_scope,
    refresh_token,
    scope_of,
    token_parameter,
    token_request,
    token_response,
)
from tests.support.certificates import Authority
from tests.support.services import change_service
from tests.unit.oidc.examples import CALLBACK, NOW, VERIFIER, code, grant, service

PROOF = DpopProof("jkt-1", "jkt-1.j", NOW + 60)
OTHER = DpopProof("jkt-2", "jkt-2.j", NOW + 60)
REQUEST = CodeRequest("c", CALLBACK, VERIFIER)
APP = service(authentication=ClientAuthentication.NONE)
LIFETIMES = TokenLifetimes(id_token=300, access=600, refresh=3600)


def refused(call: Any, *arguments: Any) -> EndpointError:
    with pytest.raises(EndpointError) as error:
        call(*arguments)
    assert error.value.status == 400
    return error.value


# Requested scope


def test_a_code_exchange_is_parsed() -> None:
    parameters = {"grant_type": "authorization_code", "code": "c", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert token_request(parameters) == REQUEST
    assert token_request({"grant_type": "authorization_code", "code": "c"}) == CodeRequest("c", None, None)
    assert token_request({"grant_type": "authorization_code", "code": "x" * 512}) == CodeRequest("x" * 512, None, None)


def test_a_refresh_request_is_parsed() -> None:
    parameters = {"grant_type": "refresh_token", "refresh_token": "r"}
    assert token_request(parameters) == RefreshRequest("r", None)
    assert token_request({**parameters, "scope": "openid email openid"}) == RefreshRequest("r", ("openid", "email"))


def test_the_tokens_of_a_backchannel_request_are_asked_for_by_its_auth_req_id() -> None:
    parameters = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "a-1"}
    assert token_request(parameters) == CibaTokenRequest("a-1")
    missing = refused(token_request, {"grant_type": parameters["grant_type"]})
    assert (missing.code, missing.description) == ("invalid_request", "the parameter auth_req_id is missing")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, "invalid_request"),
        ({"code": "c"}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "refresh_token": "r"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x" * 513}, "invalid_request"),
        ({"grant_type": "refresh_token", "code": "c"}, "invalid_request"),
        ({"grant_type": "password", "username": "a"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "ssf.read  desk"}, "invalid_scope"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "Authorization_Code", "code": "c"}, "unsupported_grant_type"),
    ],
)
def test_another_grant_type_is_refused(parameters: dict[str, str], error: str) -> None:
    assert refused(token_request, parameters).code == error


def test_a_token_to_look_at_or_to_revoke_has_to_be_named() -> None:
    assert token_parameter({"token": "t", "token_type_hint": "unknown"}) == "t"
    assert refused(token_parameter, {"token_type_hint": "access_token"}).code == "invalid_request"


# Codes


def test_a_code_is_good_for_the_service_that_asked() -> None:
    check_code(REQUEST, code(), service(), None, NOW)
    check_code(REQUEST, code(dpop_jkt="jkt-1"), service(), PROOF, NOW)
    check_code(CodeRequest("c", CALLBACK, None), code(code_challenge=None), service(), None, NOW)
    check_code(REQUEST, code(expires=NOW + 0.001), service(), None, NOW)


@pytest.mark.parametrize(
    ("request_changes", "code_changes", "proof", "said"),
    [
        ({}, {"client_id": "other"}, None, "another service"),
        ({}, {"expires": NOW}, None, "expired"),
        ({}, {"expires": NOW - 3600}, None, "expired"),
        ({"redirect_uri": None}, {}, None, "redirect_uri"),
        ({"redirect_uri": CALLBACK + "/"}, {}, None, "redirect_uri"),
        ({"redirect_uri": "https://tax.example/other?lang=cy"}, {}, None, "redirect_uri"),
        ({"verifier": None}, {}, None, "code_verifier"),
        ({"verifier": VERIFIER[:-1] + "A"}, {}, None, "does not fit"),
        ({"verifier": VERIFIER.lower()}, {}, None, "does not fit"),
        ({"verifier": VERIFIER[:42]}, {}, None, "malformed"),
        ({"verifier": "x" * 129}, {}, None, "malformed"),
        ({"verifier": VERIFIER + "="}, {}, None, "malformed"),
        ({"verifier": VERIFIER + "\u00e4"}, {}, None, "malformed"),
        ({}, {"code_challenge": None}, None, "code_verifier"),
        ({}, {"code_challenge": VERIFIER}, None, "does not fit"),
        ({}, {"dpop_jkt": "jkt-1"}, None, "DPoP"),
        ({}, {"dpop_jkt": "jkt-1"}, OTHER, "DPoP"),
    ],
)
def test_a_code_is_refused_with_invalid_parameters(
    request_changes: dict[str, Any], code_changes: dict[str, Any], proof: DpopProof | None, said: str
) -> None:
    fields = {"code": "c", "redirect_uri": CALLBACK, "verifier": VERIFIER} | request_changes
    error = refused(check_code, CodeRequest(**fields), code(**code_changes), service(), proof, NOW)
    assert error.code == "invalid_grant"
    assert said in error.detail
    assert error.description == "the code or refresh token is not valid, or no longer"


def test_the_fapi2_profile_requires_sender_constrained_tokens() -> None:
    check_binding(service(profile=SecurityProfile.FAPI2), PROOF)
    check_binding(service(), None)
    assert refused(check_binding, service(profile=SecurityProfile.FAPI2), None).code == "invalid_dpop_proof"


def test_certificate_bound_tokens_require_a_certificate(authority: Authority) -> None:
    certificate = read_certificate(authority.client("CN=tax").der)
    now = certificate.starts + 60
    for profile in SecurityProfile:
        of = service(profile=profile, binding=BindingMethod.MTLS)
        assert check_binding(of, None, certificate, now) == certificate.thumbprint
        assert refused(check_binding, of, None, None, now).code == "invalid_request"
        assert refused(check_binding, of, None, certificate, certificate.ends + 1).code == "invalid_request"
        assert refused(check_binding, of, PROOF, certificate, now).code == "invalid_dpop_proof"


def test_a_certificate_binds_nothing_where_that_is_not_registered(authority: Authority) -> None:
    certificate = read_certificate(authority.client("CN=tax").der)
    assert check_binding(service(), None, certificate, certificate.starts) is None
    assert check_binding(service(profile=SecurityProfile.FAPI2), PROOF, certificate, certificate.starts) is None
    assert (
        refused(check_binding, service(profile=SecurityProfile.FAPI2), None, certificate).code == "invalid_dpop_proof"
    )


def test_the_tokens_of_an_app_are_bound_to_its_key_unless_its_file_says_otherwise() -> None:
    """RFC 9700 2.2."""
    check_binding(APP, PROOF)
    assert refused(check_binding, APP, None).code == "invalid_dpop_proof"
    for proof in (PROOF, None):
        check_binding(change_service(APP, sender_constrained=False), proof)
    strict = service(profile=SecurityProfile.FAPI2, sender_constrained=False)
    assert refused(check_binding, strict, None).code == "invalid_dpop_proof"


def test_bearer_tokens_of_an_app_live_short_and_nothing_else_does() -> None:
    bearer = change_service(APP, sender_constrained=False)
    lifetimes = TokenLifetimes(access=600, refresh=3600, app_access=60, app_refresh=7200)
    short = lifetimes.for_caller(bearer, bound=False)
    assert (short.access, short.refresh, short.id_token) == (60, 3600, lifetimes.id_token)
    assert replace(lifetimes, app_refresh=1800).for_caller(bearer, bound=False).refresh == 1800
    for of, proof in ((bearer, PROOF), (APP, PROOF), (service(), None), (service(), PROOF)):
        assert lifetimes.for_caller(of, bound=proof is not None) == lifetimes


def test_a_bearer_app_refreshes_without_a_key_only_what_is_bound_to_none() -> None:
    bearer = change_service(APP, sender_constrained=False)
    request = RefreshRequest("r", None)
    check_refresh(request, REFRESH, grant(), bearer, None, NOW)
    check_refresh(request, REFRESH, grant(dpop_jkt="jkt-1"), bearer, PROOF, NOW)
    for held, proof in ((grant(dpop_jkt="jkt-1"), None), (grant(dpop_jkt="jkt-1"), OTHER), (grant(), PROOF)):
        assert refused(check_refresh, request, REFRESH, held, bearer, proof, NOW).code == "invalid_grant"


# What is issued


def test_a_grant_holds_what_its_code_held_and_the_key_of_the_proof() -> None:
    made = grant_from_code(code(), "g-1", PROOF, LIFETIMES, NOW)
    assert (made.id, made.client_id, made.account, made.release) == ("g-1", "tax", "a", code().release)
    assert (made.scope, made.nonce, made.dpop_jkt) == (code().scope, "n-1", "jkt-1")
    assert (made.created, made.expires) == (NOW, NOW + 3600)
    assert grant_from_code(code(), "g-1", None, LIFETIMES, NOW).dpop_jkt is None


def test_a_grant_without_offline_access_ends_with_its_access_token() -> None:
    made = grant_from_code(code(scope=("openid",)), "g-1", None, LIFETIMES, NOW)
    assert made.expires == NOW + 600
    assert access_token("at", made, None, LIFETIMES, NOW).expires == NOW + 600
    assert refresh_token("rt", made, NOW) is None


def test_tokens_are_kept_as_digests_and_never_outlive_their_grant() -> None:
    assert access_token("at", grant(), None, LIFETIMES, NOW) == StoredToken(sha256_hex("at"), "access", NOW, NOW + 600)
    assert access_token("at", grant(expires=NOW + 5), None, LIFETIMES, NOW).expires == NOW + 5
    assert refresh_token("rt", grant(), NOW) == StoredToken(sha256_hex("rt"), "refresh", NOW, NOW + 1000)


def test_an_access_token_holds_the_certificate_that_it_is_bound_to() -> None:
    bound = access_token("at", grant(), None, LIFETIMES, NOW, "x5t-1")
    assert (bound.x5t, access_token("at", grant(), None, LIFETIMES, NOW).x5t) == ("x5t-1", None)


def test_a_token_that_has_expired_meanwhile_is_answered_with_no_lifetime_left() -> None:
    late = access_token("at", grant(), None, LIFETIMES, NOW)
    assert token_response("at", late, grant(), late.expires - 0.5)["expires_in"] == 0
    assert token_response("at", late, grant(), late.expires + 60)["expires_in"] == 0


def test_the_answer_says_what_was_granted() -> None:
    record = access_token("at", grant(), None, LIFETIMES, NOW)
    assert token_response("at", record, grant(), NOW, id_token="id", refresh="rt") == {
        "access_token": "at",
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "openid profile offline_access",
        "id_token": "id",
        "refresh_token": "rt",
    }
    bound = token_response("at", record, grant(dpop_jkt="jkt-1"), NOW + 0.5)
    assert (bound["token_type"], bound["expires_in"]) == ("DPoP", 599)
    assert "id_token" not in bound
    assert "refresh_token" not in bound


# Refreshing

REFRESH = StoredToken("d", "refresh", NOW - 10, NOW + 1000)


def test_an_app_refreshes_with_the_key_it_began_with() -> None:
    check_refresh(RefreshRequest("r", None), REFRESH, grant(dpop_jkt="jkt-1"), APP, PROOF, NOW)
    for proof in (OTHER, None):
        error = refused(check_refresh, RefreshRequest("r", None), REFRESH, grant(dpop_jkt="jkt-1"), APP, proof, NOW)
        assert error.code == "invalid_grant"


def test_a_refresh_token_is_good_for_its_service() -> None:
    check_refresh(RefreshRequest("r", None), REFRESH, grant(), service(), None, NOW)
    for scope in (("openid",), grant().scope):
        check_refresh(RefreshRequest("r", scope), REFRESH, grant(), service(), None, NOW)


def test_a_refresh_may_come_with_a_new_key_to_which_the_new_token_is_bound() -> None:
    bound = grant(dpop_jkt="jkt-1")
    for proof in (PROOF, OTHER):
        check_refresh(RefreshRequest("r", None), REFRESH, bound, service(), proof, NOW)
        assert dpop_thumbprint(access_token("at", bound, proof, LIFETIMES, NOW), bound) == proof.jkt
    assert dpop_thumbprint(access_token("at", grant(), None, LIFETIMES, NOW), grant()) is None


@pytest.mark.parametrize(
    ("token", "grant_changes", "service_changes", "proof", "said"),
    [
        (StoredToken("d", "access", NOW, NOW + 9), {}, {}, None, "kind"),
        (REFRESH, {"client_id": "other"}, {}, None, "another service"),
        (StoredToken("d", "refresh", NOW - 9, NOW), {}, {}, None, "expired"),
        (REFRESH, {"expires": NOW}, {}, None, "expired"),
        (REFRESH, {}, {"refresh": False}, None, "no longer"),
        (REFRESH, {"dpop_jkt": "jkt-1"}, {}, None, "DPoP"),
        (REFRESH, {}, {}, PROOF, "DPoP"),
    ],
)
def test_an_invalid_refresh_is_refused(
    token: StoredToken,
    grant_changes: dict[str, Any],
    service_changes: dict[str, Any],
    proof: DpopProof | None,
    said: str,
) -> None:
    request = RefreshRequest("r", None)
    error = refused(check_refresh, request, token, grant(**grant_changes), service(**service_changes), proof, NOW)
    assert error.code == "invalid_grant"
    assert said in error.detail


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        (None, "openid profile offline_access"),
        ("openid profile offline_access", "openid profile offline_access"),
        ("offline_access profile openid", "openid profile offline_access"),
        ("openid profile", "openid profile"),
        ("profile openid", "openid profile"),
        ("openid", "openid"),
        ("openid openid", "openid"),
        ("profile", "profile"),
    ],
)
def test_a_refresh_narrows_the_scope_of_its_access_token_alone(asked: str | None, scope: str) -> None:
    """RFC 6749 6: without `scope` the granted one is used, and the next refresh may request all of it again."""
    whole = grant(scope=("openid", "profile", "offline_access"))
    more = {} if asked is None else {"scope": asked}
    request = token_request({"grant_type": "refresh_token", "refresh_token": "r", **more})
    assert isinstance(request, RefreshRequest)
    check_refresh(request, REFRESH, whole, service(), None, NOW)
    record = narrow_scope(access_token("at", whole, None, LIFETIMES, NOW), request, whole)
    assert token_response("at", record, whole, NOW)["scope"] == scope
    assert scope_of(record, whole) == tuple(scope.split())
    assert scope_of(REFRESH, whole) == whole.scope


@pytest.mark.parametrize("scope", [" ", "openid  profile", " openid", "openid\tprofile", 'open"id', "open\u00efd"])
def test_a_scope_that_is_no_list_of_words_is_refused(scope: str) -> None:
    error = refused(token_request, {"grant_type": "refresh_token", "refresh_token": "r", "scope": scope})
    assert error.code == "invalid_scope"


def test_a_refresh_never_widens_the_scope() -> None:
    request = RefreshRequest("r", ("openid", "address"))
    assert refused(check_refresh, request, REFRESH, grant(), service(), None, NOW).code == "invalid_scope"
