"""`portico simulator`: plays one national provider on loopback."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broker.platform.operator_files import first_line, text
from broker.platform.system import real_system
from broker.server.ports import require_free_ports
from broker.server.uvicorn_server import plain_server, serve_all
from broker.server.uvicorn_server import run as run_loop
from broker.wiring.errors import CommandError
from providers.presets import preset_environments, preset_names
from providers.presets.document import operator_file

HELP = "play a national provider on this machine"
DESCRIPTION = """Plays the provider of a preset on 127.0.0.1: its tokens, encryption, errors and logout. It signs in
any visitor as any test person, so it serves clients of this machine alone: redirect URIs have the host localhost,
127.0.0.1, or a name that ends in .localhost, .test or .example. POST /_script/NAME takes the next answers,
GET /_log/NAME shows what was asked. With --check-session POST /_session/NAME sets the answer of its frame."""

OWN_HOSTS = ("localhost", "127.0.0.1", "::1")
OWN_ENDS = (".localhost", ".test", ".example")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The provider, its port, and the client that is registered there."""
    parser.add_argument("--preset", required=True, choices=preset_names(), metavar="NAME", help="such as tara")
    parser.add_argument("--environment", default="live", help="live or test: which issuer is played")
    parser.add_argument("--issuer", help="the issuer, for a preset that has none")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--client-id", default="portico")
    parser.add_argument("--redirect-uri", action="append", default=[], help="may be repeated")
    parser.add_argument("--logout-uri", action="append", default=[], help="where a logout may lead; may be repeated")
    parser.add_argument("--logout-frame", metavar="URI", help="what is shown in a frame after a logout")
    parser.add_argument("--initiate-uri", metavar="URI", help="where a sign-in at the client begins")
    parser.add_argument("--check-session", action="store_true", help="give the client session_state and its frame")
    parser.add_argument("--jwks", type=Path, metavar="FILE", help="public keys of the client (`portico keys public`)")
    parser.add_argument("--secret-file", type=Path, metavar="FILE", help="the client's secret, in its first line")


def run(args: argparse.Namespace) -> int:
    """Plays the provider until it is ended. Raises CommandError if it cannot start."""
    # here: what only serves needs no simulator
    from providers.simulator.national import NationalProvider, create_national

    if args.environment not in preset_environments(args.preset):
        raise CommandError(f"--environment: {args.preset} has {', '.join(preset_environments(args.preset))}")
    address, base = f"127.0.0.1:{args.port}", f"http://localhost:{args.port}"
    require_free_ports([address], "choose another --port")
    provider = NationalProvider(dialect_of(args), (client_of(args),), real_system())
    app = create_national([provider], base, development=True)
    print(greeting(args, base, provider.dialect.issuer), flush=True)
    run_loop(serve_all([plain_server(app, address)], started=lambda: print(f"Listening at {base}/", flush=True)))
    return 0


def dialect_of(args: argparse.Namespace) -> Any:
    """The dialect that is played. Raises CommandError if the issuer is needed."""
    from providers.simulator.national import read_dialect

    try:
        return read_dialect(args.preset, args.environment, args.issuer)
    except LookupError as problem:
        raise CommandError(f"--issuer: {problem.args[0]}\n    name one, such as https://provider.example") from None


def client_of(args: argparse.Namespace) -> Any:
    """The client. Raises CommandError if it is not of this machine, or has neither keys nor a secret."""
    from providers.simulator import SimulatedClient

    ours = {
        "--redirect-uri": args.redirect_uri,
        "--logout-uri": args.logout_uri,
        "--logout-frame": [args.logout_frame] if args.logout_frame else [],
        "--initiate-uri": [args.initiate_uri] if args.initiate_uri else [],
    }
    for option, uris in ours.items():
        for uri in uris:
            host = urlsplit(uri).hostname or ""
            if host not in OWN_HOSTS and not host.endswith(OWN_ENDS):
                fix = "register a client of this machine, or use the provider's own test environment"
                raise CommandError(f"{option}: {uri} is not on this machine: a simulator proves nothing\n    {fix}")
    if not args.redirect_uri:
        raise CommandError("--redirect-uri: none is given\n    name the callback of the client")
    if (args.jwks is None) == (args.secret_file is None):
        raise CommandError("--jwks, --secret-file: give one of the two")
    secret = None if args.secret_file is None else first_line(args.secret_file.read_bytes())
    callbacks, jwks, after = tuple(args.redirect_uri), keys_in(args.jwks), tuple(args.logout_uri)
    addresses = (args.logout_frame, args.initiate_uri)
    return SimulatedClient(args.client_id, callbacks, jwks, secret, after, *addresses, args.check_session)


def keys_in(file: Path | None) -> Mapping[str, object] | None:
    """The key set in a file. Raises CommandError for a file without one."""
    if file is None:
        return None
    try:
        document = json.loads(text(file))
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise CommandError(f"{file}: holds no key set (RFC 7517)\n    write what `portico keys public` prints")
    return document


def greeting(args: argparse.Namespace, base: str, issuer: str) -> str:
    """What an operator's file says to be served by the simulator."""
    lines = operator_file(args.preset, args.environment).replace('"..."', f'"{args.client_id}"').splitlines()
    lines = [f'issuer = "{issuer}"' if line.startswith("issuer = ") else line for line in lines]
    return "\n".join([*lines, f'simulator = "{base}"', ""])
