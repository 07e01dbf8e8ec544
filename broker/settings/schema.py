"""Schema of broker.toml: one dataclass, with a nested dataclass for each table of the file. A table that the rules use
as it is lies with them or in `broker.model`.

The docstring under each field is its documentation: `portico reference` prints it, docs/configuration.md is generated
from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from broker.assisted.deadlines import CasePolicy
from broker.model.assurance import AcrLevels, Level
from broker.model.desk import DeskSettings
from broker.model.lifetimes import SessionTimeouts, TokenLifetimes
from broker.model.provider_policy import DisplayOrder
from broker.model.provider_watch import ProviderWatch
from broker.model.rate_limit import RateWindow
from broker.model.staff_people import ScimSettings
from broker.model.statements import AccessibilitySettings, PolicyChange, PrivacySettings
from broker.model.support import SupportSettings
from broker.platform.store_urls import POSTGRESQL, REDIS_TLS, read_store_url
from broker.platform.tls import ClientTls
from broker.platform.toml_loader import Range, Seconds
from broker.settings.notifications import NotificationSettings

SQLITE = "sqlite:"


class Environment(StrEnum):
    """The kind of deployment. Only `development` permits http and loopback addresses."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Listeners of the broker. TLS is terminated at the reverse proxy."""

    public: str = "127.0.0.1:8000"
    """Address and port of the public listener, for citizens and services."""
    staff: str = "127.0.0.1:8001"
    """Address and port of the staff console's listener. It must differ from `public`."""
    workers: Annotated[int, Range(1, 256)] = 1
    """Number of processes that serve the public listener. More than one needs PostgreSQL and Redis."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the reverse proxies whose `X-Forwarded-For` is trusted, such as "10.0.0.0/8". Without an entry the
    header is ignored."""
    shutdown_timeout: Annotated[Seconds, Range(1, 300)] = 20
    """Graceful shutdown: how long requests in progress may take to finish after a stop signal."""


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """Client certificates of services (mutual TLS). The reverse proxy requests them and passes them on in
    `Client-Cert` (RFC 9440)."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks of the reverse proxies that request certificates and replace `Client-Cert`, such as "10.0.0.5/32".
    From any other address the header is removed; addresses of this machine are not trusted by default either."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that sign services' certificates directly. Needed for tls_client_auth."""
    origin: str | None = None
    """The origin at which the proxy requests certificates, if it is not the issuer, so that citizens' browsers are
    never asked for one. Services read it in the metadata, `mtls_endpoint_aliases` (RFC 8705 5)."""


HOME: Final = "GB"
"""Default of `region`: telephone numbers without a country code belong to this country code."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database, which holds everything durable: codes, grants, accounts, cases, audit."""

    url: str
    """Database URL: `sqlite:<path>` (one host, one worker) or `postgresql://user@host:port/database`. Never with a
    password in it, and without options such as `sslmode`: use `tls`, `verify` and `ca_file`."""
    password_file: Path | None = None
    """The file that holds the database password and nothing else."""
    pool_size: Annotated[int, Range(1, 100)] = 16
    """The most PostgreSQL connections that a worker opens. Waiting for a free connection costs more time than an
    additional connection; the server's `max_connections` must be above the sum over all workers."""
    tls: bool | None = None
    """Whether connections to PostgreSQL are encrypted. Left out: yes, unless the server is this machine itself
    (`localhost`, 127.0.0.1, ::1) and none of the settings below is written."""
    verify: bool = True
    """Whether the server's certificate and host name are verified. `false` gives no protection from an attacker who
    can change the traffic: only for trying out."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that sign the server's certificate. Left out: the trust store of the
    operating system."""
    cert_file: Path | None = None
    """Client certificate of the broker for the server (PEM), followed by the intermediate certificates."""
    key_file: Path | None = None
    """The unencrypted key of that certificate (PEM), unless it stands in `cert_file`."""

    @property
    def file(self) -> Path | None:
        """Path of the SQLite database, or None for PostgreSQL."""
        return Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None

    @property
    def protection(self) -> ClientTls | None:
        """TLS parameters of connections to PostgreSQL, None without TLS. Raises BadUrl."""
        if self.file is not None or self.tls is False:
            return None
        asked = self.tls or not self.verify or any((self.ca_file, self.cert_file, self.key_file))
        if not asked and read_store_url(self.url, POSTGRESQL).local:
            return None
        return ClientTls(self.ca_file, self.verify, self.cert_file, self.key_file)


@dataclass(frozen=True, slots=True)
class EphemeralSettings:
    """The store of ephemeral state: transactions, pushed requests, rate limits. All of it may be lost at any moment."""

    url: str = "memory:"
    """URL of the ephemeral store: `memory:` (one worker), `redis://user@host:port/number`,
    `redis+sentinel://user@host:port,host:port/service` for a primary that Sentinels name, or
    `redis+cluster://user@host:port,host:port`; each with `rediss` in place of `redis` for TLS. Never with a password
    in it, and without options."""
    password_file: Path | None = None
    """The file that holds the Redis password and nothing else."""
    sentinel_user: str | None = None
    """The user name at the Sentinels, if they require one. The user name in `url` is that of Redis itself."""
    sentinel_password_file: Path | None = None
    """The file that holds the password of the Sentinels and nothing else. Left out: they require none."""
    tls: bool | None = None
    """`false` permits connections without TLS to another host: the password and the sealed values cross the network
    unencrypted. Left out, another host needs `rediss`, and so do Sentinels and a Cluster, which name further hosts;
    this machine itself (`redis://localhost`, 127.0.0.1, ::1) does not."""
    verify: bool = True
    """Whether the servers' certificates and host names are verified. `false` gives no protection from an attacker
    who can change the traffic: only for trying out."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that sign the server's certificate. Left out: the trust store of the
    operating system."""
    cert_file: Path | None = None
    """Client certificate of the broker for the server (PEM), followed by the intermediate certificates."""
    key_file: Path | None = None
    """The unencrypted key of that certificate (PEM), unless it stands in `cert_file`."""

    @property
    def protection(self) -> ClientTls | None:
        """TLS parameters of connections to Redis, None without TLS."""
        if not self.url.startswith((f"{REDIS_TLS}:", f"{REDIS_TLS}+")):
            return None
        return ClientTls(self.ca_file, self.verify, self.cert_file, self.key_file)


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """Clock skew: how far this machine's clock may differ from the clock of the database, which all hosts share."""

    tolerance: Annotated[Seconds, Range(1, 30)] = 3
    """A process with a greater clock skew reports itself as not ready until the skew is within the tolerance. SQLite
    has no other clock: there it is the size of a jump of the system clock that counts as one."""


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The broker's own keys."""

    folder: Path
    """Key folder: `portico keys init` fills it. Only the broker's user may read it."""
    rotate_every: Annotated[Seconds, Range(2 * 86400, 3 * 366 * 86400)] | None = None
    """Key rotation: the age at which signing and decryption keys are replaced automatically, such as "90 days". The
    broker must then be able to write the folder, and all hosts must share it. Left out: an operator rotates the
    keys."""


@dataclass(frozen=True, slots=True)
class PickerSettings:
    """The page on which citizens choose a provider."""

    order: DisplayOrder = DisplayOrder.SHUFFLED
    """`shuffled` (once per browser), `alphabetical`, or `configured` (by `weight` in each provider's file)."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The citizens' own pages, on which they link a second provider, move to another one, and unlink one."""

    enabled: bool = True
    """Whether citizens have these pages (`/account`). If not, what is linked stays linked."""
    fresh_for: Annotated[Seconds, Range(60, 3600)] = 600
    """How old a sign-in may be to permit a change. An older one is repeated first."""
    kept_reminders: tuple[Annotated[Seconds, Range(86400, 366 * 86400)], ...] = (30 * 86400, 7 * 86400)
    """How long before the end of a kept identity its citizen gets a reminder, once at each of these times."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Rate limits for each address and each service. Above a limit the response is 429, and a citizen reads when to try
    again.

    An IPv4 address counts by itself, an IPv6 address by its /64 network, an IPv4-mapped IPv6 address as IPv4.
    """

    authorization_requests_per_ip: RateWindow = RateWindow(120, 60)
    """Authorization requests, by client address. Many citizens may share one address (NAT)."""
    requests_per_client: RateWindow = RateWindow(6000, 60)
    """Pushed authorization requests and token requests of one service, for each worker."""
    failed_authentications_per_ip: RateWindow = RateWindow(30, 60)
    """Failed client authentications, and wrong tokens of the organisation's directory (SCIM), by client address."""
    failed_user_codes_per_ip: RateWindow = RateWindow(30, 600)
    """Wrong codes of backchannel authentication requests (`/confirm`), by client address. Right codes do not count.
    Continuation codes are too long to be guessed and have no limit."""
    help_requests_per_ip: RateWindow = RateWindow(10, 3600)
    """Requests for assisted verification, by client address. Raise it for a library or a shelter."""
    freezes_per_ip: RateWindow = RateWindow(30, 600)
    """Pages and presses of the links by which a person stops an identity (`/freeze`), by client address. One link takes
    20 in ten minutes, whatever the address."""
    passkeys_per_ip: RateWindow = RateWindow(60, 600)
    """Answers of browsers with a passkey, by client address. Many citizens may share one address (NAT)."""
    feedback_per_ip: RateWindow = RateWindow(10, 3600)
    """Feedback, by client address. Many citizens may share one address (NAT)."""
    backchannel_requests_per_citizen: RateWindow = RateWindow(10, 600)
    """Backchannel authentication requests that services send to one citizen."""
    transactions_per_browser: Annotated[int, Range(1, 100)] = 20
    """Pending transactions of one browser at a time."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Prometheus metrics at `/metrics` of the staff console's listener."""

    enabled: bool = True
    """Whether the metrics are served."""
    token_file: Path | None = None
    """The file with the bearer token that a scraper must send. Left out: every client that reaches the listener may
    read."""
    folder: Path | None = None
    """An empty folder in which several workers share their counters. Required with more than one worker."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The audit log: a hash chain of events with signed checkpoints."""

    checkpoints: Path | None = None
    """The file to which signed checkpoints are appended, best on another machine: without it a truncated audit log
    cannot be detected."""


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    """Outgoing HTTP connections (SSRF protection). Public addresses over https are permitted, and in addition what
    is listed here."""

    allowed_networks: tuple[str, ...] = ()
    """Private networks of providers, or of services whose endpoints the broker calls, such as "10.20.0.0/16"."""
    ca_file: Path | None = None
    """Certificates (PEM) of authorities that are trusted in addition to the trust store of the operating system."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The broker itself: everything in broker.toml except services, providers and staff."""

    issuer: str
    """The public origin, which is the `iss` of every token. A change affects every service."""
    name: Mapping[str, str]
    """The name of the broker on its pages, by language. It is the heading of every page."""
    trust_framework: str
    """Trust framework identifier in `verified_claims`: the rules under which identities are verified. Your own,
    unless you are entitled to use another (OpenID Identity Assurance Schema Definition 1.0, 5.2)."""
    console: str
    """The origin of the staff console. Its host should differ from the issuer's."""
    database: DatabaseSettings
    keys: KeySettings
    notifications: NotificationSettings
    environment: Environment = Environment.PRODUCTION
    """`development` permits http, loopback addresses and simulated providers, for trying out on one machine."""
    inspector: bool = False
    """Request inspector: whether engineers may read at `/inspector` the recent requests of their services. For
    development only."""
    refuse_ignored_values: bool = False
    """Whether unknown scopes, `acr_values` and claims are errors, which the standards have a server ignore: a misspelt
    value then shows at once. For development only."""
    dynamic_registration: bool = False
    """Dynamic client registration: whether services may register themselves (RFC 7591), each as a file in
    `services/`. For development only."""
    languages: tuple[str, ...] = ("en",)
    """Languages of the pages; the first is the default. Ready: en, cy, ar."""
    acr: Mapping[Level, str] = field(default_factory=lambda: {level: level.name.lower() for level in Level})
    """Names of the levels of assurance in `acr_values` and `acr` (OpenID Connect Core 2)."""
    time_zone: str = "UTC"
    """Time zone of the times on citizens' pages, such as "Europe/London"."""
    region: str = HOME
    """Country (ISO 3166-1 alpha-2) of telephone numbers without a country code."""
    support: SupportSettings = field(default_factory=SupportSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    accessibility: AccessibilitySettings = field(default_factory=AccessibilitySettings)
    decisions: tuple[PolicyChange, ...] = ()
    """Your own changes of policy, which `/decisions` lists beside those of the product."""
    listen: ListenSettings = ListenSettings()
    client_certificates: CertificateSettings = CertificateSettings()
    ephemeral: EphemeralSettings = EphemeralSettings()
    clock: ClockSettings = ClockSettings()
    picker: PickerSettings = PickerSettings()
    provider_watch: ProviderWatch = field(default_factory=ProviderWatch)
    accounts: AccountSettings = AccountSettings()
    tokens: TokenLifetimes = field(default_factory=TokenLifetimes)
    sessions: SessionTimeouts = field(default_factory=SessionTimeouts)
    limits: LimitSettings = LimitSettings()
    assisted: CasePolicy = field(default_factory=CasePolicy)
    desk: DeskSettings = field(default_factory=DeskSettings)
    metrics: MetricsSettings = MetricsSettings()
    audit: AuditSettings = AuditSettings()
    scim: ScimSettings | None = None
    http_client: OutgoingSettings = OutgoingSettings()

    @property
    def development(self) -> bool:
        """Whether http, loopback and simulated providers are permitted."""
        return self.environment is Environment.DEVELOPMENT

    @property
    def ladder(self) -> AcrLevels:
        """The mapping between levels and `acr` values."""
        return AcrLevels(self.acr)
