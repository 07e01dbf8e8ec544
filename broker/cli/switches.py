"""`portico provider|service|account`: turn one thing off, from the next request on, and on again."""

import argparse
from datetime import UTC, datetime
from typing import Any

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.cli.context import (
    AdminStoresPort,
    CommandContext,
    DisabledItem,
    add_config,
    line,
    load_settings,
    require_clock,
)
from broker.model.audit import AuditEvent
from broker.model.kill_switches import KillSwitchKind
from broker.model.security_event import InitiatingEntity
from broker.platform.toml_loader import suggestion
from broker.settings import Settings
from broker.wiring.errors import CommandError

_ACCOUNT_IDS = "copy the id whole from the audit record: `portico audit search` prints it as account="

HELP = {
    KillSwitchKind.PROVIDER: "turn a provider off and on, pause, list and test providers",
    KillSwitchKind.SERVICE: "turn a service off and on",
    KillSwitchKind.ACCOUNT: "turn a citizen's account off and on",
}
DESCRIPTION = """What is turned off stays off for every worker from its next request on, until it is turned on again:
no restart, no change of files. Each change is audited with its reason and who made it."""

SIGN_OUT = """Ends every session of an account at the broker and tells the services that took part. The citizen can sign
in again at once; disable the account to prevent that, which ends its sessions too."""


FORGET = """Forgets what tells the person of an account from others under the same subject (`subject_anchor`), such as a
date of birth: the next sign-in sets it again. Use it after the provider confirmed that it corrected that detail, and
that the person is the same; else another person would sign in to the account."""


def add_arguments(parser: argparse.ArgumentParser, kind: KillSwitchKind) -> Any:
    """What the command takes for one kind of thing. Returns the subcommands, to which others may be added."""
    one = "an account" if kind is KillSwitchKind.ACCOUNT else f"a {kind.value}"
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    off = verbs.add_parser("disable", help=f"turn {one} off", description=DESCRIPTION)
    on = verbs.add_parser("enable", help=f"turn {one} on again", description=DESCRIPTION)
    every = kind is KillSwitchKind.PROVIDER
    listed = verbs.add_parser("list", help=f"list every {kind.value}{'' if every else ' that is off'}")
    acts = [off, on]
    if kind is KillSwitchKind.ACCOUNT:
        acts.append(verbs.add_parser("sign-out", help="end every session of an account", description=SIGN_OUT))
        forget = verbs.add_parser("forget-anchor", help="take a correction of the same person", description=FORGET)
        forget.add_argument("--reason", type=line, required=True, help="why; it goes into the audit record")
        acts.append(forget)
    for verb in acts:
        verb.add_argument("id", type=line, metavar="ID", help=f"the {kind.value}'s id")
        verb.add_argument(
            "--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)"
        )
    off.add_argument(
        "--reason", type=line, required=True, help="why; it goes into the audit record, so name no citizen"
    )
    for verb in (*acts, listed):
        add_config(verb)
    return verbs


async def run(args: argparse.Namespace, machine: CommandContext, kind: KillSwitchKind) -> int:
    """Runs the subcommand. Raises CommandError."""
    settings = load_settings(args, machine)
    async with machine.open(settings) as facts:
        if args.verb != "list":
            require_clock(facts)
        if args.verb not in ("list", "enable"):
            check_known(kind, args.id, settings)
            if kind is KillSwitchKind.ACCOUNT:
                await _check_account(args.id, facts)
        if args.verb == "sign-out":
            print(await _sign_out(args, machine, settings, facts))
            return 0
        if args.verb == "forget-anchor":
            print(await _forget_anchor(args, machine, facts))
            return 0
        if args.verb == "list":
            print(
                "\n".join(
                    [describe(off) for off in await facts.kill_switches.listing() if off.kind is kind]
                    or ["nothing is off"]
                )
            )
            return 0
        actor, now = args.by or machine.user, machine.system.now()
        if args.verb == "enable":
            changed = await facts.kill_switches.turn_on(kind, args.id, actor, now)
            print(f"{args.id} is on again" if changed else f"{args.id} was not off")
            return 0
        changed = await facts.kill_switches.turn_off(
            kind, args.id, args.reason, actor, now, logout_fan_out(settings.services, now, InitiatingEntity.ADMIN)
        )
        print(f"{args.id} is off" if changed else f"{args.id} was off already")
    return 0


async def _sign_out(
    args: argparse.Namespace, machine: CommandContext, settings: Settings, facts: AdminStoresPort
) -> str:
    """Ends the sessions of an account; returns a line with their number."""
    now = machine.system.now()
    event = AuditEvent("session_ended", now, args.by or machine.user, details={"why": "operator"})
    ended = await facts.sessions.end_all(args.id, event, logout_fan_out(settings.services, now, InitiatingEntity.ADMIN))
    return f"{ended} session{'' if ended == 1 else 's'} ended"


async def _forget_anchor(args: argparse.Namespace, machine: CommandContext, facts: AdminStoresPort) -> str:
    """Forgets the anchors of an account; returns a line with their number."""
    actor, details = args.by or machine.user, {"why": args.reason}
    event = AuditEvent("anchor_forgotten", machine.system.now(), actor, account=args.id, details=details)
    found = await facts.links.forget_anchors(args.id, event)
    return f"{found} anchor{'' if found == 1 else 's'} forgotten"


def describe(item: DisabledItem) -> str:
    """One thing that is off, in a line."""
    return f"{item.id}  {describe_state(item)}"


def describe_state(item: DisabledItem) -> str:
    """Since when something is off, by whom and why."""
    since = datetime.fromtimestamp(item.at, UTC)
    return f"off since {since:%Y-%m-%d %H:%M} UTC by {item.who}: {item.reason}"


def check_known(kind: KillSwitchKind, target: str, settings: Settings) -> None:
    """Refuses to turn off a provider or service that is not configured: most likely the id is misspelt."""
    known = {KillSwitchKind.PROVIDER: settings.providers, KillSwitchKind.SERVICE: settings.services}.get(kind)
    if known is not None and target not in known:
        raise CommandError(f'there is no {kind.value} "{target}"\n    {suggestion(target, known)}')


async def _check_account(target: str, facts: AdminStoresPort) -> None:
    """Raises CommandError if no account has this id: nothing is written about one that is misspelt."""
    if not await facts.links.has_account(target):
        raise CommandError(f'there is no account "{target}"\n    {_ACCOUNT_IDS}')
