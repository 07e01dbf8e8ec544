"""Verification by a person: what work on cases stands on."""

from collections.abc import Iterable
from dataclasses import replace

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.context import CaseContext, CaseRules, CaseStores, PromptSettings
from broker.actions.assisted.evidence_input import DETAILS
from broker.actions.assisted.staff_login import LoginRecords, StaffLogin
from broker.actions.attempt_log import AttemptLog
from broker.actions.instrumented_stores import InstrumentedAudit, InstrumentedBackchannelRequests, InstrumentedCases
from broker.actions.sign_in.context import SignInContext
from broker.assisted import verified_identity
from broker.assisted.case import ContactMethod
from broker.assisted.profiles import Profiles, default_profiles
from broker.model.assurance import VerificationCapabilities, merge_capabilities
from broker.settings import Settings, StaffSettings
from broker.stores.sql.digests import Purpose
from broker.wiring.container import Container
from broker.wiring.notifier import notifier
from providers import KINDS, ProviderDependencies


def case_context(container: Container) -> CaseContext:
    """What every verb around a case needs."""
    broker, digests = container.settings.broker, container.connections.sql_stores.digests

    def fingerprint(text: str) -> str:
        return digests.mac(Purpose.CASE_MARK, text).hex()

    return CaseContext(
        stores=CaseStores(
            cases=InstrumentedCases(container.connections.sql_stores.cases, container.monitoring.metrics),
            questions=InstrumentedBackchannelRequests(
                container.connections.sql_stores.questions, container.monitoring.metrics
            ),
            audit=InstrumentedAudit(container.connections.sql_stores.audit, container.monitoring.metrics),
        ),
        rules=CaseRules(f"{broker.issuer}/assisted", broker.assisted, profiles(container.settings), broker.region),
        prompts=PromptSettings(
            confirm=f"{broker.issuer}/confirm",
            name=broker.name,
            ways=frozenset() if (sending := notifier(broker.notifications)) is None else sending.ways,
        ),
        fingerprint=fingerprint,
        system=container.system,
    )


def profiles(settings: Settings) -> Profiles:
    """What evidence is worth, under the rules this broker is under."""
    return replace(default_profiles(), framework=settings.broker.trust_framework)


def verifiable(settings: Settings, providers: Iterable[VerificationCapabilities | None]) -> VerificationCapabilities:
    """What the providers and, where it is offered, help from a person can say of how they verified somebody."""
    by_hand = verified_identity.verifiable(profiles(settings), DETAILS) if ways(settings) else None
    return merge_capabilities(each for each in (*providers, by_hand) if each is not None)


def ways(settings: Settings) -> frozenset[ContactMethod]:
    """How a code can reach a citizen who asks for help; none where help is not offered or there are no staff."""
    sending = notifier(settings.broker.notifications)
    if sending is None or settings.staff is None or not settings.broker.assisted.enabled:
        return frozenset()
    return frozenset(map(ContactMethod, sending.ways))


def citizen_cases(container: Container, sign_in_context: SignInContext) -> CitizenCases:
    """The citizens' side of help from a person."""
    reached = ways(container.settings)
    return CitizenCases(sign_in_context, case_context(container), bool(reached), reached)


def staff_login(container: Container, staff: StaffSettings) -> StaffLogin:
    """How staff come in: through their own provider, built like any other."""
    entry = staff.provider
    return StaffLogin(
        provider=KINDS[entry.kind].build(
            entry.card,
            entry.config,
            ProviderDependencies(
                container.connections.http_clients,
                container.system,
                count_malformed=container.monitoring.metrics.claim_malformed,
            ),
        ),
        callback=f"{container.settings.broker.console}/callback",
        people=staff.people,
        policy=staff.policy,
        records=LoginRecords(
            sessions=container.connections.sql_stores.staff_sessions,
            audit=InstrumentedAudit(container.connections.sql_stores.audit, container.monitoring.metrics),
            attempts=AttemptLog(container.monitoring.metrics),
        ),
        system=container.system,
    )
