"""Each setting is declared once: the record that a file fills is the record that the rules use."""

import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any

import pytest

import broker
from broker.model.service import Service
from broker.platform.toml_fields import keys_of
from broker.settings.providers import ProviderFile
from broker.settings.reference import record_in
from broker.settings.schema import BrokerSettings
from broker.settings.staff import StaffFile

FILES = (BrokerSettings, Service, ProviderFile, StaffFile)
BUILT: Mapping[str, str] = {
    "ClientTls": "TLS of a database or of Redis, decided by several of their settings",
    "ServerTls": "TLS of connections to one provider, decided by several of its settings",
    "SmtpNotifier": "the connection to the SMTP server, with the password from its file",
}
"""Records that are computed from settings, and what makes them more than a copy."""


def settings(shape: type[Any]) -> Iterator[tuple[type[Any], set[str]]]:
    """Each setting of a file that is no table: the record that declares it, and its names there and in the file."""
    for key in keys_of(shape):
        if (found := record_in(key)) is not None:
            yield from settings(found[0])
        else:
            yield key.owner, {key.name, key.field.name}


def dataclasses_of_the_broker() -> Iterator[type[Any]]:
    """Every dataclass of the package `broker`."""
    for module in pkgutil.walk_packages(broker.__path__, "broker."):
        if module.name != "broker.__main__" and ".migrations" not in module.name:
            import_module(module.name)
    for name, loaded in list(sys.modules.items()):
        if name.startswith("broker."):
            yield from (one for one in vars(loaded).values() if isinstance(one, type) and is_dataclass(one))


def repeated(records: Iterable[type[Any]]) -> set[tuple[str, str]]:
    """Records that declare the settings of a table again: three or more of them, and most of the smaller record."""
    declared: dict[type[Any], list[set[str]]] = {}
    for file in FILES:
        for table, names in settings(file):
            declared.setdefault(table, []).append(names)
    found = set()
    for other in set(records) - set(declared) - set(FILES):
        own = {field.name for field in fields(other)}
        for table, known in declared.items():
            common = sum(not names.isdisjoint(own) for names in known)
            if common >= 3 and common >= 0.75 * min(len(own), len(known)):
                found.add((other.__name__, table.__name__))
    return found


def test_no_record_declares_settings_that_another_one_declares() -> None:
    assert {other for other, _ in repeated(dataclasses_of_the_broker())} == set(BUILT)


def test_a_second_declaration_of_settings_is_found() -> None:
    @dataclass
    class FileOfLogout:
        post_logout_redirect_uris: tuple[str, ...]
        backchannel_logout_uri: str
        frontchannel_logout_uri: str

    assert repeated([FileOfLogout]) == {("FileOfLogout", "ServiceLogout")}


@pytest.mark.parametrize("shape", FILES)
def test_a_key_of_a_table_fills_one_field(shape: type[Any]) -> None:
    names = [key.name for key in keys_of(shape)]
    assert len(names) == len(set(names))
