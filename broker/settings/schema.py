"""What broker.toml may say: one record, with a section for each table of the file.

The text under each field is its documentation: `portico reference` prints it, and docs/configuration.md is made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from broker.assisted.deadlines import CasePolicy
from broker.model.assurance import AcrLevels, Level
from broker.platform.store_urls import POSTGRESQL, REDIS_TLS, read_store_url
from broker.platform.tls import ClientTls
from broker.platform.toml_loader import Range, Seconds
from broker.settings.notices import NotificationSettings

SQLITE = "sqlite:"


class Environment(StrEnum):
    """What the broker is run for. Development alone permits http and loopback addresses."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class PickerOrder(StrEnum):
    """How the picker orders the providers. The rule is published to citizens."""

    SHUFFLED = "shuffled"
    ALPHABETICAL = "alphabetical"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Where the broker accepts connections. TLS is the reverse proxy's work."""

    public: str = "127.0.0.1:8000"
    """Address and port of the door for citizens and services."""
    staff: str = "127.0.0.1:8001"
    """Address and port of the staff console. It never shares a port with the public door."""
    workers: Annotated[int, Range(1, 256)] = 1
    """How many processes serve the public door. More than one needs PostgreSQL and Redis."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the reverse proxies whose `X-Forwarded-For` is believed, such as "10.0.0.0/8". Nobody else's is."""
    shutdown_timeout: Annotated[Seconds, Range(1, 300)] = 20
    """How long requests under way may take to finish after a stop was asked for."""


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """Certificates of services. The reverse proxy asks for them and passes them on in `Client-Cert` (RFC 9440)."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks of the reverse proxies that ask for certificates and replace `Client-Cert`, such as "10.0.0.5/32". From
    anybody else the header is thrown away; nothing is trusted here that is not named, this machine neither."""
    ca_file: Path | None = None
    """The certificates (PEM) of those who sign services' certificates directly. Needed for tls_client_auth."""
    origin: str | None = None
    """The origin where the proxy asks for certificates, if it is not the issuer, so that citizens' browsers are never
    asked for one. Services learn of it from the metadata (RFC 8705 5)."""


HOME: Final = "GB"
"""The country whose telephone numbers are read without a country code if the settings name none."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where durable facts are kept: codes, grants, accounts, cases, audit."""

    url: str
    """`sqlite:<path>` (one host, one worker) or `postgresql://user@host:port/database`. Never with a password in it,
    and without options such as `sslmode`: `tls`, `verify` and `ca_file` say that."""
    password_file: Path | None = None
    """The file that holds the database password and nothing else."""
    pool_size: Annotated[int, Range(1, 100)] = 16
    """The most PostgreSQL connections a worker opens. What waits for one costs more than what is given one at once; the
    server's `max_connections` must be above those of all workers together."""
    tls: bool | None = None
    """Whether connections to PostgreSQL are encrypted. Left out: yes, unless the server is this machine itself
    (`localhost`, 127.0.0.1, ::1), or a setting below asks for it."""
    verify: bool = True
    """Whether the server must prove its name by a certificate. `false` protects from nobody who can change what is
    sent: it is for trying out."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that sign the server's certificate. Left out: the machine's own."""
    cert_file: Path | None = None
    """The broker's certificate for the server (PEM), followed by those between it and the authority."""
    key_file: Path | None = None
    """The unencrypted key of that certificate (PEM), unless it stands in `cert_file`."""

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database, or None for another."""
        return Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None

    @property
    def protection(self) -> ClientTls | None:
        """How connections to PostgreSQL are protected, None if they are plain. Raises BadUrl."""
        if self.file is not None or self.tls is False:
            return None
        asked = self.tls or not self.verify or any((self.ca_file, self.cert_file, self.key_file))
        if not asked and read_store_url(self.url, POSTGRESQL).local:
            return None
        return ClientTls(self.ca_file, self.verify, self.cert_file, self.key_file)


@dataclass(frozen=True, slots=True)
class EphemeralSettings:
    """Where passing state is kept: transactions, pushed requests, rate limits. All of it may be lost at any moment."""

    url: str = "memory:"
    """`memory:` (one worker), `redis://user@host:port/number`, `redis+sentinel://user@host:port,host:port/service` for
    a primary that Sentinels name, or `redis+cluster://user@host:port,host:port`; each with `rediss` in place of
    `redis` for TLS. Never with a password in it, and without options."""
    password_file: Path | None = None
    """The file that holds the Redis password and nothing else."""
    sentinel_user: str | None = None
    """The user of the Sentinels, if they have users. The one in `url` is the user of Redis itself."""
    sentinel_password_file: Path | None = None
    """The file that holds the password of the Sentinels and nothing else. Left out: they ask for none."""
    tls: bool | None = None
    """`false` permits connections without TLS to another host: the password and the sealed values cross the network as
    they are. Left out, another host needs `rediss`, and so do Sentinels and a Cluster, which name further hosts; this
    machine itself (`redis://localhost`, 127.0.0.1, ::1) does not."""
    verify: bool = True
    """Whether servers must prove their names by a certificate. `false` protects from nobody who can
    change what is sent: it is for trying out."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that sign the server's certificate. Left out: the machine's own."""
    cert_file: Path | None = None
    """The broker's certificate for the server (PEM), followed by those between it and the authority."""
    key_file: Path | None = None
    """The unencrypted key of that certificate (PEM), unless it stands in `cert_file`."""

    @property
    def protection(self) -> ClientTls | None:
        """How connections to Redis are protected, None if they are plain."""
        if not self.url.startswith((f"{REDIS_TLS}:", f"{REDIS_TLS}+")):
            return None
        return ClientTls(self.ca_file, self.verify, self.cert_file, self.key_file)


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """How far this machine's clock may differ from the clock of the database, which all hosts share."""

    tolerance: Annotated[Seconds, Range(1, 30)] = 3
    """A process whose clock differs by more takes itself out of rotation until it does not. With SQLite there is no
    other clock: then it is the size of a jump that counts as one."""


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The broker's own keys."""

    folder: Path
    """The folder that `portico keys init` fills and nobody but the broker can read."""
    rotate_every: Annotated[Seconds, Range(2 * 86400, 3 * 366 * 86400)] | None = None
    """The age at which signing and decryption keys are replaced without anybody's doing, such as "90 days". Then the
    broker must be able to write the folder, and all hosts must share it. Without it, operators change keys."""


@dataclass(frozen=True, slots=True)
class SupportSettings:
    """How citizens reach a person who knows this broker. It stands in the same place on every page."""

    text: Mapping[str, str] = field(default_factory=dict)
    """When help is there and what it can do, by language."""
    phone: str | None = None
    """A telephone number, as it should be read."""
    email: str | None = None
    """An email address."""
    url: str | None = None
    """A page with more ways to get help."""


@dataclass(frozen=True, slots=True)
class PickerSettings:
    """The page on which citizens choose a provider."""

    order: PickerOrder = PickerOrder.SHUFFLED
    """`shuffled` (once per browser), `alphabetical`, or `configured` (by `weight` in each provider's file)."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How long what is issued to services lives."""

    code: Annotated[Seconds, Range(5, 60)] = 60
    """Authorization codes (FAPI 2.0 Security Profile 5.3.2.1: 60 seconds at most)."""
    request_uri: Annotated[Seconds, Range(5, 300)] = 300
    """Pushed requests, until the citizen's browser brings them (RFC 9126 2.2)."""
    access: Annotated[Seconds, Range(60, 3600)] = 600
    """Access tokens."""
    id_token: Annotated[Seconds, Range(60, 3600)] = 300
    """ID tokens: the time within which a service must have read one."""
    refresh: Annotated[Seconds, Range(3600, 366 * 86400)] = 30 * 86400
    """Refresh tokens, from the citizen's sign-in on. Using one does not make it live longer."""
    app_access: Annotated[Seconds, Range(60, 900)] = 300
    """Access tokens of apps with `sender_constrained = false`, which are bearer tokens. `access` if that is less."""
    app_refresh: Annotated[Seconds, Range(300, 30 * 86400)] = 24 * 3600
    """Refresh tokens of such apps, from the citizen's sign-in on. `refresh` if that is less."""
    backchannel_request: Annotated[Seconds, Range(60, 3600)] = 600
    """Questions to citizens on their own device, where the service names no time. It may ask for up to an hour."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The broker's own session, which saves citizens a second sign-in."""

    idle: Annotated[Seconds, Range(60, 86400)] = 30 * 60
    """It ends when it answered no service for so long."""
    absolute: Annotated[Seconds, Range(300, 7 * 86400)] = 8 * 3600
    """It ends so long after the sign-in, whatever happens."""


@dataclass(frozen=True, slots=True)
class RateSetting:
    """The most uses in a window of time."""

    max: Annotated[int, Range(1, 1_000_000)]
    """How many uses."""
    window: Annotated[Seconds, Range(1, 86400)]
    """In which time."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How much one address or one service may ask for. Beyond it the answer is 429, and a citizen reads until when.

    An IPv4 address counts by itself, an IPv6 address by its /64 network, and IPv4 inside of IPv6 as IPv4."""

    authorization_requests_per_ip: RateSetting = RateSetting(120, 60)
    """Authorization requests, by the address they come from. Many citizens may share one address."""
    requests_per_client: RateSetting = RateSetting(6000, 60)
    """Pushed requests and token requests of one service, at each worker."""
    failed_authentications_per_ip: RateSetting = RateSetting(30, 60)
    """Wrong client credentials, by the address they come from."""
    failed_user_codes_per_ip: RateSetting = RateSetting(30, 600)
    """Wrong codes of questions (`/confirm`), by the address they come from. Right codes do not count. Continuation
    codes are too long to be guessed, so that no limit keeps one from its owner."""
    help_requests_per_ip: RateSetting = RateSetting(10, 3600)
    """Requests for help from a person, by the address they come from. A library or a shelter needs more."""
    backchannel_requests_per_citizen: RateSetting = RateSetting(10, 600)
    """Questions that services put to one citizen on their own device."""
    transactions_per_browser: Annotated[int, Range(1, 100)] = 20
    """How many requests one browser may have under way at a time."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Prometheus metrics at `/metrics` of the staff console's port."""

    enabled: bool = True
    """Whether they are given out."""
    token_file: Path | None = None
    """The file with the bearer token that a reader must show. Without it anyone who reaches the port may read."""
    folder: Path | None = None
    """An empty folder in which several workers share their counters; needed with more than one worker."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The sealed record of what happened."""

    checkpoints: Path | None = None
    """A file that the signed checkpoints are appended to, best on another machine: without it a cut end goes unseen."""


@dataclass(frozen=True, slots=True)
class OutgoingSettings:
    """What the broker may call. Public addresses over https, and beside them only what stands here."""

    allowed_networks: tuple[str, ...] = ()
    """Private networks in which providers live, or services that are called, such as "10.20.0.0/16"."""
    ca_file: Path | None = None
    """Certificates (PEM) of authorities that are trusted beside the machine's own."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The broker itself: everything in broker.toml that is not a service, a provider or staff."""

    issuer: str
    """The public origin, and the `iss` of every token. It can never change without every service noticing."""
    name: Mapping[str, str]
    """The name under which citizens know the broker, by language. It stands at the head of every page."""
    trust_framework: str
    """The identifier in `verified_claims` that says under whose rules identities are verified: your own, unless you
    are entitled to another (OpenID Identity Assurance Schema Definition 1.0, 5.2)."""
    console: str
    """The origin of the staff console. Its host should not be the public one."""
    database: DatabaseSettings
    keys: KeySettings
    notifications: NotificationSettings
    environment: Environment = Environment.PRODUCTION
    """`development` permits http, loopback addresses and simulated providers, for trying out on one machine."""
    inspector: bool = False
    """Whether engineers may read at `/inspector` what their services sent lately: for development alone."""
    dynamic_registration: bool = False
    """Whether services may register by themselves (RFC 7591), each as a file in `services/`: for development alone."""
    languages: tuple[str, ...] = ("en",)
    """Languages of the pages; the first is the default. Ready: en, cy, ar."""
    acr: Mapping[Level, str] = field(default_factory=lambda: {level: level.name.lower() for level in Level})
    """The names under which services ask for levels and are told them (OpenID Connect Core 2, `acr`)."""
    time_zone: str = "UTC"
    """The time zone in which citizens are told times, such as "Europe/London"."""
    region: str = HOME
    """The country (ISO 3166-1 alpha-2) in which telephone numbers without a country code are read."""
    support: SupportSettings = field(default_factory=SupportSettings)
    listen: ListenSettings = ListenSettings()
    client_certificates: CertificateSettings = CertificateSettings()
    ephemeral: EphemeralSettings = EphemeralSettings()
    clock: ClockSettings = ClockSettings()
    picker: PickerSettings = PickerSettings()
    tokens: TokenSettings = TokenSettings()
    sessions: SessionSettings = SessionSettings()
    limits: LimitSettings = LimitSettings()
    assisted: CasePolicy = field(default_factory=CasePolicy)
    metrics: MetricsSettings = MetricsSettings()
    audit: AuditSettings = AuditSettings()
    http_client: OutgoingSettings = OutgoingSettings()

    @property
    def development(self) -> bool:
        """Whether http, loopback and simulated providers are permitted."""
        return self.environment is Environment.DEVELOPMENT

    @property
    def ladder(self) -> AcrLevels:
        """The levels' names on the wire."""
        return AcrLevels(self.acr)
