"""What a configuration announces of verifications is what it can produce."""

from dataclasses import replace
from pathlib import Path

from broker.assisted.profiles import default_profiles
from broker.model.assurance import EvidenceType
from broker.platform.http_client import HttpClients
from broker.platform.system import real_system
from broker.settings import Settings
from broker.wiring.assisted_wiring import help_ways, verifiable
from broker.wiring.notifiers import build_notifiers
from providers.openid.config import OpenIdConfig
from providers.openid.identity import verifiable as of_provider
from tests.support.configuration import Configuration, prepared


def announced(settings: Settings) -> set[EvidenceType]:
    configs = [entry.config for entry in settings.providers.values()]
    providers = [of_provider(config) for config in configs if isinstance(config, OpenIdConfig)]
    assisted = bool(help_ways(settings, build_notifiers(settings.broker, HttpClients(), real_system())))
    return set(verifiable(default_profiles(), providers, assisted=assisted).kinds)


def test_documents_and_vouches_are_announced_only_where_help_from_a_person_is_offered(tmp_path: Path) -> None:
    prepared(tmp_path)
    settings = Configuration(tmp_path / "config").settings()
    broker = settings.broker
    assert announced(settings) == set(EvidenceType)
    for without in (
        replace(settings, staff=None),
        replace(settings, broker=replace(broker, assisted=replace(broker.assisted, enabled=False))),
    ):
        assert announced(without) == {EvidenceType.ELECTRONIC_RECORD}
    assert announced(replace(settings, staff=None, providers={})) == set()
