"""The identity that is kept after a case is bound, if the citizen made a passkey that an agent confirmed."""

from dataclasses import replace

from broker.actions.assisted.context import CaseChange, CaseContext, recipients
from broker.actions.assisted.former import bound_again
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding
from broker.assisted.case_work import CaseWork
from broker.assisted.former import CasePurpose
from broker.assisted.notices import known_addresses
from broker.assisted.transitions import TransitionRefused
from broker.assisted.verified_identity import identity
from broker.model.passkey import FormerKept, KeptIdentity, KeptReach, next_reminder


def bound(
    context: CaseContext,
    case: Case,
    binding: IdentityBinding,
    former: FormerKept | None = None,
    asker: str | None = None,
) -> CaseChange | TransitionRefused:
    """The change that binds a case. The identity is kept with it, if there is a confirmed passkey. `former` is what is
    kept of a citizen whose identity is renewed or bound again."""
    if case.purpose is not CasePurpose.NEW:
        return bound_again(context, case, binding, asker, former)
    made, issuer = case.passkey, context.rules.issuer
    if made is None or made.confirmed is None:
        return CaseChange((ev.Bound(binding, asker),))
    key = context.stores.identity_keys.key(issuer, binding.subject)
    binding = replace(binding, kept=key)
    proven = identity(replace(case, binding=binding), issuer, context.rules.profiles)
    kept = KeptIdentity(key, proven, binding.at, binding.at + made.keep)
    return CaseChange(
        (ev.Bound(binding, asker),), CaseWork(kept=kept, reach=kept_reach(context, case, kept), leads=made.digest)
    )


def kept_reach(context: CaseContext, case: Case, kept: KeptIdentity) -> KeptReach:
    """How the citizen of a case is reached as long as their identity is kept: not at all, if contact is unsafe."""
    known = () if case.safety.unsafe else known_addresses(case, context.prompts.contact_methods)
    remind_at = next_reminder(kept.expires, context.system.now(), context.rules.reminders)
    return KeptReach(recipients(case, known), remind_at, case.id)
