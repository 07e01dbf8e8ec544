"""`broker keys`: the broker's own keys."""

import argparse
import json

from broker import jose
from broker.commands.machine import Machine, Refused, add_config, settings
from broker.commands.making import make
from broker.keys import INDEX, KeysUnusable, create_all, load_all
from broker.settings import Content, ProviderEntry, Settings

HELP = "make and show the broker's keys"
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
    shown = verbs.add_parser("list", help="list the keys", description="Prints each key's use, state and id.")
    public = verbs.add_parser(
        "public",
        help="print the public key to register at a provider",
        description="Prints a JWK Set with the public half of the broker's key at one provider.",
    )
    public.add_argument("provider", metavar="PROVIDER", help="the provider's id, or the staff's provider")
    for verb in (init, shown, public):
        add_config(verb)


def run(args: argparse.Namespace, machine: Machine) -> int:
    """Does what the verb says. Raises Refused."""
    match args.verb:
        case "init":
            return init(settings(args, machine, prepared=False), machine)
        case "list":
            return show(settings(args, machine, prepared=False))
        case _:
            return public(settings(args, machine, prepared=False), args.provider)


def init(found: Settings, machine: Machine) -> int:
    """Makes what is missing; client secrets are the providers' to give."""
    folder = found.broker.keys.folder
    try:
        if not (folder / INDEX).exists():
            create_all(folder, machine.ambient.draw)
            print(f"made the keys in {folder}")
        for file in found.missing:
            if file.content is Content.PRIVATE_KEY:
                print(f"made {', '.join(map(str, make(file, machine.ambient.draw)))}")
    except (KeysUnusable, OSError) as problem:
        raise Refused(str(problem)) from None
    awaited = [str(file.path) for file in found.missing if file.content is not Content.PRIVATE_KEY]
    print("\n".join(["still to come from elsewhere:", *awaited]) if awaited else "every key is there")
    return 0


def show(found: Settings) -> int:
    """Lists the ring and the key for each provider."""
    try:
        ring = load_all(found.broker.keys.folder)
    except KeysUnusable as problem:
        raise Refused(str(problem)) from None
    current = {key.kid for key in ring.current.values()}
    for jwk in json.loads(ring.jwks())["keys"]:
        state = "signs" if jwk["kid"] in current else "shown"
        print(f"{state:9} {jwk['alg']:8} {jwk['kid']}")
    print(f"audit     {ring.audit.alg:8} {ring.audit.kid}")
    print(f"sealing   with 1 current and {len(ring.sealing_previous)} previous secrets")
    for entry in entries(found):
        for name, path in entry.files():
            state = "there" if path.exists() else "missing"
            print(f"provider  {entry.id}: {name} {path} ({state})")
    return 0


def public(found: Settings, name: str) -> int:
    """Prints what the provider has to know of the broker's key."""
    entry = next((entry for entry in entries(found) if entry.id == name), None)
    key = None if entry is None else entry.own_key()
    if key is None:
        known = [entry.id for entry in entries(found) if entry.own_key() is not None]
        raise Refused(
            f'there is no key for a provider "{name}"\n    providers with a key: {", ".join(known) or "none"}'
        )
    try:
        signing = jose.load_signing_key(key.path.read_bytes(), key.algorithm, key.id)
    except (OSError, ValueError) as problem:
        raise Refused(f"{key.path}: {problem}") from None
    print(json.dumps({"keys": [dict(jose.public_jwk(signing))]}, indent=2))
    return 0


def entries(found: Settings) -> list[ProviderEntry]:
    """Every provider, the staff's among them."""
    return [*found.providers.values(), *([found.staff.provider] if found.staff is not None else [])]
