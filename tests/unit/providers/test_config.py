"""What an operator writes about a provider: read from TOML, checked as a whole, made into a provider."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.jose import new_signing_key_pem, parse_keys
from broker.model.assurance import Level
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.platform.toml_loader import load
from broker.provider import LogoutFrames, ProviderFailureReason
from providers import KINDS, ProviderDependencies
from providers.openid import OpenIdConfig, OpenIdProvider
from providers.openid.config_tables import UpstreamAuthentication
from tests.unit.providers.stage import CARD

FILE = """
issuer = "https://id.bank.example"
client_id = "portico"
levels = { "bank:basic" = "low", "bank:strong" = "substantial" }
key_file = "bank.pem"
scopes = ["openid", "profile"]
acr_values = { low = "bank:basic bank:strong", substantial = "bank:strong" }
errors = { bank_busy = "busy" }
claim_map = { given_name = "person.first" }
required_claims = ["given_name"]
clock_skew = "1 minute"
"""


def read(text: str, base: Path | None = None) -> OpenIdConfig:
    config, problems = load(tomllib.loads(text), OpenIdConfig, base=base)
    assert problems == []
    assert config is not None
    return config


def paths(text: str, *, development: bool = False) -> set[str]:
    return {problem.path for problem in KINDS["openid"].check(read(text), development=development)}


def test_a_provider_is_one_toml_table() -> None:
    config = read(FILE, Path("/etc/portico"))
    assert config.levels == {"bank:basic": Level.LOW, "bank:strong": Level.SUBSTANTIAL}
    assert config.acr_values[Level.SUBSTANTIAL] == "bank:strong"
    assert config.errors == {"bank_busy": ProviderFailureReason.BUSY}
    assert config.key_file == Path("/etc/portico/bank.pem")
    assert config.clock_skew == 60
    assert KINDS["openid"].check(config, development=False) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"https://id.bank.example"', '"http://id.bank.example"', "issuer"),
        ('"https://id.bank.example"', '"id.bank.example"', "issuer"),
        ('"https://id.bank.example"', '"https://id.bank.example?x"', "issuer"),
        ('"https://id.bank.example"', '"https://[id"', "issuer"),
        ('key_file = "bank.pem"', "", "key_file"),
        ('key_file = "bank.pem"', 'key_file = "bank.pem"\nkey_algorithm = "HS256"', "key_algorithm"),
        ('key_file = "bank.pem"', 'authentication = "client_secret_post"', "secret_file"),
        ('{ "bank:basic" = "low", "bank:strong" = "substantial" }', "{}", "levels"),
        ('substantial = "bank:strong"', 'substantial = "bank:basic"', "acr_values.substantial"),
        ('substantial = "bank:strong"', 'high = "bank:gold"', "acr_values.high"),
        ('["openid", "profile"]', '["profile"]', "scopes"),
        ('clock_skew = "1 minute"', "algorithms = []", "algorithms"),
        ('clock_skew = "1 minute"', 'algorithms = ["ES256", "none"]', "algorithms[1]"),
        ('clock_skew = "1 minute"', 'algorithms = ["HS256"]', "algorithms[0]"),
        ('clock_skew = "1 minute"', 'parameters = { state = "1" }', "parameters.state"),
        ('required_claims = ["given_name"]', 'required_claims = ["shoe_size"]', "required_claims[0]"),
        ('clock_skew = "1 minute"', 'subject_anchor = ["given_name"]', "subject_anchor[0]"),
        ('clock_skew = "1 minute"', 'subject_anchor = ["birthdate"]', "subject_anchor[0]"),
        *(
            (
                'clock_skew = "1 minute"',
                f'logout = {{ frontchannel = true, frontchannel_origins = ["{origin}"] }}',
                place,
            )
            for place in ["logout.frontchannel_origins[0]"]
            for origin in ("http://id.example", "https://id.example/", "https://*.example", "https://a.example b", "x")
        ),
        *(
            (
                'clock_skew = "1 minute"',
                'logout = { check_session = true }\nendpoints = { authorization = "https://a.example/a", '
                f'token = "https://a.example/t", jwks = "https://a.example/j"{more} }}',
                place,
            )
            for more, place in (
                ("", "logout.check_session"),
                (', check_session_iframe = "http://a.example/s"', "endpoints.check_session_iframe"),
            )
        ),
        (
            'clock_skew = "1 minute"',
            'logout = { frontchannel_origins = ["https://id.example"] }',
            "logout.frontchannel_origins",
        ),
        ('clock_skew = "1 minute"', "logout = { must_call = true, may_not_return = true }", "logout.must_call"),
        *(
            ('clock_skew = "1 minute"', f"events = {{ bearer_file = 'b', {more} }}", place)
            for more, place in (
                ("url = 'https://a.example/'", "events.url"),
                ("method = 'poll'", "events.url"),
                ("method = 'poll', url = 'ftp://a.example/'", "events.url"),
                ("jwks_uri = 'http://a.example/keys'", "events.jwks_uri"),
                ("algorithms = ['HS256']", "events.algorithms[0]"),
            )
        ),
        ('clock_skew = "1 minute"', 'refresh = { scopes = ["offline_access", "a b"] }', "refresh.scopes[1]"),
        ('clock_skew = "1 minute"', 'prompt = "none"\nrefresh = {}', "prompt"),
        ('clock_skew = "1 minute"', 'logout = { kind = "revoke", must_call = true }', "logout.must_call"),
        (
            'clock_skew = "1 minute"',
            "end_session = false\nlogout = { may_not_return = true }",
            "logout.may_not_return",
        ),
    ],
)
def test_a_misspelled_setting_is_named_with_its_place(old: str, new: str, path: str) -> None:
    assert old in FILE
    assert path in paths(FILE.replace(old, new))


def test_a_birthdate_and_national_identifiers_never_change_for_a_person() -> None:
    anchored = FILE.replace('{ given_name = "person.first" }', '{ given_name = "g", birthdate = "b", pid = "p" }')
    assert not paths(f'{anchored}\nsubject_anchor = ["birthdate", "pid"]\nidentifiers = {{ pid = "upper" }}')


@pytest.mark.parametrize("pages", ["https://login.bank.example", "https://login.bank.example:8443"])
def test_a_provider_says_which_pages_frame_its_logout(tmp_path: Path, system: System, pages: str) -> None:
    key = 'key_file = "bank.pem"'
    assert build(tmp_path, system).logout_frames is None
    framed = build(tmp_path, system, a=key, b="logout = { frontchannel = true }")
    assert framed.logout_frames == LogoutFrames("https://id.bank.example", ("https://id.bank.example",))
    named = f'logout = {{ frontchannel = true, frontchannel_origins = ["{pages}"] }}'
    elsewhere = build(tmp_path, system, a=key, b=named)
    assert elsewhere.logout_frames == LogoutFrames("https://id.bank.example", (pages,))


def test_a_provider_begins_sign_ins_if_its_file_permits_that(tmp_path: Path, system: System) -> None:
    assert build(tmp_path, system).initiating_issuer is None
    permitted = build(tmp_path, system, a='key_file = "bank.pem"', b="initiate_login = true")
    assert permitted.initiating_issuer == "https://id.bank.example"


def test_http_is_for_development_alone() -> None:
    text = FILE.replace("https://", "http://")
    assert paths(text) == {"issuer"}
    assert paths(text, development=True) == set()


def build(tmp_path: Path, system: System, **changes: Any) -> OpenIdProvider:
    (tmp_path / "bank.pem").write_bytes(new_signing_key_pem("ES256"))
    text = FILE if not changes else FILE.replace('key_file = "bank.pem"', "\n".join(changes.values()))
    provider = KINDS["openid"].build(CARD, read(text, tmp_path), ProviderDependencies(HttpClients(), system))
    assert isinstance(provider, OpenIdProvider)
    return provider


def test_a_provider_shows_the_public_key_it_is_known_by_and_nothing_private(tmp_path: Path, system: System) -> None:
    provider = build(tmp_path, system)
    assert len(parse_keys(provider.jwks).keys) == 1
    assert "d" not in provider.jwks["keys"][0]
    assert provider.card is CARD


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path, system: System) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    provider = build(tmp_path, system, a='authentication = "client_secret_basic"', b='secret_file = "secret"')
    assert provider.jwks == {"keys": []}


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_secret_is_refused(tmp_path: Path, system: System, content: str) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(ValueError, match="first line is empty"):
        build(
            tmp_path,
            system,
            a=f'authentication = "{UpstreamAuthentication.CLIENT_SECRET_POST}"',
            b='secret_file = "secret"',
        )


def test_a_key_that_is_none_is_refused(tmp_path: Path, system: System) -> None:
    (tmp_path / "other.pem").write_text("no key")
    with pytest.raises(ValueError, match=r"."):
        build(tmp_path, system, a='key_file = "other.pem"')
