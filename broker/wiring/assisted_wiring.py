"""Dependencies of assisted verification."""

import json
from collections.abc import Callable, Iterable, Mapping
from zoneinfo import ZoneInfo

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.contacting import VideoRooms
from broker.actions.assisted.context import CaseContext, CaseRules, CaseStores
from broker.actions.assisted.evidence_input import DETAILS
from broker.actions.assisted.letters import Letters
from broker.actions.assisted.notice_settings import NoticeSettings, PromptSettings
from broker.actions.assisted.ports import Notifiers
from broker.actions.assisted.reports import Reports
from broker.actions.assisted.staff_login import LoginRecords, StaffDirectory, StaffLogin
from broker.actions.attempt_log import AttemptLog
from broker.actions.connectors.ports import Connector
from broker.actions.files.context import FileContext
from broker.actions.files.ports import ObjectStore
from broker.actions.files.sending import CitizenFiles
from broker.actions.freezing.freeze import FreezeContext
from broker.actions.freezing.links import FreezeLinks
from broker.actions.people.access import AccessReviews
from broker.actions.people.directory import StaffPeople
from broker.actions.people.exports import AuditExports
from broker.actions.people.roles import RoleChanges
from broker.actions.sign_in.context import SignInContext
from broker.assisted import verified_identity
from broker.assisted.case_records import ContactMethod
from broker.assisted.profiles import Profiles
from broker.crypto.jose import sign_detached
from broker.model.assurance import VerificationCapabilities, merge_capabilities
from broker.model.evidence_file import FileSettings
from broker.model.notification import Notification
from broker.model.service import Service
from broker.platform.connectors import HttpConnector
from broker.platform.image_child import ImageReencoder
from broker.platform.notifications.texts import moment_text, notice_text
from broker.platform.video_rooms import HttpVideoRooms
from broker.settings import BrokerSettings, Settings, read_secret
from broker.settings.profile_file import made_up_cases_of
from broker.stores.evidence.folder import FolderObjects
from broker.stores.sql.digests import Purpose
from broker.stores.sql_stores import SqlStores
from broker.wiring.audit_export import EXPORT_TYP
from broker.wiring.container import Container


def case_context(container: Container) -> CaseContext:
    """What every verb around a case needs."""
    stores, ways = container.connections.sql_stores, frozenset(container.connections.notifiers)
    configuration = container.configuration
    return context_of_cases(
        container.settings.broker, stores, configuration.profiles, ways, lambda: configuration.registry.services
    )


def context_of_cases(
    broker: BrokerSettings,
    stores: SqlStores,
    profiles: Profiles,
    ways: frozenset[str],
    services: Callable[[], Mapping[str, Service]],
) -> CaseContext:
    """The same, before there is a container. `ways` are how notices can be sent, `services` those of now by id."""

    def fingerprint(text: str) -> str:
        return stores.digests.mac(Purpose.CASE_MARK, text).hex()

    return CaseContext(
        stores=CaseStores(
            cases=stores.cases,
            lists=stores.case_lists,
            views=stores.saved_views,
            staff_audit=stores.staff_audit,
            presence=stores.staff_presence,
            questions=stores.questions,
            audit=stores.audit,
            drafts=stores.staff_drafts,
            sign_in_failures=stores.sign_in_failures,
            identity_keys=stores.kept_identities,
            former=stores.former_identities,
            bookings=stores.bookings,
            measures=stores.measures,
            quality=stores.quality,
            incidents=stores.incidents,
        ),
        rules=CaseRules(
            f"{broker.issuer}/assisted",
            broker.assisted,
            profiles,
            broker.region,
            broker.accounts.kept_reminders,
            made_up_cases_of(broker),
        ),
        prompts=PromptSettings(
            confirm=f"{broker.issuer}/confirm",
            name=broker.name,
            contact_methods=ways,
        ),
        fingerprint=fingerprint,
        system=stores.system,
        told=_notice_settings(broker, services),
    )


def connectors(container: Container) -> Mapping[str, Connector]:
    """The sources that staff can have asked, by id. Raises ValueError for a file that cannot be read."""
    return {
        name: HttpConnector(
            one,
            one.url,
            container.connections.http_clients.client(f"connector {name}"),
            one.timeout,
            None if one.authorization_file is None else read_secret(one.authorization_file),
        )
        for name, one in container.settings.broker.assisted.connectors.items()
    }


def file_context(container: Container) -> FileContext | None:
    """What evidence files are handled with; None if the settings name no place for them."""
    files = container.settings.broker.assisted.files
    if not files.enabled:
        return None
    objects = evidence_objects(files)
    return FileContext(
        case_context(container),
        container.connections.sql_stores.evidence_files,
        {one.place: one for one in objects},
        objects[0].place,
        ImageReencoder(),
    )


def evidence_objects(files: FileSettings) -> tuple[ObjectStore, ...]:
    """The stores of evidence files, the one for new files first. Files that lie in the other one stay readable."""
    stores: list[ObjectStore] = []
    if files.s3 is not None:
        from broker.stores.evidence.s3 import S3Objects  # here, since it needs the extra `s3`

        key_id, secret = read_secret(files.s3.access_key_id_file), read_secret(files.s3.secret_access_key_file)
        stores.append(S3Objects(files.s3, key_id, secret))
    if files.folder is not None:
        stores.append(FolderObjects(files.folder))
    return tuple(stores)


def citizen_files(container: Container, sign_in: SignInContext) -> CitizenFiles | None:
    """What citizens do with the files of their case; None if nothing can be sent."""
    context = file_context(container)
    return None if context is None else CitizenFiles(sign_in, context)


def reports(container: Container) -> Reports:
    """What reports about assisted verification are made of."""
    return Reports(container.connections.sql_stores.measures, container.system)


def letters(container: Container) -> Letters | None:
    """What printing letters works with; None if staff print none."""
    if not container.settings.broker.notifications.print_letters:
        return None
    return Letters(case_context(container), container.connections.sql_stores.notices)


def video_rooms(container: Container) -> VideoRooms | None:
    """The operator's tool for meetings by video; None if there is none."""
    rooms = container.settings.broker.assisted.video_rooms
    if rooms is None:
        return None
    client = container.connections.http_clients.client("video rooms")
    secret = None if rooms.authorization_file is None else read_secret(rooms.authorization_file)
    return HttpVideoRooms(rooms.url, rooms.links, client, secret)


def freeze_context(container: Container) -> FreezeContext:
    """What stopping an identity needs."""
    freezes, services = container.connections.sql_stores.freezes, container.configuration.registry.services
    return FreezeContext(case_context(container), freezes, services)


def freeze_links(container: Container) -> FreezeLinks:
    """What the pages of links that stop an identity need."""
    rates = container.connections.ephemeral_stores.rate_limits
    return FreezeLinks(freeze_context(container), rates, container.settings.broker.limits.freezes_per_ip)


def _notice_settings(broker: BrokerSettings, services: Callable[[], Mapping[str, Service]]) -> NoticeSettings:
    support = broker.support

    def service_name(client_id: str, language: str) -> str:
        service = services().get(client_id)
        return client_id if service is None else service.name(language)

    contact = next((one for one in (support.phone, support.email, support.url) if one), broker.issuer)

    def moment(at: float, language: str) -> str:
        return moment_text(at, language, ZoneInfo(broker.time_zone))

    def written(notice: Notification) -> tuple[str, str]:
        said = notice_text(notice, ZoneInfo(broker.time_zone))
        return ("", said.message) if notice.way == "phone" else (said.subject, said.text)

    return NoticeSettings(f"{broker.issuer}/freeze/", contact, service_name, moment, written, services)


def verifiable(
    profiles: Profiles, providers: Iterable[VerificationCapabilities | None], *, assisted: bool
) -> VerificationCapabilities:
    """Verification that identities of the providers and, if it is offered, of assisted verification can contain."""
    by_hand = verified_identity.verifiable(profiles, DETAILS) if assisted else None
    return merge_capabilities(each for each in (*providers, by_hand) if each is not None)


def help_ways(settings: Settings, notifiers: Notifiers) -> frozenset[ContactMethod]:
    """How a code can reach a citizen who asks for help; none if help is not offered or there are no staff."""
    if settings.staff is None or not settings.broker.assisted.enabled:
        return frozenset()
    return frozenset(map(ContactMethod, notifiers))


def citizen_cases(container: Container, sign_in_context: SignInContext) -> CitizenCases:
    """The citizens' side of help from a person."""
    ways = help_ways(container.settings, container.connections.notifiers)
    return CitizenCases(sign_in_context, case_context(container), bool(ways), ways)


def staff_login(container: Container) -> StaffLogin:
    """How staff come in: through their own provider. Raises ValueError without staff."""
    registry = container.configuration.registry

    def directory() -> StaffDirectory:
        if registry.staff is None:
            raise ValueError("no staff are configured")
        return registry.staff

    directory()
    return StaffLogin(
        directory=directory,
        callback=f"{container.settings.broker.console}/callback",
        records=LoginRecords(
            sessions=container.connections.sql_stores.staff_sessions,
            audit=container.connections.sql_stores.audit,
            attempts=AttemptLog(container.monitoring.metrics),
        ),
        system=container.system,
        people=staff_people(container),
    )


def staff_people(container: Container) -> StaffPeople:
    """The members of staff as they are now; none without staff.toml."""
    registry = container.configuration.registry
    return StaffPeople(
        container.connections.sql_stores.people, lambda: {} if registry.staff is None else registry.staff.members
    )


def access_reviews(container: Container) -> AccessReviews | None:
    """Reviews of the access of staff; None without staff.toml."""
    staff, stores = container.configuration.registry.staff, container.connections.sql_stores
    if staff is None:
        return None
    roles = RoleChanges(staff_people(container), container.system)
    return AccessReviews(roles, stores.staff_audit, staff.policy.access_review)


def audit_exports(container: Container) -> AuditExports:
    """What exports of the audit record are made with: the key that signs checkpoints signs them too."""
    stores, keys = container.connections.sql_stores, container.crypto.keys

    def published() -> bytes:
        return json.dumps({"keys": list(keys.ring().audit_jwks)}).encode()

    return AuditExports(
        stores.audit_exports,
        stores.audit,
        container.system,
        lambda content: sign_detached(content, keys.ring().audit, EXPORT_TYP),
        published,
    )
