"""Use of a service's own token at a resource: scope, and the key or certificate that a desk needs."""

import pytest
from cryptography import x509

from broker.crypto.jose import Certificate, read_certificate
from broker.model.client_token import ClientToken
from broker.model.own_rights import OwnScope
from broker.oidc.client_credentials import check_own_access
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.resource_request import AccessTokenCredential
from tests.support.certificates import Authority

NOW = 1_800_000_000.0
BEARER = AccessTokenCredential(Scheme.BEARER, "own_x")


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    """The certificate of a desk."""
    return read_certificate(authority.client("CN=post.example", x509.DNSName("post.example")).der)


def token(scope: str = "desk", x5t: str | None = None) -> ClientToken:
    """A token that lives for a minute."""
    return ClientToken("digest", "post", scope, NOW, NOW + 60, None, x5t)


def test_a_desk_needs_a_token_that_is_bound_to_a_key() -> None:
    with pytest.raises(EndpointError) as refused:
        check_own_access(BEARER, token(), (OwnScope.DESK,), None, None, NOW)
    assert (refused.value.status, refused.value.code) == (401, "invalid_token")
    assert "bound to a key" in refused.value.detail
    check_own_access(BEARER, token("ssf.read"), (OwnScope.SSF_READ,), None, None, NOW)


def test_a_desk_may_bind_its_token_to_a_certificate(certificate: Certificate) -> None:
    bound = token(x5t=certificate.thumbprint)
    check_own_access(BEARER, bound, (OwnScope.DESK,), None, certificate, NOW)
    with pytest.raises(EndpointError) as refused:
        check_own_access(BEARER, bound, (OwnScope.DESK,), None, None, NOW)
    assert refused.value.status == 401


def test_a_token_of_another_scope_opens_no_desk(certificate: Certificate) -> None:
    other = token("ssf.read ssf.manage", certificate.thumbprint)
    with pytest.raises(EndpointError) as refused:
        check_own_access(BEARER, other, (OwnScope.DESK,), None, certificate, NOW)
    assert (refused.value.status, refused.value.code) == (403, "insufficient_scope")
