"""Client certificates: the header, the subject, and client authentication."""

import base64
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.crypto.jose import Certificate, distinguished_name, parse_keys, read_authorities, read_certificate
from broker.model.service import BindingMethod, ClientAuthentication, SecurityProfile, Service, TlsSubject
from broker.oidc.client_authentication import (
    AssertionAudience,
    AuthenticatedClient,
    authenticate_client,
    parse_credentials,
)
from broker.oidc.errors import EndpointError
from broker.oidc.mtls import certificate_error, client_certificate, matches_subject
from tests.support.certificates import Authority
from tests.unit.oidc.examples import ISSUER, service

DN = "CN=tax.example,OU=A+O=Tax\\, Ltd,C=GB"


@pytest.fixture(scope="module")
def tax(authority: Authority) -> Certificate:
    """The certificate of the tax service, with a name of every kind."""
    made = authority.client(
        DN,
        x509.DNSName("Tax.example"),
        x509.UniformResourceIdentifier("https://tax.example/a"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
        x509.RFC822Name("Keys@TAX.example"),
    )
    return read_certificate(made.der)


def known(**subject: str) -> Service:
    return service(authentication=ClientAuthentication.TLS_CLIENT_AUTH, tls_subject=TlsSubject(**subject))


def header(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


# The header (RFC 9440)


def test_a_certificate_is_read_from_its_header(authority: Authority) -> None:
    der = authority.client("CN=tax").der
    found = client_certificate([header(der)])
    assert found is not None
    assert found.thumbprint == read_certificate(der).thumbprint
    assert client_certificate([]) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[1:],
        lambda text: text[:-1],
        lambda text: text[1:-1],
        lambda text: f"{text}, {text}",
        lambda text: f"{text};a=1",
        lambda text: f" {text}",
        lambda text: text[:9] + "\n" + text[9:],
        lambda text: text[:9] + "_" + text[10:],
        lambda text: text[:-5] + ":",
        lambda _text: "",
        lambda _text: "::",
        lambda _text: ":AAAA:",
        lambda _text: ":" + "A" * 20_000 + ":",
        lambda text: "-----BEGIN%20CERTIFICATE-----%0A" + text[1:-1],
    ],
)
def test_a_header_that_is_not_one_certificate_is_refused(authority: Authority, change: object) -> None:
    value = change(header(authority.client("CN=tax").der))  # type: ignore[operator]
    with pytest.raises(EndpointError) as error:
        client_certificate([value])
    assert (error.value.code, error.value.status) == ("invalid_request", 400)


def test_two_headers_are_refused_even_if_they_say_the_same(authority: Authority) -> None:
    one = header(authority.client("CN=tax").der)
    with pytest.raises(EndpointError, match="2 Client-Cert headers"):
        client_certificate([one, one])


@given(st.text(max_size=200) | st.binary(max_size=300).map(header))
def test_any_other_certificate_header_is_refused_without_an_exception(value: str) -> None:
    with pytest.raises(EndpointError):
        client_certificate([value])


def test_trailing_bytes_after_a_certificate_are_refused(authority: Authority) -> None:
    with pytest.raises(EndpointError):
        client_certificate([header(authority.client("CN=tax").der + b"\0")])


# The subject (RFC 8705 2.1.2)


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ({"dn": DN}, True),
        ({"dn": "CN=tax.example,O=Tax\\2C Ltd+OU=A,C=GB"}, True),
        ({"dn": "2.5.4.3=tax.example,OU=A+O=Tax\\, Ltd,C=GB"}, True),
        ({"dn": "CN=t\\61x.example,OU=A+O=Tax\\, Ltd,C=GB"}, True),
        ({"dn": "C=GB,OU=A+O=Tax\\, Ltd,CN=tax.example"}, False),
        ({"dn": "CN=tax.example,OU=A,O=Tax\\, Ltd,C=GB"}, False),
        ({"dn": "CN=TAX.example,OU=A+O=Tax\\, Ltd,C=GB"}, False),
        ({"dn": "CN=tax.example"}, False),
        ({"dn": "O=tax.example,OU=A+O=Tax\\, Ltd,C=GB"}, False),
        ({"san_dns": "tax.EXAMPLE"}, True),
        ({"san_dns": "www.tax.example"}, False),
        ({"san_dns": "https://tax.example/a"}, False),
        ({"san_uri": "https://tax.example/a"}, True),
        ({"san_uri": "https://tax.example/A"}, False),
        ({"san_ip": "2001:DB8:0::7"}, True),
        ({"san_ip": "2001:db8::8"}, False),
        ({"san_email": "Keys@tax.example"}, True),
        ({"san_email": "keys@tax.example"}, False),
        ({}, False),
    ],
)
def test_a_certificate_matches_its_own_subject_names_only(
    tax: Certificate, subject: dict[str, str], *, named: bool
) -> None:
    assert matches_subject(tax, TlsSubject(**subject)) is named


@given(
    st.lists(
        st.sets(
            st.tuples(
                st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATION_IDENTIFIER]),
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
            ),
            min_size=1,
            max_size=2,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_name_is_the_same_however_it_is_escaped(parts: list[set[tuple[x509.ObjectIdentifier, str]]]) -> None:
    def escaped(text: str) -> str:
        return "".join(f"\\{byte:02x}" for byte in text.encode())

    built = x509.Name([x509.RelativeDistinguishedName([x509.NameAttribute(*pair) for pair in rdn]) for rdn in parts])
    written = ["+".join(f"{oid.dotted_string}={escaped(value)}" for oid, value in rdn) for rdn in parts]
    assert distinguished_name(",".join(reversed(written))) == built
    assert distinguished_name(",".join(reversed([*written, "CN=x"]))) != built


@pytest.mark.parametrize("text", ["", "tax", "CN", "CN=a,", "XX=a", "CN=a;O=b", "CN=a+"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(an empty name)?$"):
        distinguished_name(text)


# Authentication (RFC 8705 2)


def test_a_ca_certificate_authenticates_the_service_that_it_names(authority: Authority, tax: Certificate) -> None:
    of, now = known(dn=DN), tax.starts + 60
    trusted = read_authorities(authority.file.read_bytes())
    credentials = parse_credentials({"client_id": "tax"}, None, tax)
    audience = AssertionAudience(ISSUER)
    no_keys = jose.KeySet()
    assert authenticate_client(credentials, of, no_keys, audience, now, trusted) == AuthenticatedClient(of)
    with pytest.raises(EndpointError) as error:
        authenticate_client(parse_credentials({"client_id": "tax"}, None), of, no_keys, audience, now, trusted)
    assert (error.value.code, error.value.status) == ("invalid_client", 401)
    secret = parse_credentials({"client_id": "tax", "client_secret": "x"}, None, tax)
    with pytest.raises(EndpointError, match="instead of the registered"):
        authenticate_client(secret, of, no_keys, audience, now, trusted)


def test_a_certificate_of_another_service_is_rejected_with_its_reason(
    authority: Authority, tax: Certificate, tmp_path: Path
) -> None:
    of, now, no_keys = known(dn="CN=tax"), tax.starts + 60, jose.KeySet()
    trusted = read_authorities(authority.file.read_bytes())
    forged = read_certificate(Authority(tmp_path / "other").client("CN=tax").der)
    server = read_certificate(authority.client("CN=tax", usage=ExtendedKeyUsageOID.SERVER_AUTH).der)
    signer = read_certificate(authority.client("CN=tax", authority=True).der)
    good = read_certificate(authority.client("CN=tax").der)
    assert certificate_error(of, good, no_keys, trusted, now) is None
    assert "came" in str(certificate_error(of, None, no_keys, trusted, now))
    assert "expired" in str(certificate_error(of, good, no_keys, trusted, good.ends + 1))
    assert "not good yet" in str(certificate_error(of, good, no_keys, trusted, good.starts - 1))
    assert "not the registered" in str(certificate_error(of, tax, no_keys, trusted, now))
    for other in (forged, server, signer):
        assert "authorities" in str(certificate_error(of, other, no_keys, trusted, now))
    assert "authorities" in str(certificate_error(of, good, no_keys, (), now))


def test_a_self_signed_certificate_authenticates_by_its_key(authority: Authority) -> None:
    of = service(authentication=ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH)
    mine, other = authority.self_signed("CN=tax"), authority.self_signed("CN=tax")
    certificate = read_certificate(mine.der)
    now = certificate.starts + 60
    assert certificate_error(of, certificate, parse_keys(mine.jwks), (), now) is None
    assert "keys" in str(certificate_error(of, certificate, parse_keys(other.jwks), (), now))
    assert "keys" in str(certificate_error(of, certificate, jose.KeySet(), (), now))
    assert "expired" in str(certificate_error(of, certificate, parse_keys(mine.jwks), (), certificate.ends + 1))


def test_only_authorities_are_read_as_such(authority: Authority) -> None:
    with pytest.raises(ValueError, match="is not a certificate authority"):
        read_authorities(authority.client("CN=tax").chain.read_bytes())
    with pytest.raises(ValueError, match="PEM"):
        read_authorities(b"nothing")


@pytest.mark.parametrize(
    ("profile", "authentication", "binding", "bound"),
    [
        (SecurityProfile.FAPI2, ClientAuthentication.PRIVATE_KEY_JWT, None, BindingMethod.DPOP),
        (SecurityProfile.FAPI2, ClientAuthentication.TLS_CLIENT_AUTH, None, BindingMethod.DPOP),
        (SecurityProfile.FAPI2, ClientAuthentication.PRIVATE_KEY_JWT, BindingMethod.MTLS, BindingMethod.MTLS),
        (SecurityProfile.OIDC, ClientAuthentication.CLIENT_SECRET_BASIC, None, None),
        (SecurityProfile.OIDC, ClientAuthentication.CLIENT_SECRET_BASIC, BindingMethod.MTLS, BindingMethod.MTLS),
        (SecurityProfile.OIDC, ClientAuthentication.NONE, None, BindingMethod.DPOP),
    ],
)
def test_token_binding_follows_the_profile_and_the_certificate(
    profile: SecurityProfile,
    authentication: ClientAuthentication,
    binding: BindingMethod | None,
    bound: BindingMethod | None,
) -> None:
    assert service(profile=profile, authentication=authentication, binding=binding).token_binding is bound
