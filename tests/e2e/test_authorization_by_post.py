"""Requests that a service posts, as a form on its own page does: they come without `SameSite=Lax` cookies."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest
from multidict import CIMultiDict

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import NORTHBANK, SOON, HttpSender, Jar, RawCitizen, Reply, eventually
from tests.e2e.relying_service import RIDES_SERVICE, rides

FROM_ELSEWHERE: Mapping[str, str] = {
    "Origin": "https://service.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
SCRIPT = Script(
    files={"services/rides.toml": RIDES_SERVICE},
    edits={
        "broker.toml": {"[picker]": "[limits]\nauthorization_requests_per_ip = { max = 40, window = 3600 }\n\n[picker]"}
    },
)


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The broker and its services."""
    async with staged(tmp_path_factory.mktemp("posted"), SCRIPT) as running:
        await eventually(SOON, running.providers_work)
        yield running


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a browser, in which a service begins a sign-in."""

    raw_citizen: RawCitizen

    def request(self, **more: str) -> dict[str, str]:
        """The parameters of a request (OpenID Connect Core 3.1.2.1)."""
        challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        asked = {
            "client_id": "rides",
            "response_type": "code",
            "redirect_uri": self.raw_citizen.service.redirect_uri,
            "scope": "openid profile",
            "state": self.raw_citizen.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "consent",
            "login_hint": "persona:amina",
            **more,
        }
        return {name: value for name, value in asked.items() if value}

    async def posts(self, fields: Mapping[str, str], headers: Mapping[str, str] = FROM_ELSEWHERE) -> Reply:
        """The form arrives: from another site the browser sends no cookie along."""
        reply = await self.raw_citizen.http_sender.send("POST", f"{self.raw_citizen.issuer}/authorize", fields, headers)
        self.raw_citizen.jar.learn(reply)
        return reply

    async def begins(self, fields: Mapping[str, str]) -> None:
        """From the form to the picker."""
        visited = (await self.raw_citizen.visit((await self.posts(fields)).expect(303).location)).expect(303)
        assert visited.location.startswith("/journey/")
        self.raw_citizen.page = visited.location

    async def finishes(self) -> str:
        """From the picker to the code."""
        await self.raw_citizen.return_(NORTHBANK)
        (await self.raw_citizen.share()).expect(303)
        return await self.raw_citizen.collect()


def tab(line: HttpSender, stage: Stage, jar: Jar) -> Tab:
    """A tab of the browser whose cookies these are."""
    return Tab(RawCitizen(line, rides(stage.folder, stage.issuer), jar))


async def test_two_tabs_one_begun_by_post_and_one_by_get_both_finish(stage: Stage, line: HttpSender) -> None:
    jar = Jar()
    first, second, third = (tab(line, stage, jar) for _ in range(3))
    (await first.raw_citizen.push()).expect(201)
    (await first.raw_citizen.authorize()).expect(303)
    await second.begins(second.request())
    await third.begins(third.request())
    assert len(jar.value("__Host-portico-browser").split(".")) == 1, "one browser, one secret"
    for each in (third, first, second):
        assert await each.finishes()


async def test_a_form_from_another_site_sets_no_cookie_whatever_becomes_of_it(stage: Stage, line: HttpSender) -> None:
    one = tab(line, stage, Jar())
    for fields in (one.request(), one.request(client_id="nobody"), one.request(scope="profile"), {}):
        assert "Set-Cookie" not in (await one.posts(fields)).headers


async def test_prompt_none_by_post_sees_the_session_as_by_get(stage: Stage, line: HttpSender) -> None:
    jar = Jar()
    one = tab(line, stage, jar)
    await one.begins(one.request())
    await one.finishes()
    for headers in (FROM_ELSEWHERE, {**FROM_ELSEWHERE, "Sec-Fetch-Site": "same-origin"}, {}):
        silent = tab(line, stage, jar)
        visit = (await silent.posts(silent.request(prompt="none", login_hint=""), headers)).expect(303).location
        answer = dict(parse_qsl(urlsplit((await silent.raw_citizen.visit(visit)).expect(303).location).query))
        assert "code" in answer
        assert answer["state"] == silent.raw_citizen.state
    signed_out = tab(line, stage, Jar())
    visit = (await signed_out.posts(signed_out.request(prompt="none"))).expect(303).location
    answer = dict(parse_qsl(urlsplit((await signed_out.raw_citizen.visit(visit)).expect(303).location).query))
    assert answer["error"] == "login_required"


async def test_what_was_posted_stays_out_of_the_address_and_a_pushed_request_keeps_its_name(
    stage: Stage, line: HttpSender
) -> None:
    one = tab(line, stage, Jar())
    visit = (await one.posts(one.request())).expect(303).location
    asked = dict(parse_qsl(urlsplit(visit).query))
    assert set(asked) == {"client_id", "request_uri"}
    assert urlsplit(visit).path == "/authorize"
    assert not urlsplit(visit).netloc
    (await one.raw_citizen.push()).expect(201)
    pushed = {"client_id": "rides", "request_uri": one.raw_citizen.request_uri}
    visit = (await one.posts({**pushed, "login_hint": "x"})).expect(303).location
    assert dict(parse_qsl(urlsplit(visit).query)) == pushed


async def test_a_faulty_request_by_post_is_answered_at_once(stage: Stage, line: HttpSender) -> None:
    one = tab(line, stage, Jar())
    back = (await one.posts(one.request(scope="profile"))).expect(303).location
    assert back.startswith(f"{one.raw_citizen.service.redirect_uri}?error=invalid_scope")
    for fields, status in ((one.request(redirect_uri="https://evil.example"), 400), (one.request(client_id="x"), 400)):
        assert "Location" not in (await one.posts(fields)).expect(status).headers
    large = one.request(state="x" * 4096, nonce="n" * 512, claims='{"id_token":{}}' + " " * 8000)
    assert len((await one.posts(large)).expect(303).location) < 200


async def test_a_posted_request_is_answered_once(stage: Stage, line: HttpSender) -> None:
    jar = Jar()
    one, other = tab(line, stage, jar), tab(line, stage, jar)
    visit = (await one.posts(one.request())).expect(303).location
    for each in (one, other):
        each.raw_citizen.page = (await each.raw_citizen.visit(visit)).expect(303).location
    other.raw_citizen.state = one.raw_citizen.state
    assert await one.finishes()
    await other.raw_citizen.return_(NORTHBANK)
    await other.raw_citizen.share()
    ended = (await other.raw_citizen.visit(other.raw_citizen.page)).expect()
    assert "url=" + other.raw_citizen.service.redirect_uri not in ended.headers.get("Refresh", "")


async def test_a_form_with_a_token_from_another_site_takes_no_cookie_away_at_logout(
    stage: Stage, line: HttpSender
) -> None:
    jar = Jar()
    one = tab(line, stage, jar)
    await one.begins(one.request())
    await one.finishes()
    for form in ({"token": "x"}, {"token": "x", "client_id": "rides"}, {"client_id": "rides"}, {}):
        reply = await line.send("POST", f"{stage.issuer}/logout", form, FROM_ELSEWHERE)
        assert reply.expect(303).location.startswith("/logout"), form
        assert "Set-Cookie" not in reply.headers
        assert "token" not in reply.location
    # nor does a visit that comes without any
    assert "Set-Cookie" not in (await line.send("GET", f"{stage.issuer}/logout")).expect().headers
    assert jar.value("__Host-portico-session")
    silent = tab(line, stage, jar)
    visit = (await silent.posts(silent.request(prompt="none", login_hint=""))).expect(303).location
    assert "code=" in (await silent.raw_citizen.visit(visit)).expect(303).location


async def test_posted_requests_count_by_address_before_anything_is_kept(stage: Stage, line: HttpSender) -> None:
    one = tab(line, stage, Jar())
    statuses = [(await one.posts(one.request())).status for _ in range(41)]
    assert statuses[-1] == 429
    assert set(statuses) == {303, 429}


@pytest.mark.parametrize(
    "foreign",
    [
        "; ".join(f"_analytics{number}={'x' * 60}" for number in range(70)),
        f"intranet={'x' * 4200}",
        "; ".join(f"portal{number}={'x' * 4000}" for number in range(15)),
        "=; ;;; a; b=; __Host-portico=x; portico-x=y; " * 100,
    ],
    ids=["many", "one of 4.2 KB", "sixty kilobytes", "odd ones"],
)
async def test_cookies_of_other_websites_on_the_same_domain_hide_none_of_ours(
    stage: Stage, line: HttpSender, foreign: str
) -> None:
    class Crowded(Jar):
        """A jar with others' cookies before and after ours, as paths and times of creation have it."""

        def line(self, path: str) -> Mapping[str, str]:
            own = super().line(path).get("Cookie", "")
            return {"Cookie": "; ".join(part for part in (foreign, own, "last=1") if part)}

    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer), Crowded())
    assert await raw_citizen.code()
    assert len(raw_citizen.jar.value("__Host-portico-browser").split(".")) == 2


async def test_cookies_in_several_header_lines_are_one_list(stage: Stage, line: HttpSender) -> None:
    """As some proxies forward them from HTTP/2 (RFC 9113 8.2.3)."""
    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer))
    await raw_citizen.begin()
    secret = f"__Host-portico-browser={raw_citizen.jar.value('__Host-portico-browser')}"
    for lines in ([("Cookie", "a=1"), ("Cookie", secret)], [("Cookie", secret), ("Cookie", "a=1")]):
        reply = await line.send("GET", stage.issuer + raw_citizen.page, headers=CIMultiDict(lines))
        assert b"How do you want to prove who you are?" in reply.expect().body
