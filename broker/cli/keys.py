"""`portico keys`: the broker's own keys."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker.cli import rotate_keys
from broker.cli.context import CommandContext, add_config, load_settings
from broker.crypto.keys import INDEX, KeyRing, KeyState, KeysUnusable, complete_all, create_all, load_all
from broker.crypto.keys.index import Index, KeyEntry, load_index
from broker.crypto.keys.manager import dated, when
from broker.crypto.keys.rotation import RotationPolicy, RotationStep, removal_time, schedule
from broker.platform.operator_files import exists
from broker.settings import Content, ProviderEntry, Settings
from broker.settings.providers import ProviderKind
from broker.wiring.errors import CommandError
from broker.wiring.generate_secrets import make
from broker.wiring.key_rotation import rotation_policy

HELP = "make, show and change the broker's keys"
DESCRIPTION = """The broker signs with its own keys, seals what it keeps, and has one key for each provider. They are
files: the settings name the folder and the paths, and nobody but the broker's user may read them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser(
        "init",
        help="make every key that is missing",
        description="Makes the folder of keys and the key for each provider where they are missing. What exists stays.",
    )
    shown = verbs.add_parser(
        "list",
        help="list the keys",
        description="Prints each key's state, algorithm and id, since when it is in that state, and what is due next.",
    )
    public = verbs.add_parser(
        "public",
        help="print the public key to register at a provider",
        description="Prints a JWK Set with the public half of the broker's key at one provider.",
    )
    public.add_argument("provider", metavar="PROVIDER", help="the provider's id, or the staff's provider")
    for verb in (init, shown, public, *rotate_keys.add_verbs(verbs)):
        add_config(verb)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Runs the subcommand. Raises CommandError."""
    match args.verb:
        case "rotate" | "retire":
            return await rotate_keys.run(args, load_settings(args, machine), machine)
        case "init":
            return init(load_settings(args, machine, prepared=False), machine)
        case "list":
            return show(load_settings(args, machine, prepared=False))
        case _:
            return public(load_settings(args, machine, prepared=False), args.provider, machine.kinds)


def init(settings: Settings, machine: CommandContext) -> int:
    """Makes what is missing; client secrets are the providers' to give."""
    folder = settings.broker.keys.folder
    try:
        if not exists(folder / INDEX):
            create_all(folder, machine.system.random_bytes, now=machine.system.now())
            print(f"made the keys in {folder}")
        else:
            for made in complete_all(folder, machine.system.random_bytes, machine.system.now()):
                print(f"made what was missing for {made}")
        for file in settings.missing:
            if file.content is Content.PRIVATE_KEY:
                print(f"made {', '.join(map(str, make(file, machine.system.random_bytes)))}")
    except (KeysUnusable, OSError) as problem:
        raise CommandError(str(problem)) from None
    awaited = [str(file.path) for file in settings.missing if file.content is not Content.PRIVATE_KEY]
    print("\n".join(["still to come from elsewhere:", *awaited]) if awaited else "every key is there")
    return 0


def _read(folder: Path) -> tuple[KeyRing, Index]:
    """Reads ring and index of the same moment: a worker may rotate keys between the two. Raises CommandError."""
    for _ in range(3):
        try:
            ring = load_all(folder)
        except KeysUnusable as problem:
            raise CommandError(str(problem)) from None
        index, _problems = load_index(folder)
        if index is not None and {key.place for key in (*index.signing, *index.encryption)} == {
            entry.place for entry in ring.listed.values()
        }:
            return ring, index
    raise CommandError(f"{folder}: changed while it was read: try again")


def show(settings: Settings) -> int:
    """Lists the ring and the key for each provider."""
    ring, index = _read(settings.broker.keys.folder)
    policy, dated_index = rotation_policy(settings.broker), dated(index, settings.broker.keys.folder)
    kids = {entry.place: kid for kid, entry in ring.listed.items()}
    for key in sorted(dated_index.signing, key=_order):
        following = _next_step(key, dated_index.signing, policy)
        print(f"{SIGNING[key.state]:9} {key.alg:8} {kids[key.place]}{_since(key)}{following}")
    for key in sorted(dated_index.encryption, key=_order):
        following = _next_step(key, dated_index.encryption, policy, encryption=True)
        print(f"{DECRYPTING[key.state]:9} {key.alg:8} {kids[key.place]}{_since(key)}{following}")
    print(f"audit     {ring.audit.alg:8} {ring.audit.kid}")
    print(f"sealing   with 1 current and {len(ring.sealing_previous)} previous secrets")
    for entry in settings.every_provider:
        for name, path in entry.files():
            state = "there" if exists(path) else "missing"
            print(f"provider  {entry.id}: {name} {path} ({state})")
    return 0


SIGNING = {KeyState.NEXT: "next", KeyState.CURRENT: "signs", KeyState.RETIRED: "retired"}
DECRYPTING = {KeyState.CURRENT: "decrypts", KeyState.RETIRED: "retired"}


def _order(entry: KeyEntry) -> tuple[int, str]:
    return list(SIGNING).index(entry.state), entry.alg


def _since(entry: KeyEntry) -> str:
    return "" if entry.since is None else f"  since {when(entry.since)}"


def _next_step(
    entry: KeyEntry, entries: Sequence[KeyEntry], policy: RotationPolicy, *, encryption: bool = False
) -> str:
    """What happens to a key next, and when."""
    if entry.state is KeyState.RETIRED:
        return f"; `portico keys retire` takes it out from {when(removal_time(entry, policy, encryption=encryption))}"
    steps = [due for due in schedule(entries, policy, encryption=encryption) if due.alg == entry.alg]
    if entry.state is KeyState.NEXT:
        planned = [due.at for due in steps if due.step is RotationStep.PROMOTE]
        return (
            f"; signs by itself from {when(planned[0])}"
            if planned
            else f"; may sign from {when(_ready(entry, policy))}"
        )
    planned = [due.at for due in steps if due.step is not RotationStep.REMOVE]
    return f"; its change begins by itself {when(planned[0])}" if planned else ""


def _ready(entry: KeyEntry, policy: RotationPolicy) -> float:
    return (entry.since or 0.0) + policy.notice


def public(settings: Settings, name: str, kinds: Mapping[str, ProviderKind]) -> int:
    """Prints what the provider has to know of the broker's keys."""
    entry = next((entry for entry in settings.every_provider if entry.id == name), None)
    if entry is None or not _has_key(entry):
        known = [entry.id for entry in settings.every_provider if _has_key(entry)]
        raise CommandError(
            f'there is no key for a provider "{name}"\n    providers with a key: {", ".join(known) or "none"}'
        )
    try:
        published = kinds[entry.kind].public_keys(entry.config)
    except (OSError, ValueError) as problem:
        raise CommandError(f"{entry.id}: {problem}") from None
    print(json.dumps(published, indent=2))
    return 0


def _has_key(entry: ProviderEntry) -> bool:
    """Whether the broker has a key at a provider, or a certificate of its own."""
    return any(entry.own_keys()) or any(name == "certificate_file" for name, _ in entry.files())
