"""Settings diff: what changed between two readings, and what of it a running process can apply."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from broker.platform.toml_loader import Problem
from broker.settings import check_providers, check_services, cross_checks
from broker.settings.check_context import check_context
from broker.settings.loading import Settings


@dataclass(frozen=True, slots=True)
class SettingsChanges:
    """Changes of a reload: ids of services that were added, changed, removed, or have another sector; ids of providers
    that were added, changed, removed, or have another policy; whether staff.toml changed.

    `waiting` lists changes that need a restart, such as `broker.toml: limits`.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    providers_added: tuple[str, ...] = ()
    providers_changed: tuple[str, ...] = ()
    providers_removed: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    staff: bool = False
    waiting: tuple[str, ...] = ()

    @property
    def applicable(self) -> bool:
        """Whether a running process has anything to apply."""
        services = (*self.added, *self.changed, *self.removed)
        providers = (*self.providers_added, *self.providers_changed, *self.providers_removed, *self.policies)
        return bool(services or providers or self.staff)


def apply_reload(running: Settings, found: Settings) -> tuple[Settings, SettingsChanges]:
    """Applies the services, providers and staff of `found` to the running settings; everything else stays as it
    runs."""
    before, after = running.services, found.services
    both = [client_id for client_id in after if client_id in before]
    was, becomes = running.providers, found.providers
    kept = [provider_id for provider_id in becomes if provider_id in was]
    staff = found.staff if _staff_follows(running, found) else running.staff
    changes = SettingsChanges(
        added=tuple(client_id for client_id in after if client_id not in before),
        changed=tuple(client_id for client_id in both if after[client_id] != before[client_id]),
        removed=tuple(client_id for client_id in before if client_id not in after),
        sectors=tuple(client_id for client_id in both if after[client_id].sector != before[client_id].sector),
        providers_added=tuple(provider_id for provider_id in becomes if provider_id not in was),
        providers_changed=tuple(one for one in kept if replace(was[one], policy=becomes[one].policy) != becomes[one]),
        providers_removed=tuple(provider_id for provider_id in was if provider_id not in becomes),
        policies=tuple(provider_id for provider_id in kept if was[provider_id].policy != becomes[provider_id].policy),
        staff=staff != running.staff,
        waiting=tuple(_waiting(running, found)),
    )
    return replace(running, services=after, providers=becomes, staff=staff), changes


def check_reload(settings: Settings, found: Settings) -> Iterator[Problem]:
    """Checks services and providers against the running broker's settings, from which broker.toml may differ.

    `found` has passed every check by its own broker.toml: if that says the same to the checks, none is repeated.
    """
    context = check_context(settings.broker)
    if context == check_context(found.broker):
        return
    for entry in settings.every_provider:
        for check_provider in check_providers.CHECKS:
            yield from _placed(entry.id, check_provider(entry, context))
    levels = cross_checks.ReachableLevels(settings.providers)
    for client_id, service in settings.services.items():
        for check in check_services.CHECKS:
            yield from _placed(client_id, check(service, context))
        yield from _placed(client_id, cross_checks.check_level(service, levels, context))


def _placed(client_id: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield replace(problem, path=f"{client_id}, at the broker that runs: {problem.path}")


def _staff_follows(running: Settings, found: Settings) -> bool:
    """Whether a running process can apply the staff: there was a console at its start, and there are staff still."""
    return running.staff is not None and found.staff is not None


def _waiting(running: Settings, found: Settings) -> Iterator[str]:
    for setting in fields(running.broker):
        if getattr(running.broker, setting.name) != getattr(found.broker, setting.name):
            yield f"broker.toml: {setting.name}"
    if running.staff != found.staff and not _staff_follows(running, found):
        yield "staff.toml"
