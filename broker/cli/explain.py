"""`portico transaction explain` and `portico case explain`: what happened to the citizen who quotes a reference.

Nothing personal is printed: what staff may read of a case stands in the console.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from typing import Final

from broker.assisted.case import Case
from broker.cli.audit_rows import as_line, iso
from broker.cli.context import AdminStoresPort, CommandContext, add_config, line, load_settings
from broker.model.audit import AuditEvent
from broker.model.audit_search import AuditQuery
from broker.model.failures import FAILURES
from broker.model.sign_in_failure import KEPT, SignInFailure
from broker.wiring.errors import CommandError

HELP: Final = {
    "transaction": "tell what happened in a sign-in, by its reference",
    "case": "tell what happened to a request for help from a person",
}
DESCRIPTION: Final = {
    "transaction": f"""Prints the failed attempts of a sign-in, what each means, the audit rows of the sign-in, and the
request for help that came of it. The reference is the one that the citizen's page shows, in any notation. Failed
sign-ins are kept for {KEPT // 86_400} days.""",
    "case": """Prints the state of a request for help, its times, and every step that it took: when, by whom, why.
Personal data is not printed.""",
}
_SPECS: Final = {failure.value: spec for failure, spec in FAILURES.items()}
"""By the word in the record, which may be that of another release."""
_ROWS: Final = 500
"""Audit rows that are printed at most."""


def add_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """What the command takes. `what` is "transaction" or "case"."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    explain = verbs.add_parser("explain", help=HELP[what], description=DESCRIPTION[what])
    explain.add_argument("reference", type=line, metavar="REFERENCE", help="the reference that the citizen quotes")
    add_config(explain)


async def run(args: argparse.Namespace, machine: CommandContext, what: str) -> int:
    """Explains. Raises CommandError if nothing has the reference."""
    async with machine.open(load_settings(args, machine)) as facts:
        case = await facts.cases.by_reference(args.reference)
        if what == "case":
            if case is None:
                raise CommandError("no request for help has this reference, or it was deleted after its time")
            told: Sequence[str] = [
                *_of_case(case),
                *_rows(await facts.audit_search.search(AuditQuery(case=case.id), _ROWS)),
            ]
        else:
            told = await _of_transaction(args.reference, case, facts, machine.system.now())
    print(*told, sep="\n")
    return 0


async def _of_transaction(reference: str, case: Case | None, facts: AdminStoresPort, now: float) -> Sequence[str]:
    failures = sorted(await facts.failures.by_reference(reference, now), key=lambda failure: failure.at)
    if not failures and case is None:
        raise CommandError(
            "no failed sign-in and no request for help has this reference\n"
            "    a sign-in that did not fail has left no reference: search its service with `portico audit search`"
        )
    transactions = dict.fromkeys([] if case is None else [case.transaction])
    told = list[str]()
    for failure in failures:
        told += _of_failure(failure)
        for _, event in await facts.audit_search.search(_attempt(failure), 1):
            transactions[event.transaction or ""] = None
    found: dict[int, AuditEvent] = {}
    for transaction in filter(None, transactions):
        found |= dict(await facts.audit_search.search(AuditQuery(transaction=transaction), _ROWS))
    if case is not None:
        told.append(f"Help from a person: {_state(case)}. All of it: portico case explain {case.reference}")
    return [*told, *_rows(sorted(found.items()))]


def _attempt(failure: SignInFailure) -> AuditQuery:
    """The audit row of a failed attempt: it has the same time."""
    until = math.nextafter(failure.at, math.inf)
    return AuditQuery(kind="attempt_failed", client_id=failure.client_id, since=failure.at, until=until)


def _of_failure(failure: SignInFailure) -> Iterator[str]:
    where = f"at {failure.provider} " if failure.provider else ""
    why = f" ({failure.reason})" if failure.reason else ""
    yield f"{iso(failure.at)}  failed {where}for {failure.client_id}: {failure.failure}{why}"
    if (spec := _SPECS.get(failure.failure)) is not None:
        if spec.description:
            yield f"    {spec.description}"
        offered = ", ".join(step.value for step in spec.next) or "nothing"
        yield f"    comes from: {spec.origin.value}; the citizen's page offers, as far as it applies: {offered}"
    yield f"    in the log: request_id {failure.request_id}"


def _of_case(case: Case) -> Iterator[str]:
    yield f"{case.reference}: {_state(case)}"
    yield f"    case {case.id}, sign-in {case.transaction}, for {case.client_id} at level {case.level.name.lower()}"
    for name, at in (("asked", case.created), ("until", case.deadline), ("ends", case.expires)):
        if at is not None:
            yield f"    {name} {iso(at)}"
    yield "Steps:"
    for move in case.history:
        states = "" if move.source is move.target else f"  -> {move.target.value}"
        why = f"  ({move.reason})" if move.reason else ""
        yield f"    {iso(move.at)}  {move.event}  by {move.who}{states}{why}"


def _state(case: Case) -> str:
    gone = ", its personal data is deleted" if case.erased else ""
    return f"{case.state.value} since {iso(case.changed)}{gone}"


def _rows(rows: Sequence[tuple[int, AuditEvent]]) -> Iterator[str]:
    yield "Audit rows:" if rows else "No audit row names it."
    for number, event in rows:
        yield f"    {as_line(number, event)}"
