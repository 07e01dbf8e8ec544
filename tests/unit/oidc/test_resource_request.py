"""What an access token opens, and for whom."""

from dataclasses import replace

import pytest

from broker.crypto.jose import read_certificate
from broker.model.grant import Grant, StoredToken
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.resource_request import AccessTokenCredential, check_access, parse_access_token
from tests.support.certificates import Authority
from tests.unit.oidc.examples import NOW, grant

TOKEN = StoredToken("d", "access", NOW - 10, NOW + 10)
PROOF = DpopProof("jkt-1", "jkt-1.j", NOW + 60)
OTHER = DpopProof("jkt-2", "jkt-2.j", NOW + 60)
REBOUND = StoredToken("d", "access", NOW - 10, NOW + 10, "jkt-2")
CERTIFIED = StoredToken("d", "access", NOW - 10, NOW + 10, x5t="x5t-1")
BOUND = grant(dpop_jkt="jkt-1")
BEARER = AccessTokenCredential(Scheme.BEARER, "at")
DPOP = AccessTokenCredential(Scheme.DPOP, "at")


@pytest.mark.parametrize(
    ("header", "scheme"),
    [("Bearer at", Scheme.BEARER), ("bearer at", Scheme.BEARER), ("DPoP at", Scheme.DPOP), ("dpop  at", Scheme.DPOP)],
)
def test_a_token_is_read_from_the_header(header: str, scheme: Scheme) -> None:
    assert parse_access_token(header) == AccessTokenCredential(scheme, "at")


def test_without_a_token_one_is_asked_for_and_no_error_is_named() -> None:
    with pytest.raises(EndpointError) as error:
        parse_access_token(None)
    assert error.value.status == 401
    assert error.value.challenge == 'DPoP algs="ES256 EdDSA Ed25519 PS256", Bearer'


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "at", "Bearer a b", "Bearer \u00e4", "Bearer " + "x" * 513, "BearerX at"],
)
def test_a_header_that_holds_no_token_is_refused(header: str) -> None:
    with pytest.raises(EndpointError) as error:
        parse_access_token(header)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)


def test_userinfo_wants_the_scope_openid() -> None:
    """RFC 6750 3.1: a refresh may have asked for less than that."""
    with pytest.raises(EndpointError) as error:
        check_access(BEARER, replace(TOKEN, scope="profile"), grant(), None, NOW)
    assert (error.value.code, error.value.status) == ("insufficient_scope", 403)
    assert (error.value.challenge or "").startswith('Bearer error="insufficient_scope"')


def test_a_token_opens_for_whom_it_was_made() -> None:
    check_access(BEARER, TOKEN, grant(), None, NOW)
    check_access(DPOP, TOKEN, BOUND, PROOF, NOW)
    check_access(DPOP, REBOUND, BOUND, OTHER, NOW)


@pytest.mark.parametrize(
    ("presented", "token", "of", "proof", "said"),
    [
        (BEARER, StoredToken("d", "refresh", NOW, NOW + 10), grant(), None, "kind"),
        (BEARER, StoredToken("d", "access", NOW - 10, NOW), grant(), None, "expired"),
        (BEARER, TOKEN, grant(expires=NOW), None, "expired"),
        (BEARER, TOKEN, BOUND, None, "bearer"),
        (BEARER, TOKEN, BOUND, PROOF, "bearer"),
        (DPOP, TOKEN, grant(), PROOF, "bearer"),
        (DPOP, TOKEN, BOUND, None, "proof"),
        (DPOP, TOKEN, BOUND, OTHER, "proof"),
        (DPOP, REBOUND, BOUND, PROOF, "proof"),
        (BEARER, CERTIFIED, grant(), None, "certificate"),
        (DPOP, CERTIFIED, BOUND, PROOF, "certificate"),
    ],
)
def test_a_token_does_not_open(
    presented: AccessTokenCredential, token: StoredToken, of: Grant, proof: DpopProof | None, said: str
) -> None:
    with pytest.raises(EndpointError, match=said) as error:
        check_access(presented, token, of, proof, NOW)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)
    assert (error.value.challenge or "").startswith(("Bearer error=", "DPoP error="))


def test_a_token_bound_to_a_certificate_opens_with_that_one_alone(authority: Authority) -> None:
    own, other = (read_certificate(authority.client("CN=tax").der) for _ in range(2))
    token = StoredToken("d", "access", NOW - 10, NOW + 10, x5t=own.thumbprint)
    check_access(BEARER, token, grant(), None, NOW, own)
    check_access(BEARER, TOKEN, grant(), None, NOW, other)
    with pytest.raises(EndpointError, match="certificate") as error:
        check_access(BEARER, token, grant(), None, NOW, other)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)
    assert (error.value.challenge or "").startswith("Bearer error=")


def test_a_presented_token_does_not_show_itself_in_a_log() -> None:
    assert "secret" not in repr(AccessTokenCredential(Scheme.BEARER, "secret"))
