"""A preset's provider and its simulated counterpart in one process: no socket, no browser, every request recorded."""

import base64
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc.jwk import ECKey, RSAKey
from starlette.types import Message

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import MAX_BODY, HttpClients, HttpFailure, HttpResponse, ResponseTooLarge, Unreachable
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, UpstreamRedirect, UpstreamRequest
from broker.settings.providers import ProviderEntry, provider
from broker.settings.sources import Source
from providers import KINDS, ProviderDependencies
from providers.openid import OpenIdProvider, build
from providers.presets import merge
from providers.presets.document import operator_file
from providers.simulator import SimulatedClient
from providers.simulator.national import Answer, NationalProvider, create_national, folder, read_dialect

CLIENT_ID = "https://broker.example"
SECRET = "a-secret+of 30 characters/or so"
STATE = "0123456789abcdefABCDEF0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that the broker sent on its own connection."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


class Wire:
    """The only client of an `HttpClients`: calls the simulator's application directly, and records each call."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.calls: list[Call] = []
        self.gone = False

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, **options: int
    ) -> HttpResponse | HttpFailure:
        """Sends a GET."""
        return await self._send(Call("GET", url, dict(headers or {}), {}), options.get("limit", MAX_BODY))

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, **options: int
    ) -> HttpResponse | HttpFailure:
        """Sends a form."""
        return await self._send(Call("POST", url, dict(headers or {}), dict(form)), options.get("limit", MAX_BODY))

    async def _send(self, call: Call, limit: int) -> HttpResponse | HttpFailure:
        self.calls.append(call)
        if self.gone:
            return Unreachable("the provider is not there")
        try:
            answer = await send(self.app, call)
        except ConnectionResetError as problem:
            return Unreachable(str(problem))
        return ResponseTooLarge(f"{len(answer.body)} bytes") if len(answer.body) > limit else answer

    def called(self, url: str) -> list[Call]:
        """The calls of one URL, oldest first."""
        return [call for call in self.calls if call.url == url]


class Direct:
    """An `HttpClients` with one client."""

    development = False

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def client(self, _name: str, **_options: object) -> Wire:
        """The wire."""
        return self.wire

    def may_call(self, url: str) -> bool:
        """As outside development."""
        return url.startswith("https://")


async def send(app: Any, call: Call, body: bytes | None = None) -> HttpResponse:
    """The response of an application to a request at a published URL (ASGI, without a server)."""
    body = urlencode(call.form).encode() if body is None else body
    sent = {"content-type": "application/x-www-form-urlencoded", "user-agent": "Portico"}
    sent |= {name.lower(): value for name, value in call.headers.items()}
    parts = urlsplit(call.url)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "https",
        "path": folder(call.url),
        "raw_path": folder(call.url).encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": (parts.netloc, 443),
    }
    received: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def transmit(message: Message) -> None:
        received.append(message)

    await app(scope, receive, transmit)
    if received[-1]["type"] != "http.response.body" or received[-1].get("more_body"):
        raise ConnectionResetError("the connection was closed in the middle of the response")
    headers = {name.decode().lower(): value.decode() for name, value in received[0]["headers"]}
    text = b"".join(message.get("body", b"") for message in received[1:])
    return HttpResponse(int(received[0]["status"]), headers, text)


@cache
def key_pem(family: str, _use: str) -> bytes:
    """A private key of the broker, made once for each use: `RSA`, or the curve."""
    return (RSAKey.generate_key(2048) if family == "RSA" else ECKey.generate_key(family)).as_pem(private=True)


def entry_of(name: str, environment: str = "live", more: Mapping[str, Any] | None = None) -> ProviderEntry:
    """The provider that an operator's file configures, read as the settings are read."""
    return _entry(name, environment, json.dumps(more or {}))


@cache
def _entry(name: str, environment: str, more: str) -> ProviderEntry:
    own = tomllib.loads(operator_file(name, environment).replace('"..."', f'"{CLIENT_ID}"'))
    table = merge({"id": name, **own}, json.loads(more))
    found, problems = provider(Source(f"{name}.toml", "", table, Path("/etc")), KINDS, development=False)
    assert not problems, "\n".join(map(str, problems))
    assert found is not None
    return found


def reader(config: Any) -> Any:
    """Reads key and secret files: each path is only a name."""

    def read(path: Path) -> bytes:
        if path.suffix != ".pem":
            return f"{SECRET}\n".encode()
        algorithm = config.key_algorithm
        if path.stem.endswith("-enc"):
            table = config.id_token if config.id_token.form != "signed" else config.userinfo_response
            algorithm = table.encryption_algorithms[0]
            return key_pem("RSA" if algorithm.startswith("RSA") else "P-256", "enc")
        if path.stem.endswith("-dpop"):
            algorithm = config.dpop.algorithm
        return key_pem({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}.get(algorithm, "RSA"), path.stem)

    return read


@dataclass(slots=True)
class Exchange:
    """A preset's provider, the simulator that plays its counterpart, and what went between them."""

    entry: ProviderEntry
    provider: OpenIdProvider
    simulated: NationalProvider
    wire: Wire
    ask: UpstreamRequest
    system: System
    visited: list[str] = field(default_factory=list)

    async def leave(self, **changes: Any) -> UpstreamRedirect:
        """A departure."""
        departure = await self.provider.begin(replace(self.ask, **changes))
        assert isinstance(departure, UpstreamRedirect), departure
        return departure

    async def visit(self, url: str, answer: Answer = Answer()) -> CallbackParameters:  # noqa: B008
        """The citizen's visit: what comes back to the callback."""
        self.visited.append(url)
        self.simulated.script.next.append(answer)
        response = await send(self.wire.app, Call("GET", url, {}, {}))
        assert response.status == 303, response.body.decode()[:400]
        parts = urlsplit(response.headers["location"])
        return CallbackParameters(dict(parse_qsl(parts.query)), f"{parts.scheme}://{parts.netloc}{parts.path}")

    async def sign_in(self, answer: Answer = Answer(), **changes: Any) -> Identity | ProviderFailure:  # noqa: B008
        """A whole sign-in."""
        departure = await self.leave(**changes)
        note = json.loads(json.dumps(dict(departure.provider_state)))
        return await self.provider.complete(note, await self.visit(departure.url, answer))

    def asked(self) -> Mapping[str, str]:
        """The parameters of the last authorization request, as they stood on the wire: in the browser, in a request
        object, or pushed."""
        given = dict(parse_qsl(urlsplit(self.visited[-1]).query, keep_blank_values=True))
        if "request" in given:
            claims = given["request"].split(".")[1]
            inside = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            return {name: one if isinstance(one, str) else json.dumps(one) for name, one in inside.items()}
        if "request_uri" not in given:
            return given
        return self.wire.called(self.simulated.dialect.endpoints["par"])[-1].form

    def token_call(self) -> Call:
        """The last token request."""
        return self.wire.called(self.simulated.dialect.endpoints["token"])[-1]


def rebuilt(here: Exchange, **changes: Any) -> OpenIdProvider:
    """The same provider with other settings, which reaches the same counterpart."""
    config = replace(here.entry.config, **changes)
    dependencies = ProviderDependencies(cast(HttpClients, Direct(here.wire)), here.system, reader(config))
    return build(here.entry.card, config, dependencies)


def exchange(name: str, system: System, environment: str = "live", **more: Any) -> Exchange:
    """A provider and its counterpart. `more` are further tables of the operator's file."""
    entry = entry_of(name, environment, more)
    wire = Wire(None)
    dependencies = ProviderDependencies(cast(HttpClients, Direct(wire)), system, reader(entry.config))
    built = build(entry.card, entry.config, dependencies)
    callback = f"https://broker.example/callback/{name}"
    jwks = built.jwks if entry.config.authentication == "private_key_jwt" else None
    out = ("https://broker.example/signed-out",)
    frame = f"https://broker.example/providers/{name}/frontchannel-logout"
    client = SimulatedClient(
        *(entry.config.client_id, (callback,), jwks, None if jwks else SECRET, out, frame),
        check_session=entry.config.logout.check_session,
    )
    dialect = read_dialect(name, environment, issuer=entry.config.issuer)
    simulated = NationalProvider(dialect, (client,), system)
    wire.app = create_national([simulated], "http://localhost:9000", development=True)
    ask = UpstreamRequest(level=lowest(entry), state=STATE, callback=callback, language="en")
    return Exchange(entry, built, simulated, wire, ask, system)


def lowest(entry: ProviderEntry) -> Level:
    """The lowest level that can be requested of a provider."""
    return min([*entry.config.levels.values(), entry.card.max_level])
