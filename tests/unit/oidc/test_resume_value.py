"""The service's own value for a citizen who finishes in another browser (`portico_resume`)."""

from collections.abc import Mapping

import pytest

from broker.model.service import Service
from broker.oidc.discovery import ServerCapabilities, discovery, endpoints
from broker.oidc.errors import ProtocolError, RedirectedError
from broker.oidc.resume_value import read_resume_value, resume_url
from tests.unit.oidc.examples import ISSUER, LADDER, plain, service

PAGE = "https://tax.example/later?step=2"
VALUE = "case:7/a+b=&c%20"
WRITTEN = "portico_resume=case%3A7%2Fa%2Bb%3D%26c%2520"


@pytest.mark.parametrize("value", ["x", VALUE, "~" * 512, "!"])
def test_a_value_is_taken_as_it_is(value: str) -> None:
    assert read_resume_value(value, service(resume_uri=PAGE)) == value


@pytest.mark.parametrize("value", ["", "a b", "a\nb", "\x7f", "caf\u00e9", "x" * 513, "\u202e"])
def test_another_value_is_refused(value: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        read_resume_value(value, service(resume_uri=PAGE))
    assert refused.value.code == "invalid_request"


def test_a_service_without_a_page_for_it_may_send_none() -> None:
    assert read_resume_value(None, service()) is None
    with pytest.raises(ProtocolError):
        read_resume_value("x", service())


def test_the_value_comes_back_at_the_page_of_the_service() -> None:
    alone = service(resume_uri=PAGE)
    assert resume_url(alone, ISSUER, VALUE) == f"{PAGE}&{WRITTEN}&iss=https%3A%2F%2Fid.example"
    assert resume_url(alone, ISSUER, None) == PAGE
    starts = service(resume_uri="https://tax.example/later", initiate_login_uri="https://tax.example/start")
    target = "https%3A%2F%2Ftax.example%2Flater%3Fportico_resume%3D7"
    assert resume_url(starts, ISSUER, "7") == (
        f"https://tax.example/start?iss=https%3A%2F%2Fid.example&target_link_uri={target}"
    )
    assert resume_url(service(), ISSUER, None) == "https://tax.example/"


def test_a_request_carries_it_and_a_wrong_one_goes_back_to_the_service() -> None:
    known = service(resume_uri=PAGE)
    assert plain(known, portico_resume=VALUE).resume_value == VALUE
    assert plain(known).resume_value is None
    with pytest.raises(RedirectedError) as refused:
        plain(known, portico_resume="a b")
    assert refused.value.code == "invalid_request"


def test_the_metadata_say_that_it_is_supported_if_a_service_can_use_it() -> None:
    def document(*services: Service) -> Mapping[str, object]:
        return discovery(ISSUER, endpoints(ISSUER), LADDER, services, ServerCapabilities(("ES256",), ("en",)))

    assert document(service(resume_uri=PAGE))["portico_resume_supported"] is True
    assert "portico_resume_supported" not in document(service())
