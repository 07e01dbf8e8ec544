"""The identity that is kept after a case is bound, if the citizen made a passkey that an agent confirmed."""

from dataclasses import replace

from broker.actions.assisted.context import CaseChange, CaseContext
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding
from broker.assisted.case_work import CaseWork
from broker.assisted.verified_identity import identity
from broker.model.passkey import KeptIdentity


def bound(context: CaseContext, case: Case, binding: IdentityBinding, asker: str | None = None) -> CaseChange:
    """The change that binds a case. The identity is kept with it, if there is a confirmed passkey."""
    made, issuer = case.passkey, context.rules.issuer
    if made is None or made.confirmed is None:
        return CaseChange((ev.Bound(binding, asker),))
    key = context.stores.identity_keys.key(issuer, binding.subject)
    binding = replace(binding, kept=key)
    proven = identity(replace(case, binding=binding), issuer, context.rules.profiles)
    kept = KeptIdentity(key, proven, binding.at, binding.at + made.keep)
    return CaseChange((ev.Bound(binding, asker),), CaseWork(kept=kept, leads=made.digest))
