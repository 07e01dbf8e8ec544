"""Settings diff: what changed between two readings, and what of it a running process can apply."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from broker.platform.toml_loader import Problem
from broker.settings import check_services
from broker.settings.check_context import check_context
from broker.settings.loading import Settings
from broker.settings.providers import ProviderEntry


@dataclass(frozen=True, slots=True)
class SettingsChanges:
    """Changes of a reload: ids of services that were added, changed, removed, or have another sector; ids of providers
    whose policy changed.

    `waiting` lists changes that need a restart, such as `broker.toml: limits`.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def apply_reload(running: Settings, found: Settings) -> tuple[Settings, SettingsChanges]:
    """Applies the services and provider policies of `found` to the running settings; everything else stays as it
    runs."""
    before, after = running.services, found.services
    both = [client_id for client_id in after if client_id in before]
    listed = {provider_id: _listed(entry, found.providers) for provider_id, entry in running.providers.items()}
    changes = SettingsChanges(
        added=tuple(client_id for client_id in after if client_id not in before),
        changed=tuple(client_id for client_id in both if after[client_id] != before[client_id]),
        removed=tuple(client_id for client_id in before if client_id not in after),
        sectors=tuple(client_id for client_id in both if after[client_id].sector != before[client_id].sector),
        policies=tuple(provider_id for provider_id, entry in listed.items() if entry != running.providers[provider_id]),
        waiting=tuple(_waiting(running, found)),
    )
    return replace(running, services=after, providers=listed), changes


def check_reload(settings: Settings) -> Iterator[Problem]:
    """Checks the services against the running broker's settings, from which broker.toml may differ."""
    context = check_context(settings.broker)
    for client_id, service in settings.services.items():
        for check in check_services.CHECKS:
            yield from _placed(client_id, check(service, context))
        yield from _placed(client_id, check_services.check_level(service, settings.providers, context))


def _placed(client_id: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield replace(problem, path=f"{client_id}, at the broker that runs: {problem.path}")


def _listed(entry: ProviderEntry, found: Mapping[str, ProviderEntry]) -> ProviderEntry:
    return replace(entry, policy=found[entry.id].policy) if entry.id in found else entry


def _waiting(running: Settings, found: Settings) -> Iterator[str]:
    for setting in fields(running.broker):
        if getattr(running.broker, setting.name) != getattr(found.broker, setting.name):
            yield f"broker.toml: {setting.name}"
    if running.staff != found.staff:
        yield "staff.toml"
    for provider_id in dict.fromkeys([*running.providers, *found.providers]):
        before, after = running.providers.get(provider_id), found.providers.get(provider_id)
        if before is None or after is None or replace(before, policy=after.policy) != after:
            yield f"providers/{provider_id}.toml"
