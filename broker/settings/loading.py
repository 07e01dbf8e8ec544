"""Loading the settings: reads every table, runs every check, collects every problem."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

from broker.model.service import Service
from broker.platform.operator_files import is_folder
from broker.platform.toml_loader import Problem, check_range
from broker.platform.toml_loader import load as load_table
from broker.settings import check_broker, check_providers, check_services, check_shared_secrets, cross_checks
from broker.settings.check_context import CheckContext, check_context, minimal_context
from broker.settings.check_shared_secrets import StoredSecret, copies
from broker.settings.credentials import with_credentials
from broker.settings.missing_files import Missing, of_provider, of_service
from broker.settings.providers import ProviderEntry, ProviderKind, provider
from broker.settings.renamed_keys import with_current_keys
from broker.settings.schema import SQLITE, BrokerSettings
from broker.settings.service_cache import CachedReading, CheckedService, ServiceCache, ServiceRead
from broker.settings.sources import Source, Sources, read_sources
from broker.settings.staff import StaffFile, StaffSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked as a whole. `staff` is None if assisted verification is off.

    `missing` are files that are named and do not exist yet; empty if the settings were loaded with `prepared` True.
    `stored_secrets` are the keys and secrets in the named files, to detect copies.
    """

    broker: BrokerSettings
    services: Mapping[str, Service]
    providers: Mapping[str, ProviderEntry]
    staff: StaffSettings | None
    missing: tuple[Missing, ...] = ()
    stored_secrets: tuple[StoredSecret, ...] = field(default=(), compare=False, repr=False)

    @property
    def every_provider(self) -> Sequence[ProviderEntry]:
        """The providers of citizens, and that of staff."""
        return [*self.providers.values(), *([] if self.staff is None else [self.staff.provider])]


@dataclass(frozen=True, slots=True)
class Located(Generic[T]):
    """A record with its source, so that a problem found later has its full path."""

    source: Source
    record: T

    def place(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems with their full paths."""
        return map(self.source.placed, problems)


def load(
    place: Path,
    kinds: Mapping[str, ProviderKind],
    *,
    origins: Mapping[str, str] | None = None,
    prepared: bool = True,
    additional: Sequence[Source] = (),
    cache: ServiceCache | None = None,
) -> Settings | list[Problem]:
    """Loads the settings of a folder or one file. Returns them, or None, with every problem. No network, no store.

    `kinds` are the kinds of providers by name. `origins` replaces `host:port` texts in every value, so that the same
    files serve other ports. With `prepared` False files that `portico keys init` creates may be missing: keys, secrets,
    folders. `additional` are additional services. `cache` holds the services of unchanged files; it is not for readings
    with `origins`, or with `prepared` False.
    """
    reading = CachedReading(cache)
    sources, problems = read_sources(place, origins or {}, additional, reading.unchanged)
    if sources is None:
        return problems
    sources = with_current_keys(sources, problems)
    broker = read_broker(sources.broker, problems, prepared=prepared)
    context = minimal_context(sources.broker.table) if broker is None else check_context(broker.record)
    services = read_services(sources.services, problems, reading.known, prepared=prepared)
    providers = read_providers(sources.providers, kinds, problems, development=context.development)
    staff = (
        None if sources.staff is None else read_staff(sources.staff, kinds, problems, development=context.development)
    )
    if broker is not None:
        problems += broker.place(check_broker_alone(broker.record, prepared=prepared))
    problems += check_each_service(services, providers, sources, context, reading.known)
    problems += check_each_provider(providers, sources, context, prepared=prepared)
    if staff is not None:
        problems += staff.place(check_staff(staff.record, providers, context, prepared=prepared))
    elif sources.staff is None and context.help:
        fix = "write staff.toml, or enabled = false in [assisted]"
        problems.append(
            sources.broker.placed(
                Problem("assisted.enabled", "staff.toml is missing: assisted verification needs staff", fix)
            )
        )
    if broker is not None and broker.record.dynamic_registration and not is_folder(place):
        fix = "put the settings into a folder, or remove this"
        problems.append(
            sources.broker.placed(Problem("dynamic_registration", "dynamic registration needs a folder of files", fix))
        )
    of_services = [secrets_of(one, reading.known) for one in services]
    secrets = [*other_secrets(broker, providers, staff), *chain.from_iterable(of_services)]
    problems += copies(secrets, shared_by_services=broker is not None and broker.record.dynamic_registration)
    if problems or broker is None:
        return problems
    checked = zip(services, of_services, strict=True)
    reading.keep(((one.source, one.record, marks) for one, marks in checked), place, context)
    entries = [one.record for one in providers] + ([] if staff is None else [staff.record.provider])
    return Settings(
        broker=broker.record,
        services={one.record.service.client_id: one.record.service for one in services},
        providers={one.record.id: one.record for one in providers},
        staff=None if staff is None else staff.record.staff(),
        missing=(
            *(file for one in services for file in of_service(one.record.written)),
            *(file for entry in entries for file in of_provider(entry)),
        ),
        stored_secrets=tuple(secrets),
    )


def read_broker(source: Source, problems: list[Problem], *, prepared: bool) -> Located[BrokerSettings] | None:
    """Reads the broker's table, if it has the right shape. If not, the valid part of it is checked nevertheless."""
    broker, found = load_table(source.table, BrokerSettings, base=source.base)
    problems += map(source.placed, found)
    if broker is not None:
        return Located(source, at_its_file(broker, source))
    rest, _ = load_table(without(source.table, found), BrokerSettings, base=source.base)
    if rest is not None:
        problems += map(source.placed, check_broker_alone(at_its_file(rest, source), prepared=prepared))
    return None


def at_its_file(broker: BrokerSettings, source: Source) -> BrokerSettings:
    """Resolves a relative SQLite path against the file's folder, like every other path."""
    path = broker.database.url.removeprefix(SQLITE)
    if path in (broker.database.url, "", ":memory:") or path.startswith("//"):
        return broker
    return replace(broker, database=replace(broker.database, url=f"{SQLITE}{check_range(source.base, path)}"))


def without(table: Mapping[str, object], problems: Sequence[Problem]) -> Mapping[str, object]:
    """A table without the values at the problems' paths. A list with one invalid item becomes empty."""
    left = dict(table)
    for problem in problems:
        first, _, rest = problem.path.partition(".")
        inner = left.get(first)
        if rest and isinstance(inner, Mapping):
            left[first] = without(inner, [replace(problem, path=rest)])
        else:
            left.pop(first.partition("[")[0], None)
    return left


def read_services(
    sources: Sequence[Source], problems: list[Problem], known: Mapping[str, CheckedService], *, prepared: bool
) -> list[Located[ServiceRead]]:
    """Reads the services whose tables have the right shape, apart from those known from a reading before."""
    made = []
    for source in sources:
        if source.file in known:
            made.append(Located(known[source.file].source, known[source.file].read))
            continue
        written, found = load_table(source.table, Service, base=source.base)
        if written is not None:
            record, more = with_credentials(written, prepared=prepared)
            found += more
            made.append(Located(source, ServiceRead(written, record)))
        problems += map(source.placed, found)
    return made


def read_providers(
    sources: Sequence[Source], kinds: Mapping[str, ProviderKind], problems: list[Problem], *, development: bool
) -> list[Located[ProviderEntry]]:
    """Reads the providers whose tables have the right shape."""
    made = []
    for source in sources:
        entry, found = provider(source, kinds, development=development)
        problems += map(source.placed, found)
        if entry is not None:
            made.append(Located(source, entry))
    return made


@dataclass(frozen=True, slots=True)
class StaffRead:
    """The schema of the staff's table and the provider in it."""

    file: StaffFile
    provider: ProviderEntry

    def staff(self) -> StaffSettings:
        """Converts the schema into StaffSettings."""
        people = {person.id: person for person in self.file.people}
        return StaffSettings(self.provider, people, self.file.policy)


def read_staff(
    source: Source, kinds: Mapping[str, ProviderKind], problems: list[Problem], *, development: bool
) -> Located[StaffRead] | None:
    """Reads the staff's table, if it has the right shape. The provider in it gets the id `staff` unless the table
    has one."""
    file, found = load_table(source.table, StaffFile, base=source.base)
    problems += map(source.placed, found)
    if file is None:
        return None
    inner = replace(source, at="", table={"id": "staff"} | dict(file.provider))
    entry, found = provider(inner, kinds, development=development)
    problems += map(source.placed, inside(found))
    return None if entry is None else Located(source, StaffRead(file, entry))


def inside(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Prefixes the paths of the staff provider's problems."""
    return (replace(problem, path=f"provider.{problem.path}" if problem.path else "provider") for problem in problems)


def check_broker_alone(broker: BrokerSettings, *, prepared: bool) -> Iterator[Problem]:
    """Checks of broker.toml, and of this machine's files if `prepared`."""
    for check in check_broker.CHECKS:
        yield from check(broker)
    if prepared:
        yield from check_broker.check_files(broker)


def check_each_service(
    services: Sequence[Located[ServiceRead]],
    providers: Sequence[Located[ProviderEntry]],
    sources: Sources,
    context: CheckContext,
    known: Mapping[str, CheckedService],
) -> Iterator[Problem]:
    """Checks of each service alone, against other services, and against the providers.

    A service that was read before, and passed the checks of its own in the same context, is not checked alone again.
    """
    entries = {one.record.id: one.record for one in providers}
    files: dict[str, str] = {}
    by_sector = cross_checks.sectors(one.record.service for one in services)
    levels = cross_checks.ReachableLevels(entries)
    for one in services:
        service, before = one.record.service, known.get(one.source.file)
        if before is None or before.context != context:
            for check in check_services.CHECKS:
                yield from one.place(check(service, context))
            yield from one.place(check_services.check_credential(one.record.written))
            yield from one.place(check_name(one.source, service.client_id))
        yield from one.place(cross_checks.check_sectors(by_sector, service))
        yield from one.place(cross_checks.check_providers(service, sources.provider_ids))
        if len(entries) == len(sources.provider_ids):
            yield from one.place(cross_checks.check_level(service, levels, context))
        yield from one.place(twice("client_id", service.client_id, one.source.file, files))


def check_each_provider(
    providers: Sequence[Located[ProviderEntry]], sources: Sources, context: CheckContext, *, prepared: bool
) -> Iterator[Problem]:
    """Checks of each provider alone, against other providers, and against the services."""
    entries = [each.record for each in providers]
    files: dict[str, str] = {}
    for one in providers:
        yield from one.place(check_entry(one.record, context, prepared=prepared))
        yield from one.place(check_providers.check_launch(one.record, sources.service_ids))
        yield from one.place(cross_checks.check_own_kind(one.record, entries))
        yield from one.place(twice("id", one.record.id, one.source.file, files))


def check_entry(entry: ProviderEntry, context: CheckContext, *, prepared: bool) -> Iterator[Problem]:
    """Checks that every provider must pass, including that of staff."""
    for check in check_providers.CHECKS:
        yield from check(entry, context)
    if prepared:
        yield from check_providers.check_files(entry)


def check_staff(
    staff: StaffRead, providers: Sequence[Located[ProviderEntry]], context: CheckContext, *, prepared: bool
) -> Iterator[Problem]:
    """Checks of the people and of the provider they sign in with."""
    yield from check_providers.check_people(staff.file)
    entry, others = staff.provider, [one.record for one in providers]
    yield from inside(check_entry(entry, context, prepared=prepared))
    if any(other.id == entry.id for other in others):
        fix = "give one of the two another id"
        yield Problem("provider.id", f'the citizens\' provider "{entry.id}" has the same id', fix)
    if entry.card.max_level < staff.file.policy.level:
        fix = "raise provider.max_level, or lower level"
        yield Problem("level", "the staff's provider is registered for a lower level", fix)


def other_secrets(
    broker: Located[BrokerSettings] | None,
    providers: Sequence[Located[ProviderEntry]],
    staff: Located[StaffRead] | None,
) -> Iterator[StoredSecret]:
    """Collects every key and secret in the files that broker.toml, providers and staff name, with its full path."""
    if broker is not None:
        yield from (located(one, broker.source) for one in check_shared_secrets.of_broker(broker.record))
    for provider_read in providers:
        yield from (
            located(one, provider_read.source) for one in check_shared_secrets.of_provider(provider_read.record)
        )
    if staff is not None:
        for one in check_shared_secrets.of_provider(staff.record.provider, "provider."):
            yield located(replace(one, owner="the provider of staff"), staff.source)


def secrets_of(read: Located[ServiceRead], known: Mapping[str, CheckedService]) -> tuple[StoredSecret, ...]:
    """The keys and secrets of a service, with their full paths."""
    if read.source.file in known:
        return known[read.source.file].secrets
    keys = read.record.service.credentials
    place = "jwks_file" if keys.jwks_file is not None else "jwks"
    return (
        *(
            located(one, read.source)
            for one in check_shared_secrets.of_service(read.record.written, keys.secret_digest)
        ),
        *(
            located(one, read.source)
            for one in check_shared_secrets.of_keys(read.record.service.client_id, place, keys.jwks)
        ),
    )


def located(secret: StoredSecret, source: Source) -> StoredSecret:
    """A key or secret with its full path."""
    return replace(secret, place=source.placed(Problem(secret.place, "", "")).path)


def check_name(source: Source, client_id: str) -> Iterator[Problem]:
    """Checks that a service's file has its name: so that it is found, and no service is defined in two files."""
    file = Path(source.file)
    if file.parent.name == "services" and file.stem != client_id:
        fix = f"name the file {client_id}.toml, or remove the line: then the file name is the id"
        yield Problem("client_id", f'the file name differs from "{client_id}"', fix)


def twice(name: str, value: str, file: str, files: dict[str, str]) -> Iterator[Problem]:
    """Records where an id is defined. Yields a problem if it is defined elsewhere already."""
    if value in files:
        yield Problem(name, f'"{value}" is used already, in {files[value]}', "choose another, or remove one of the two")
    files.setdefault(value, file)
