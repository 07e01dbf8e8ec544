"""Check context: what the checks of services, providers and staff need to know of broker.toml."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.model.provider_policy import DisplayOrder
from broker.settings.schema import BrokerSettings, Environment
from broker.settings.urls import split


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The environment, the languages of texts, whether assisted verification is on, the broker's own origins.

    `certificates`: a proxy passes client certificates on. `authorities`: a certificate authority is configured.
    `shuffled`: the order of the picker is by chance. `accounts`: citizens have the pages of their account.
    `desks`: the API of partner desks is served.
    """

    development: bool
    languages: tuple[str, ...]
    help: bool
    origins: tuple[str, ...] = ()
    certificates: bool = False
    authorities: bool = False
    shuffled: bool = True
    accounts: bool = True
    desks: bool = False

    def own(self, url: str) -> bool:
        """Whether a URL is one of the broker's: by host, or by host and port in development, where all run on one
        machine."""
        return _place(url, exact=self.development) in {
            _place(origin, exact=self.development) for origin in self.origins
        } - {None}


def check_context(broker: BrokerSettings) -> CheckContext:
    """The check context of the broker's settings."""
    certificates = broker.client_certificates
    return CheckContext(
        broker.development,
        broker.languages,
        broker.assisted.enabled,
        tuple(url for url in (broker.issuer, broker.console, certificates.origin) if url is not None),
        certificates=bool(certificates.trusted_proxies),
        authorities=certificates.ca_file is not None,
        accounts=broker.accounts.enabled,
        desks=broker.desk.enabled,
        shuffled=broker.picker.order is DisplayOrder.SHUFFLED,
    )


def minimal_context(table: Mapping[str, object]) -> CheckContext:
    """The check context of an invalid table, as far as it can be read, so that everything else is checked
    nevertheless."""
    languages, assisted = table.get("languages"), table.get("assisted")
    certificates = table.get("client_certificates")
    named: Mapping[str, object] = certificates if isinstance(certificates, Mapping) else {}
    picker, accounts, desk = table.get("picker"), table.get("accounts"), table.get("desk")
    return CheckContext(
        development=table.get("environment") == Environment.DEVELOPMENT,
        languages=tuple(text for text in languages if isinstance(text, str)) if isinstance(languages, list) else (),
        help=not isinstance(assisted, Mapping) or assisted.get("enabled") is not False,
        origins=tuple(text for name in ("issuer", "console") if isinstance(text := table.get(name), str)),
        certificates=bool(named.get("trusted_proxies")),
        authorities="ca_file" in named,
        accounts=not isinstance(accounts, Mapping) or accounts.get("enabled") is not False,
        desks=isinstance(desk, Mapping) and desk.get("enabled") is not False,
        shuffled=not isinstance(picker, Mapping) or picker.get("order", DisplayOrder.SHUFFLED) == DisplayOrder.SHUFFLED,
    )


def _place(url: str, *, exact: bool) -> tuple[str, int | None] | None:
    parts = split(url)
    if parts is None or not parts.hostname:
        return None
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.hostname.rstrip("."), (parts.port or usual) if exact else None
