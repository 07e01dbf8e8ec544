"""Endpoints of one simulated national provider."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from broker.model.json_types import JsonObject
from broker.platform.system import System
from providers.simulator.client_authentication import fits_challenge
from providers.simulator.national.checks import (
    Refused,
    check_client,
    check_proof,
    check_request,
    hinted_subject,
    open_object,
)
from providers.simulator.national.dialect import Dialect
from providers.simulator.national.faults import NEW_KEYS, broken_token_endpoint, did_document, key_set
from providers.simulator.national.pages import sign_in_page, signed_out_page
from providers.simulator.national.people import PEOPLE, RegisteredPerson, find_person
from providers.simulator.national.script import OUTCOMES, Answer, BadScript, Script, read_answer
from providers.simulator.national.session_management import SessionManagement
from providers.simulator.national.store import NationalStore
from providers.simulator.national.tokens import LIFE, REFRESH_LIFE, STRANGER, NationalSignIn, TokenMaker, as_refreshed
from providers.simulator.requests import BadRequest, parameters
from providers.simulator.responses import NO_STORE, page, read_form
from providers.simulator.settings import SimulatedClient

CODE_LIFE: Final = 60


class NationalProvider:
    """One provider: its endpoints by role, its script and log."""

    def __init__(self, dialect: Dialect, clients: tuple[SimulatedClient, ...], system: System) -> None:
        """Nothing has happened yet."""
        self.dialect = dialect
        self.script = Script()
        self._clients = {client.client_id: client for client in clients}
        self._system = system
        self._store = NationalStore(system)
        self._tokens = TokenMaker(dialect)
        self.sessions = SessionManagement(system)
        self._outcome = "ok"

    @property
    def begins(self) -> list[str]:
        """Where a sign-in at a client begins (OpenID Connect Core 4)."""
        query = urlencode({"iss": self.dialect.issuer})
        addresses = [client.initiate_login_uri for client in self._clients.values()]
        return [f"{address}?{query}" for address in addresses if address is not None]

    async def metadata(self, _request: Request) -> Response:
        """The provider's metadata."""
        frame = {"check_session_iframe": self.session_frame} if self.manages_sessions else {}
        return JSONResponse({**self.dialect.metadata, **frame})

    @property
    def manages_sessions(self) -> bool:
        """Whether a client wants OpenID Connect Session Management 1.0, which no facts speak of."""
        return any(client.check_session for client in self._clients.values())

    @property
    def session_frame(self) -> str:
        """The page that clients ask in a frame (Session Management 1.0 3.3)."""
        return f"{self.dialect.issuer.rstrip('/')}/check-session"

    async def jwks(self, _request: Request) -> Response:
        """The provider's public keys."""
        return key_set(self._outcome, self._tokens.jwks)

    async def did(self, _request: Request) -> Response:
        """The DID document (did:web) with the keys of the second JWT."""
        did = self.dialect.by_environment("identity_token", "did")
        return did_document(self._outcome, did, self._tokens.identity_jwks)

    async def par(self, request: Request) -> Response:
        """RFC 9126 2: the request is checked and kept."""
        form = await self._form("par", request)
        try:
            self._check_headers(request)
            client = self._authenticate(form, request, self.dialect.endpoints["par"])
            key = self._proof(form, request, "par", "POST")
            check_request(self.dialect, {}, form)
            if form.get("redirect_uri") not in client.redirect_uris:
                raise Refused("invalid_request", "redirect_uri is not registered")
        except Refused as refused:
            return self._error(refused)
        answer = self.script.next[0] if self.script.next else Answer()
        if answer.outcome == "par_500":
            self.script.next.popleft()
            return PlainTextResponse("Internal Server Error", 500)
        life = self.dialect.number("request.pushed", "seconds") or CODE_LIFE
        kept = {**form, "client_id": client.client_id}
        reference = self._store.push(kept, key or form.get("dpop_jkt", ""), life)
        return JSONResponse({"request_uri": reference, "expires_in": life}, 201, headers=NO_STORE)

    async def authorize(self, request: Request) -> Response:
        """The sign-in page, or immediately the next answer of the script."""
        query = request.scope["query_string"].decode("latin-1")
        try:
            given = parameters(query)
            self.script.record("authorization", given, {})
            asked, key = self._asked(given)
        except (BadRequest, Refused) as problem:
            return PlainTextResponse(str(problem), 400)
        client = self._clients[asked["client_id"]]
        try:
            check_request(self.dialect, asked, asked if "request_uri" in given else {})
        except Refused as refused:
            return self._back(asked, {"error": refused.error, "error_description": refused.description})
        answer = self._scripted(asked)
        if answer is None:
            return page(sign_in_page(self.dialect, query), asked["redirect_uri"])
        self._store.pushed.take(given.get("request_uri", ""))
        return self._answer(client, asked, answer, key)

    async def sign_in(self, request: Request) -> Response:
        """Handles the form of the page."""
        form = await read_form(request)
        try:
            given = parameters(form.get("request", ""))
            asked, key = self._asked(given)
        except (BadRequest, Refused) as problem:
            return PlainTextResponse(str(problem), 400)
        self._store.pushed.take(given.get("request_uri", ""))
        error, _, description = form.get("error", "").partition(": ")
        person = find_person(form.get("person", "")) or PEOPLE[0]
        outcome = form.get("outcome", "ok") if form.get("outcome") in OUTCOMES else "ok"
        answer = Answer(outcome, person, error, description)
        return self._answer(self._clients[asked["client_id"]], asked, answer, key)

    async def token(self, request: Request) -> Response:
        """OpenID Connect Core 3.1.3, with the fault of the answer."""
        form = await self._form("token", request)
        try:
            self._check_headers(request)
            client = self._authenticate(form, request, self.dialect.endpoints["token"])
            key = self._proof(form, request, "token", "POST")
            refreshed = form.get("grant_type") == "refresh_token"
            sign_in = self._take_grant(form, client) if refreshed else self._redeem(form, client, key)
        except Refused as refused:
            return self._error(refused)
        answer = sign_in.answer
        if answer.token_error:
            return self._error(Refused(answer.token_error, answer.description))
        sign_in = replace(sign_in, key=key)
        bent = as_refreshed(sign_in) if refreshed else sign_in
        broken = await broken_token_endpoint(bent.answer.outcome)
        return broken or self._grant(bent, sign_in, form.get("code", ""))

    async def userinfo(self, request: Request) -> Response:
        """OpenID Connect Core 5.3."""
        headers = dict(request.headers)
        self.script.record("userinfo", {}, headers)
        kind, _, token = headers.get("authorization", "").partition(" ")
        sign_in = self._store.tokens.find(token)
        wanted = "dpop" if sign_in is not None and sign_in.key else "bearer"
        try:
            if sign_in is None or kind.lower() != wanted:
                raise Refused("invalid_token", "the access token is not known")
            if sign_in.key:
                found = self._check_proof(headers.get("dpop"), "userinfo", request.method, token)
                if found != sign_in.key:
                    raise Refused("invalid_token", "the access token is bound to another key")
        except Refused as refused:
            scheme = "DPoP" if self.dialect.words("dpop", "algorithms") else "Bearer"
            challenge = {"WWW-Authenticate": f'{scheme} error="{refused.error}"', **self._nonce("userinfo")}
            return Response(status_code=401, headers=challenge)
        if sign_in.answer.outcome == "userinfo_500":
            return PlainTextResponse("broken", 500)
        document, media_type = self._tokens.userinfo(sign_in, int(self._system.now()))
        if isinstance(document, str):
            return Response(document, media_type=media_type, headers=NO_STORE)
        return JSONResponse(document, headers=NO_STORE)

    async def end_session(self, request: Request) -> Response:
        """The provider's logout: back to the client if the request names what the provider demands."""
        given = parameters(request.scope["query_string"].decode("latin-1")) if request.method == "GET" else {}
        given = given or await read_form(request)
        self.script.record("end_session", given, {})
        back, hint = given.get("post_logout_redirect_uri", ""), self.dialect.text("logout", "hint")
        self.sessions.end()
        known = any(back in client.post_logout_redirect_uris for client in self._clients.values())
        if not known or (hint not in ("none", "") and hint not in given):
            return PlainTextResponse("You are signed out", 200 if not back else 400)
        state = {"state": given["state"]} if "state" in given else {}
        where = f"{back}?{urlencode(state)}" if state else back
        frames = self._frames(given.get("id_token_hint", ""))
        if frames:
            return page(signed_out_page(self.dialect, frames, where), where, frames=frames)
        return RedirectResponse(where, 303)

    def _frames(self, hint: str) -> list[str]:
        """The clients that end their sessions in a frame (Front-Channel Logout 1.0 3), the one that began included."""
        sid = self._tokens.sid_of(hint)
        if sid is None or not self.dialect.table("logout.received").get("frontchannel"):
            return []
        query = urlencode({"iss": self.dialect.issuer, "sid": sid})
        addresses = [client.frontchannel_logout_uri for client in self._clients.values()]
        return [f"{address}?{query}" for address in addresses if address is not None]

    async def revoke(self, request: Request) -> Response:
        """RFC 7009: a token ends; the answer is always 200 (2.2)."""
        form = await self._form("revocation", request)
        try:
            self._authenticate(form, request, self.dialect.endpoints["revocation"])
        except Refused as refused:
            return self._error(refused)
        for shelf in (self._store.tokens, self._store.grants):
            shelf.take(form.get("token", ""))
        return Response(status_code=200)

    async def next_answers(self, request: Request) -> Response:
        """Appends answers to the script: `{"next": [{"outcome": "ok", "person": "amina"}]}`."""
        try:
            document = await request.json()
            rows = document["next"]
            self.script.next.extend([read_answer(row) for row in rows])
        except (ValueError, KeyError, TypeError, AttributeError, BadScript) as problem:
            return JSONResponse({"problem": str(problem)}, 400)
        return JSONResponse({"waiting": len(self.script.next)})

    def logout_token(self, person: RegisteredPerson, without: str = "") -> str:
        """A logout token about a person, for the first client, without a claim."""
        jti, now = self._system.random_bytes(16).hex(), int(self._system.now())
        claims = self._tokens.logout_claims(next(iter(self._clients)), person, jti, now)
        return self._tokens.logout_token({name: value for name, value in claims.items() if name != without})

    async def logout_tokens(self, request: Request) -> Response:
        """A logout token about the person of the form, to be posted to the client; `without` names a claim to leave
        out."""
        form = await read_form(request)
        person = find_person(form.get("person", ""))
        if person is None or not self.dialect.table("logout.received").get("backchannel"):
            return PlainTextResponse("no such person, or the provider sends no logout tokens", 400)
        return PlainTextResponse(self.logout_token(person, form.get("without", "")))

    async def log(self, _request: Request) -> Response:
        """What was asked of the provider, oldest first."""
        return JSONResponse({"log": list(self.script.log)})

    def _asked(self, given: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """The parameters of a request, pushed or not, and the thumbprint of its DPoP key. Raises Refused."""
        asked, key = dict(given), ""
        if "request_uri" in given:
            pushed = self._store.pushed.find(given["request_uri"])
            if pushed is None or pushed.parameters["client_id"] != given.get("client_id"):
                raise Refused("invalid_request_uri", "the request_uri is not known, used, or too old")
            asked, key = dict(pushed.parameters), pushed.key
        client = self._clients.get(asked.get("client_id", ""))
        if client is None:
            raise Refused("invalid_client", "the client_id is not registered")
        asked = open_object(self.dialect, client, asked, self._system.now())
        if asked.get("redirect_uri") not in client.redirect_uris:
            raise Refused("invalid_request", "the redirect_uri is not registered")
        return asked, key

    def _scripted(self, asked: Mapping[str, str]) -> Answer | None:
        """The next answer, or that of a login hint of the broker's tests: `outcome:ok;person:amina`."""
        hint = asked.get("login_hint", "")
        if hint.startswith(("outcome:", "person:")):
            return read_answer(dict(part.partition(":")[::2] for part in hint.split(";")))
        return self.script.next.popleft() if self.script.next else None

    def _answer(self, client: SimulatedClient, asked: dict[str, str], answer: Answer, key: str) -> Response:
        if answer.error:
            more = {"error_description": answer.description} if answer.description else {}
            return self._back(asked, {"error": answer.error, **more})
        now = self._system.now()
        sign_in = NationalSignIn(client, asked, answer, int(now), now + CODE_LIFE, key)
        if hinted_subject(asked) not in (None, self._tokens.said(sign_in).subject):
            return self._back(asked, {"error": "login_required"})
        code = self._store.codes.put(sign_in)
        if answer.outcome == "replayed_code":
            self._store.codes.take(code)
        self._outcome = answer.outcome
        if answer.outcome in NEW_KEYS:
            self._tokens.rotate(same_id=answer.outcome == "key_replaced")
        more = {"iss": STRANGER} if answer.outcome == "mix_up" else {}
        if client.check_session:
            more["session_state"] = self.sessions.begin(client.client_id, asked["redirect_uri"])
        return self._back(asked, {"code": code, **more})

    def _back(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> Response:
        """The redirect to the client."""
        more = {"state": asked["state"]} if "state" in asked else {}
        names = self.dialect.facts.value("response.iss")
        if (names is True or (names == "success" and "error" not in answer)) and "iss" not in answer:
            more["iss"] = self.dialect.issuer
        uri = asked["redirect_uri"]
        return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{urlencode({**answer, **more})}", 303, NO_STORE)

    async def _form(self, role: str, request: Request) -> Mapping[str, str]:
        form = await read_form(request)
        self.script.record(role, form, dict(request.headers))
        return form

    def _check_headers(self, request: Request) -> None:
        if any(not request.headers.get(name) for name in self.dialect.words("headers")):
            raise Refused("invalid_request", "a header is missing")

    def _authenticate(self, form: Mapping[str, str], request: Request, endpoint: str) -> SimulatedClient:
        """The client that authenticates, or the only one. Raises Refused."""
        client = self._clients.get(form.get("client_id", "")) or next(iter(self._clients.values()))
        now = self._system.now()
        jti = check_client(self.dialect, client, form, dict(request.headers), now, endpoint)
        if jti is not None and not self._store.use(f"assertion {jti}"):
            raise Refused("invalid_client", "the jti was used before")
        return client

    def _proof(self, form: Mapping[str, str], request: Request, role: str, method: str) -> str:
        """The thumbprint of the DPoP key, empty if the provider has no DPoP. Raises Refused."""
        if role not in self.dialect.words("dpop", "at"):
            return ""
        if role == "par" and "dpop" not in request.headers and "dpop_jkt" in form:
            return form["dpop_jkt"]
        return self._check_proof(request.headers.get("dpop"), role, method)

    def _check_proof(self, proof: str | None, role: str, method: str, token: str = "") -> str:
        url, now = self.dialect.endpoints[role], self._system.now()
        key, jti, nonce = check_proof(self.dialect, proof, method, url, now, token)
        if "nonce" in self.dialect.words("dpop", "claims") and not self._store.nonces.find(nonce):
            raise Refused("use_dpop_nonce", "a nonce of the provider is required")
        if not self._store.use(f"proof {jti}"):
            raise Refused("invalid_dpop_proof", "the jti was used before")
        return key

    def _redeem(self, form: Mapping[str, str], client: SimulatedClient, key: str) -> NationalSignIn:
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "grant_type is not authorization_code")
        sign_in = self._store.codes.take(form.get("code", ""))
        if sign_in is None or sign_in.client != client:
            raise Refused("invalid_grant", "the code is not known, used, or too old")
        if form.get("redirect_uri") != sign_in.asked["redirect_uri"]:
            raise Refused("invalid_grant", "redirect_uri is another one")
        challenge = sign_in.asked.get("code_challenge")
        if challenge is not None and not fits_challenge(form.get("code_verifier", ""), challenge):
            raise Refused("invalid_grant", "the verifier does not fit the challenge")
        if sign_in.key and sign_in.key != key:
            raise Refused("invalid_grant", "the code is bound to another key")
        return sign_in

    def _take_grant(self, form: Mapping[str, str], client: SimulatedClient) -> NationalSignIn:
        """The sign-in of a refresh token, which is used up: the answer has the next one. Raises Refused."""
        sign_in = self._store.grants.take(form.get("refresh_token", ""))
        if sign_in is None or sign_in.client != client or sign_in.answer.outcome == "refresh_revoked":
            raise Refused("invalid_grant", "the refresh token is not known, used, or revoked")
        return sign_in

    def _grant(self, sign_in: NationalSignIn, later: NationalSignIn, code: str) -> Response:
        """The tokens of a sign-in, with a refresh token that is about `later`, if one was asked for."""
        now = int(self._system.now())
        access_token = self._store.tokens.put(replace(sign_in, expires=now + LIFE))
        kind = "Bearer" if sign_in.answer.outcome == "downgraded" else self.dialect.text("token.type")
        tokens: dict[str, object] = {
            "access_token": access_token,
            "token_type": kind,
            "expires_in": LIFE,
            "id_token": self._tokens.id_token(sign_in, access_token, code, now),
        }
        if "offline_access" in sign_in.asked.get("scope", "").split():
            tokens["refresh_token"] = self._store.grants.put(replace(later, expires=now + REFRESH_LIFE))
        return JSONResponse(tokens, headers={**NO_STORE, **self._nonce("token")})

    def _error(self, refused: Refused) -> Response:
        """RFC 6749 5.2."""
        document: JsonObject = {"error": refused.error, "error_description": refused.description}
        status = 401 if refused.error == "invalid_client" else 400
        return JSONResponse(document, status, headers={**NO_STORE, **self._nonce("token")})

    def _nonce(self, _role: str) -> Mapping[str, str]:
        """A new nonce for DPoP proofs, if the provider demands one."""
        seconds = self.dialect.number("dpop", "nonce_seconds")
        return {} if seconds is None else {"DPoP-Nonce": self._store.new_nonce(seconds)}
