"""A provider's file of ten lines, completed by a preset."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.model.assurance import Level
from broker.platform.toml_loader import Problem
from broker.settings.providers import ProviderEntry, provider
from broker.settings.sources import Source
from providers import KINDS
from providers.openid import OpenIdConfig

SINGPASS = """
id = "singpass"
kind = "openid"
preset = "singpass"
preset_environment = "test"
[openid]
client_id = "portico-of-the-city"
key_file = "secrets/singpass-sig.pem"
encryption_key_files = ["secrets/singpass-enc.pem"]
"""


def read(text: str, **changes: Any) -> tuple[ProviderEntry | None, list[Problem]]:
    """The provider of a file."""
    table: Mapping[str, Any] = tomllib.loads(text) | changes
    return provider(Source("providers/x.toml", "", table, Path("/etc/portico")), KINDS, development=False)


def test_ten_lines_are_a_whole_provider() -> None:
    assert len(SINGPASS.strip().splitlines()) <= 10
    entry, problems = read(SINGPASS)
    assert problems == []
    assert entry is not None
    assert entry.card.names["en"] == "Singpass"
    config = entry.config
    assert isinstance(config, OpenIdConfig)
    assert config.issuer == "https://stg-id.singpass.gov.sg/fapi"
    assert config.pushed
    assert config.dpop is not None
    assert config.levels["urn:singpass:authentication:loa:3"] is Level.HIGH


def test_a_file_overrides_its_preset_key_by_key() -> None:
    entry, problems = read(SINGPASS + '[openid.claim_map]\nemail = "sub_attributes.mail"\n', minutes=9)
    assert problems == []
    assert entry is not None
    assert entry.card.minutes == 9
    assert entry.config.claim_map["email"] == "sub_attributes.mail"
    assert entry.config.claim_map["name"] == "sub_attributes.name"


def test_a_preset_that_does_not_exist_is_a_problem_with_a_suggestion() -> None:
    entry, (problem,) = read(SINGPASS, preset="singpas")
    assert entry is None
    assert (problem.path, problem.fix) == ("preset", 'did you mean "singpass"?')
    entry, (problem,) = read(SINGPASS, preset_environment="moon")
    assert entry is None
    assert problem.path == "preset_environment"


def test_the_keys_of_a_provider_are_those_in_lists_and_tables_too() -> None:
    entry, _ = read(SINGPASS + '[openid.dpop]\nkey_file = "p.pem"\nalgorithm = "RS256"\n')
    assert entry is not None
    known = {key.setting: (key.path.name, key.algorithm) for key in entry.own_keys()}
    assert known == {
        "key_file": ("singpass-sig.pem", "ES256"),
        "encryption_key_files[0]": ("singpass-enc.pem", None),
        "dpop.key_file": ("p.pem", "RS256"),
    }


def test_a_certificate_authority_is_no_secret_that_two_providers_may_not_share() -> None:
    entry, _ = read(SINGPASS.replace("[openid]", '[openid]\nca_file = "ca.pem"\ncertificate_file = "own.pem"'))
    assert entry is not None
    assert {name for name, _ in entry.files()} - {name for name, _ in entry.secrets()} == {
        "ca_file",
        "certificate_file",
    }
