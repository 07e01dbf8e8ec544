"""`portico keys rotate` and `portico keys retire`: signing keys come and go, and no verification fails meanwhile."""

import argparse
import asyncio
import re
from collections.abc import Sequence
from typing import Any

from broker.cli.context import AdminStoresPort, CommandContext, line, require_clock
from broker.crypto import jwe
from broker.crypto.keys import KeyChange, KeyManager, KeyState, KeysUnusable, complete_all, load_all
from broker.crypto.keys.ring import KeyRing
from broker.model.store_results import StoreUnavailable
from broker.settings import Settings
from broker.wiring.errors import CommandError
from broker.wiring.key_rotation import audit_event, rotation_policy
from broker.wiring.provider_key_rotation import rotate_decryption, rotate_signing

SETTLING = 32
"""Seconds for which a key is shown at least before it signs, so that every worker shows it by then, and every service
that asks for the key set when it meets an unknown key gets it: libraries ask again after half a minute at most."""

DAY = 86_400
"""The most seconds for which `--settle` waits."""

ROTATE = """Takes the next step for each algorithm: makes a key and shows it; 24 hours later, run again, lets it sign
and retires the one before. Before the 24 hours are over it refuses and says when. Keys that decrypt (--alg
ECDH-ES+A256KW or RSA-OAEP-256) are replaced in one step. Every worker follows within seconds, without a restart."""

AT_PROVIDER = {"signing": rotate_signing, "decryption": rotate_decryption}

RELOAD = """`portico reload` brings the keys into force at every worker, and publishes them at /providers/<id>/jwks; a
provider that does not fetch them has to be told: `portico keys public`"""

EMERGENCY = """the current key fell into wrong hands: make a new one, let it sign within seconds, and drop every other
key of the algorithm from the key set. ID tokens that those signed verify no more"""


def add_verbs(verbs: Any) -> tuple[argparse.ArgumentParser, ...]:
    """The two verbs."""
    rotate = verbs.add_parser("rotate", help="change signing keys, one step at a time", description=ROTATE)
    rotate.add_argument(
        "--provider", type=line, metavar="ID", help="change the broker's keys at one provider in place of its own"
    )
    rotate.add_argument("--use", choices=list(AT_PROVIDER), help="with --provider: one kind of key (default: both)")
    rotate.add_argument("--alg", metavar="ALG", help="one algorithm, such as ES256 (default: each that signs)")
    hurry = rotate.add_mutually_exclusive_group()
    hurry.add_argument("--now", action="store_true", help="let the next key sign though services may not know it yet")
    hurry.add_argument("--emergency", action="store_true", help=EMERGENCY)
    rotate.add_argument(
        "--keep-next",
        action="store_true",
        help="in an emergency: the next key is known to be safe, and becomes the new one",
    )
    rotate.add_argument(
        "--settle",
        type=_seconds,
        default=SETTLING,
        metavar="SECONDS",
        help="with --now and --emergency: how long a key is shown at least before it signs (default: %(default)s)",
    )
    retire = verbs.add_parser(
        "retire",
        help="take out retired keys that nothing needs any more",
        description="Takes out every retired key whose last token has expired, and deletes its file.",
    )
    for verb in (rotate, retire):
        verb.add_argument(
            "--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)"
        )
    return rotate, retire


def _seconds(text: str) -> int:
    """Whole seconds, a day at most."""
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > DAY:
        raise argparse.ArgumentTypeError(f"whole seconds are needed, from 0 to {DAY}")
    return int(text)


async def run(args: argparse.Namespace, settings: Settings, machine: CommandContext) -> int:
    """Changes keys, with audit rows. Raises CommandError."""
    refusals: list[str] = []
    if args.verb == "rotate" and args.provider is not None:
        return await _at_provider(args, settings, machine)
    manager = KeyManager(settings.broker.keys.folder, machine.system.random_bytes, rotation_policy(settings.broker))
    try:
        if args.verb == "rotate" and args.emergency:
            return await _emergency(args, settings, machine, manager)
        async with machine.open(settings) as facts:
            require_clock(facts)
            if args.verb == "retire":
                done = manager.retire(machine.system.now())
            else:
                done, refusals = await _routine(args, machine, manager)
            await _record(facts, done, args, machine)
    except KeysUnusable as problem:
        raise CommandError(str(problem)) from None
    if not done and refusals:
        raise CommandError("\n".join(refusals))
    print("\n".join([*map(describe, done), *refusals]) or "there is no retired key whose time is over")
    return 0


async def _at_provider(args: argparse.Namespace, settings: Settings, machine: CommandContext) -> int:
    """Changes the broker's keys at one provider, those for signatures and those for decryption."""
    entry = next((one for one in settings.every_provider if one.id == args.provider), None)
    names = [] if entry is None else [key.setting for key in entry.own_keys()]
    uses = {"signing": "key_file", "decryption": "encryption_key_files[0]"}
    wanted = [use for use, name in uses.items() if name in names and args.use in (None, use)]
    if entry is None or not wanted or args.alg or args.emergency or args.keep_next:
        fix = "name a provider with such a key, and no other option than --use, --now and --by"
        raise CommandError(f'"{args.provider}" has no key to change in this way\n    {fix}')
    done: list[KeyChange] = []
    refusals: list[str] = []
    async with machine.open(settings) as facts:
        require_clock(facts)
        for use in wanted:
            try:
                done += AT_PROVIDER[use](entry, machine.system.now(), hurry=args.now)
            except CommandError as problem:
                refusals.append(str(problem))
            except (OSError, ValueError) as problem:
                refusals.append(f"{entry.id}: {problem}")
        await _record(facts, done, args, machine)
    if not done:
        raise CommandError("\n".join(refusals))
    print("\n".join([*map(describe, done), *refusals, RELOAD]))
    return 0


async def _routine(
    args: argparse.Namespace, machine: CommandContext, manager: KeyManager
) -> tuple[list[KeyChange], list[str]]:
    """One step for each algorithm, as far as its time has come; and why not for the others."""
    now, done, refusals = machine.system.now(), list[KeyChange](), list[str]()
    complete_all(manager.folder, machine.system.random_bytes, now, manager.tokens)
    ring = load_all(manager.folder, manager.tokens)
    if args.now:
        # a worker may not show yet what another would sign with
        await _settled(ring, args.settle, now)
        now = machine.system.now()
    for alg in _algorithms(args, ring):
        try:
            done += manager.rotate(alg, now, hurry=args.now)
        except KeysUnusable as problem:
            refusals.append(str(problem))
    return done, refusals


async def _emergency(args: argparse.Namespace, settings: Settings, machine: CommandContext, manager: KeyManager) -> int:
    """Shows a new key, waits until every worker shows it, lets it sign and drops the others. Needs no database."""
    ring = load_all(manager.folder, manager.tokens)
    algorithms = _algorithms(args, ring)
    if any(alg in jwe.KEY_ALGORITHMS for alg in algorithms):
        raise CommandError(
            "a key that decrypts has no emergency: `portico keys rotate --alg ...` replaces it, then delete"
        )
    done: list[KeyChange] = []
    for alg in algorithms:
        if not (args.keep_next and _has_next(ring, alg)):
            done += manager.announce(alg, machine.system.now())
    print(f"the new key is shown; it signs in {args.settle} seconds", flush=True)
    await asyncio.sleep(args.settle)
    for alg in algorithms:
        done += manager.promote_and_purge(alg, machine.system.now())
    print("\n".join(map(describe, done)))
    print("every worker follows within seconds; ID tokens signed by the removed keys verify no more")
    try:
        async with machine.open(settings) as facts:
            await _record(facts, done, args, machine)
    except (CommandError, StoreUnavailable, OSError) as problem:
        raise CommandError(f"the keys are changed, but the audit record does not say so: {problem}") from None
    return 0


async def _settled(ring: KeyRing, settle: int, now: float) -> None:
    """Waits until every next key was shown for so many seconds."""
    shown = [entry.since or 0.0 for entry in ring.listed.values() if entry.state is KeyState.NEXT]
    if (left := max(shown, default=0.0) + settle - now) > 0:
        print(f"the next key was only just made; waiting {left:.0f} seconds until every worker shows it", flush=True)
        await asyncio.sleep(left)


def _algorithms(args: argparse.Namespace, ring: KeyRing) -> Sequence[str]:
    return [args.alg] if args.alg else ring.algorithms


def _has_next(ring: KeyRing, alg: str) -> bool:
    return any(entry.alg == alg and entry.state is KeyState.NEXT for entry in ring.listed.values())


async def _record(
    facts: AdminStoresPort, done: Sequence[KeyChange], args: argparse.Namespace, machine: CommandContext
) -> None:
    now, actor = machine.system.now(), args.by or machine.user
    await facts.audit_log.write([audit_event(change, now, actor) for change in done])


def describe(change: KeyChange) -> str:
    """A change as operators read it."""
    return f"{change.kind.replace('_', ' ')}: {change.alg} {change.kid}"
