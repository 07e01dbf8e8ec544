"""Checks of broker.toml beyond the types of its fields. Each check yields every problem that it finds."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from broker.crypto.jose import read_authorities
from broker.model.assurance import Level
from broker.normalize.phone import regions
from broker.platform.operator_files import content, is_folder, is_special, unmarked
from broker.platform.redis_urls import RedisTopology, RedisUrl, read_redis_url
from broker.platform.store_urls import POSTGRESQL, BadUrl, StoreUrl, read_store_url
from broker.platform.tls import ClientTls, TlsUnusable, client_context
from broker.platform.toml_loader import Problem
from broker.settings.check_connectors import check_connectors
from broker.settings.check_evidence_files import check_evidence_files, check_evidence_places
from broker.settings.check_notices import check_notices, secret_files
from broker.settings.check_opening import check_assisted, check_zone
from broker.settings.check_scim import check_scim, check_scim_token
from broker.settings.check_statements import check_statements
from broker.settings.profile_file import made_up_problems, profile_problems
from broker.settings.schema import HOME, BrokerSettings, DatabaseSettings, EphemeralSettings
from broker.settings.secret_files import file_problem, secret_problem
from broker.settings.texts import READY, check_texts
from broker.settings.urls import check_address, check_networks, check_origin, check_url


def check_issuer(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the two origins. They must differ, so that cookies and permissions of one do not reach the other."""
    yield from check_origin("issuer", broker.issuer, development=broker.development)
    yield from check_origin("console", broker.console, development=broker.development)
    if broker.issuer == broker.console:
        yield Problem("console", "the staff console has the same origin as the issuer", "give it a different host")


def check_sandbox(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that the request inspector and dynamic registration, which need no authentication, and refusals
    that standards do not foresee are off in production."""
    fix = 'remove it, or write environment = "development" if no citizen uses this broker'
    if broker.inspector and not broker.development:
        yield Problem("inspector", "it publishes the requests of services", fix)
    if broker.refuse_ignored_values and not broker.development:
        yield Problem("refuse_ignored_values", "it refuses requests that the standards permit", fix)
    if broker.dynamic_registration and not broker.development:
        yield Problem("dynamic_registration", "it permits registration without authentication", fix)


def check_listen(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the listeners and the networks."""
    yield from check_address("listen.public", broker.listen.public)
    yield from check_address("listen.staff", broker.listen.staff)
    yield from check_networks("listen.trusted_proxies", broker.listen.trusted_proxies)
    yield from check_networks("http_client.allowed_networks", broker.http_client.allowed_networks)
    if broker.listen.public == broker.listen.staff:
        yield Problem("listen.staff", "both listeners have the same address", "give the staff console a different port")


def check_certificates(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the proxies that pass client certificates on, and the separate origin for certificates, if any."""
    proxies, origin = broker.client_certificates.trusted_proxies, broker.client_certificates.origin
    yield from check_networks("client_certificates.trusted_proxies", proxies)
    for i, network in enumerate(proxies):
        if network.endswith("/0"):
            fix = "list only the addresses of your proxies: a trusted proxy can authenticate as any service"
            yield Problem(f"client_certificates.trusted_proxies[{i}]", "this trusts every address", fix)
    if origin is None:
        return
    yield from check_origin("client_certificates.origin", origin, development=broker.development)
    if origin in (broker.issuer, broker.console):
        yield Problem(
            "client_certificates.origin",
            "this is the origin of the issuer or the console",
            "give it a different host, or remove it",
        )
    if not proxies:
        fix = "list the proxies that pass certificates on, or remove this"
        yield Problem("client_certificates.origin", "client_certificates.trusted_proxies is empty", fix)


def check_languages(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that the languages exist, each once, and that every text exists in each of them."""
    if not broker.languages:
        yield Problem("languages", "no language is listed", 'write such as languages = ["en"]')
    for i, language in enumerate(broker.languages):
        if language not in READY:
            yield Problem(f"languages[{i}]", "there are no pages in this language", f"ready are: {', '.join(READY)}")
        if language in broker.languages[:i]:
            yield Problem(f"languages[{i}]", "the language is listed twice", "remove it")
    yield from check_texts("name", broker.name, broker.languages)
    if broker.support.text:
        yield from check_texts("support.text", broker.support.text, broker.languages)
    if broker.support.url is not None:
        yield from check_url("support.url", broker.support.url, development=broker.development)


def check_acr(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that every level has a unique `acr` value without spaces (`acr_values` is separated by spaces)."""
    for level in Level:
        name = broker.acr.get(level, "")
        place = f"acr.{level.name.lower()}"
        if not re.fullmatch(r"[!-~]+", name):
            yield Problem(place, "this level has no usable name", "write a name or URL of ASCII without spaces")
        elif list(broker.acr.values()).count(name) > 1:
            yield Problem(place, "another level has the same name", "give each level a different name")
    if not re.fullmatch(r"[!-~]+", broker.trust_framework):
        yield Problem("trust_framework", "this is not an identifier", "write a name or URL of ASCII without spaces")


def check_stores(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the stores' URLs, and that several workers have stores that processes can share."""
    database_url, ephemeral_url, workers = broker.database.url, broker.ephemeral.url, broker.listen.workers
    if database_url.removeprefix("sqlite:") in ("", ":memory:"):
        yield Problem(
            "database.url",
            "the database must be a file, because it must survive a restart",
            "name a file after sqlite:",
        )
    elif broker.database.file is not None and (database_url.startswith("sqlite://") or "\0" in database_url):
        fix = 'write "sqlite:<path>", with no more than one slash before the path'
        yield Problem("database.url", "this is not a path", fix)
    elif broker.database.file is None:
        yield from check_store_url("database.url", lambda: read_store_url(database_url, POSTGRESQL), '"sqlite:<path>"')
        yield from check_protection("database", broker.database, encrypted=broker.database.tls is not False)
    if ephemeral_url != "memory:":
        yield from check_redis(broker.ephemeral)
    if workers > 1 and broker.database.file is not None:
        yield Problem("listen.workers", "SQLite supports one worker", "use PostgreSQL, or workers = 1")
    if workers > 1 and ephemeral_url == "memory:":
        yield Problem("listen.workers", "workers cannot share memory", "use Redis as ephemeral.url, or workers = 1")
    if workers > 1 and broker.metrics.enabled and broker.metrics.folder is None:
        yield Problem("metrics.folder", "several workers need a folder for their counters", "name an empty folder")


def check_store_url(place: str, read: Callable[[], StoreUrl | RedisUrl], other: str) -> Iterator[Problem]:
    """Checks that a store's URL can be parsed, and contains neither a password nor options."""
    try:
        found = read()
    except BadUrl as bad:
        yield Problem(place, bad.what, f"{bad.fix}, or {other}" if bad.what == "no such store" else bad.fix)
        return
    if found.password is not None:
        fix = "put it into a separate file, and name the file with password_file"
        yield Problem(place, "the URL contains a password", fix)


def check_redis(store: EphemeralSettings) -> Iterator[Problem]:
    """Checks the URL of Redis, its encryption, and that no setting is unused."""
    yield from check_store_url("ephemeral.url", lambda: read_redis_url(store.url), '"memory:"')
    try:
        found = read_redis_url(store.url)
    except BadUrl:
        return  # reported by check_store_url
    yield from check_protection("ephemeral", store, encrypted=found.encrypted)
    if store.tls is not None and store.tls != found.encrypted:
        fix = 'write "rediss" in url' if store.tls else "remove tls = false"
        yield Problem("ephemeral.tls", "the URL says the opposite", fix)
    if not found.encrypted and not found.local and store.tls is None:
        fix = 'write "rediss", or tls = false if the network is private'
        yield Problem("ephemeral.url", "the connection to another host is not encrypted", fix)
    if found.topology is not RedisTopology.SENTINEL:
        for name in ("sentinel_user", "sentinel_password_file"):
            if getattr(store, name) is not None:
                fix = "write redis+sentinel:// in url, or remove this"
                yield Problem(f"ephemeral.{name}", "the URL uses no Sentinels", fix)
    elif store.sentinel_user is not None and store.sentinel_password_file is None:
        fix = "name the file of its password with sentinel_password_file, or remove this"
        yield Problem("ephemeral.sentinel_user", "the user has no password", fix)


def check_protection(
    section: str, store: DatabaseSettings | EphemeralSettings, *, encrypted: bool
) -> Iterator[Problem]:
    """Checks that TLS settings have an encrypted connection that they apply to."""
    named = [name for name in ("ca_file", "cert_file", "key_file") if getattr(store, name) is not None]
    if named and not encrypted:
        fix = "write rediss in url" if section == "ephemeral" else "remove tls = false"
        yield Problem(f"{section}.{named[0]}", "the connection is not encrypted", f"{fix}, or remove this")
    if store.ca_file is not None and not store.verify:
        yield Problem(f"{section}.verify", "ca_file would not be used", "remove verify = false, or ca_file")


def check_region(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that the country has telephone numbers."""
    if broker.region != HOME and broker.region not in regions():  # imports phonenumbers only if needed
        yield Problem(
            "region", "this is not a country with telephone numbers", 'write its two capital letters, such as "GB"'
        )


def check_times(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks durations against each other, working hours, and time zones."""
    if broker.sessions.idle > broker.sessions.absolute:
        yield Problem("sessions.idle", "longer than sessions.absolute", "make it shorter, or sessions.absolute longer")
    if broker.assisted.requested > broker.assisted.max_duration:
        yield Problem(
            "assisted.requested", "longer than assisted.max_duration", "make it shorter, or max_duration longer"
        )
    yield from check_zone("time_zone", broker.time_zone)
    yield from check_assisted(broker.assisted)


def check_files(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the files and folders that must exist before the start."""
    if not is_folder(broker.keys.folder):
        yield Problem("keys.folder", f"there is no folder {broker.keys.folder}", "run `portico keys init`")
    for place, path in (
        ("database.password_file", broker.database.password_file),
        ("ephemeral.password_file", broker.ephemeral.password_file),
        ("ephemeral.sentinel_password_file", broker.ephemeral.sentinel_password_file),
        *secret_files(broker.notifications),
    ):
        if path is not None and (problem := secret_problem(place, path)) is not None:
            yield problem
    yield from check_evidence_places(broker.assisted.files)
    yield from check_scim_token(broker)
    token = broker.metrics.token_file
    if token is not None and (problem := secret_problem("metrics.token_file", token, header=True)) is not None:
        yield problem
    if broker.http_client.ca_file is not None:
        yield from check_tls("http_client", ClientTls(broker.http_client.ca_file))
    for section, store in (("database", broker.database), ("ephemeral", broker.ephemeral)):
        with suppress(BadUrl):  # `check_stores` reports it
            yield from check_tls(section, store.protection)
    if broker.client_certificates.ca_file is not None:
        yield from check_authorities("client_certificates.ca_file", broker.client_certificates.ca_file)
    if broker.audit.checkpoints is not None:
        yield from check_parent("audit.checkpoints", broker.audit.checkpoints)
    if broker.database.file is not None:
        yield from check_parent("database.url", broker.database.file)


def check_tls(section: str, how: ClientTls | None) -> Iterator[Problem]:
    """Checks that TLS files can be loaded."""
    try:
        if how is not None:
            client_context(how)
    except TlsUnusable as unusable:
        yield Problem(f"{section}.{unusable.setting}", unusable.what, unusable.fix)


def check_authorities(place: str, path: Path) -> Iterator[Problem]:
    """Checks that every certificate in a file is an authority's."""
    if (trouble := file_problem(path)) is not None:
        yield Problem(place, *trouble)
        return
    try:
        read_authorities(unmarked(content(path)))
    except ValueError:
        fix = "put the certificates (PEM) of authorities into it, and nothing else"
        yield Problem(place, "it contains no certificates, or some that are not authorities", fix)


def check_parent(place: str, path: Path) -> Iterator[Problem]:
    """Checks that the folder of a file exists, and that the path itself is no folder."""
    if is_folder(path):
        yield Problem(place, "this is a folder", f"name a file in it, such as {path / 'name'}")
    elif is_special(path):
        yield Problem(place, "this is not a regular file", "name another file")
    elif not is_folder(path.parent):
        yield Problem(place, f"there is no folder {path.parent}", "create it, accessible only to the broker's user")


def check_watch(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that a provider that does not work is checked at least as often as one that does."""
    if broker.provider_watch.recheck_interval > broker.provider_watch.health_interval:
        fix = "write at most provider_watch.health_interval"
        yield Problem("provider_watch.recheck_interval", "a provider that works is checked more often than this", fix)


CHECKS: Final[tuple[Callable[[BrokerSettings], Iterator[Problem]], ...]] = (
    check_issuer,
    check_sandbox,
    check_listen,
    check_certificates,
    check_languages,
    check_statements,
    check_acr,
    check_stores,
    check_notices,
    profile_problems,
    made_up_problems,
    check_connectors,
    check_evidence_files,
    check_scim,
    check_region,
    check_times,
    check_watch,
)
"""Checks of the settings themselves; `check_files` checks the machine."""
