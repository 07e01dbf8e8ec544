"""Claims that go to a service: what the consent page shows, whether it is needed, and what is left out from then on."""

from collections.abc import Collection
from dataclasses import replace

from broker.account import release
from broker.account.release import ConsentItem
from broker.actions.ports import LinkedIdentity
from broker.actions.sign_in.context import SignInContext, audit_event
from broker.journey.transaction import Transaction
from broker.model.json_types import JsonObject
from broker.model.service import Service


def claim_names(claims: JsonObject) -> str:
    """Returns the names of released claims, as an audit row has them."""
    return " ".join(sorted(claims))


def shared_before(before: LinkedIdentity | None) -> tuple[str, ...]:
    """Returns the names of the claims that the citizen agreed to share with the service before."""
    return () if before is None else before.shared or ()


def consent_items(transaction: Transaction, service: Service, before: LinkedIdentity | None) -> tuple[ConsentItem, ...]:
    """Returns the claims to be released, with the service's reasons."""
    identity = transaction.identity
    if identity is None:
        return ()
    items, seen = release.consent_items(identity, transaction.request, service), shared_before(before)
    return tuple(replace(item, shared_before=item.claim in seen) for item in items)


def consent_required(transaction: Transaction, service: Service, before: LinkedIdentity | None) -> bool:
    """Returns whether consent is needed: for a first release, for more claims than before, or by `prompt=consent`."""
    identity = transaction.identity
    if identity is None or "consent" in transaction.request.prompt:
        return True
    return release.consent_required(None if before is None else before.shared, identity, transaction.request, service)


async def leave_out(
    context: SignInContext,
    transaction: Transaction,
    service: Service,
    before: LinkedIdentity | None,
    chosen: Collection[str],
) -> None:
    """Ends the sharing of optional claims that went out before and were not chosen now."""
    items = consent_items(transaction, service, before)
    left_out = [item.claim for item in items if item.use.optional and item.shared_before and item.claim not in chosen]
    if before is None or not left_out:
        return
    event = audit_event(context, "sharing_narrowed", transaction, claims=" ".join(left_out))
    event = replace(event, account=before.account)
    await context.stores.authorizations.leave_out(before.account, service.client_id, left_out, event)
