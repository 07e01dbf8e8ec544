"""Examples in the documents are well formed, and those of a service's file are taken."""

import json
import tomllib
from typing import Any

import pytest

from broker.crypto.keys.index import Index
from broker.model.service import Service
from broker.platform.toml_fields import keys_of
from broker.platform.toml_loader import load
from broker.settings.providers import ProviderFile
from broker.settings.schema import BrokerSettings
from broker.settings.staff import StaffFile
from providers import KINDS
from tests.documents.markdown import CURRENT, Fence, fences, name

EVERY = [fence for page in CURRENT for fence in fences(page)]
SHAPES = (BrokerSettings, Service, ProviderFile, StaffFile, Index)


def of(language: str) -> Any:
    """Every example in a language, as the parameters of a test."""
    return pytest.mark.parametrize(
        "fence", [fence for fence in EVERY if fence.language == language], ids=lambda fence: name(fence.page)
    )


@of("json")
def test_an_example_in_json_parses(fence: Fence) -> None:
    assert isinstance(json.loads(fence.text.replace('"..."', '"x"')), dict | list)


@of("toml")
def test_an_example_in_toml_parses_and_names_settings_that_exist(fence: Fence) -> None:
    table = tomllib.loads(fence.text)
    if table.get("kind") in KINDS:
        del table[table["kind"]]
    assert any(set(table) <= {key.name for key in keys_of(shape)} for shape in SHAPES), sorted(table)


@of("toml")
def test_a_whole_file_of_a_service_is_taken(fence: Fence) -> None:
    table = tomllib.loads(fence.text)
    if "redirect_uris" in table:
        record, problems = load({"client_id": "example", **table}, Service)
        assert (type(record), problems) == (Service, [])
