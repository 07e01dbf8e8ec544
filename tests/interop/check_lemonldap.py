"""The kind `openid` against LemonLDAP::NG as Debian packages it, unchanged; `make interop` runs it."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from broker.provider import CallbackParameters, ProviderFailureReason
from tests.interop.documented import PATIENT, counterpart, documented
from tests.interop.visitor import come_back
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need
from tests.unit.providers.contract import Counterpart, ProviderContract
from tests.unit.providers.stage import CALLBACK, SECRET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENT + 300)]

INSTALLED = Path("/var/lib/lemonldap-ng/conf/lmConf-1.json")
"""The configuration that the package installs: people and passwords of a demonstration."""
INI = """
[all]
logLevel = warn
[configuration]
type = File
dirName = {place}/conf
localStorage = Cache::FileCache
localStorageOptions = {{ 'namespace' => 'configuration', 'cache_root' => '{place}/cache', 'cache_depth' => 3 }}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
"""


def configuration(place: Path, issuer: str) -> dict[str, object]:
    """The installed configuration with a client, a key and files of its own."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    sessions = {
        name: {"Directory": f"{place}/{name}", "LockDirectory": f"{place}/{name}"} for name in ("short", "long")
    }
    client = {
        "ClientID": "portico",
        "ClientSecret": SECRET,
        "IDTokenSignAlg": "RS256",
        "RedirectUris": CALLBACK,
        "PostLogoutRedirectUris": "https://broker.example/out",
        "RequirePKCE": 1,
    }
    return json.loads(INSTALLED.read_text()) | {
        "portal": issuer,
        "domain": LOOPBACK,
        "locationRules": {LOOPBACK: {"default": "accept"}},
        "globalStorageOptions": sessions["short"],
        "persistentStorageOptions": sessions["long"],
        "localSessionStorageOptions": {"namespace": "sessions", "cache_root": f"{place}/cache", "cache_depth": 3},
        "requireToken": 0,
        # a password is level 1 without TLS and level 2 with it
        "oidcServiceMetaDataAuthnContext": {"loa-2": 1},
        # what sends mail needs further packages
        "registerDB": "Null",
        "portalDisplayResetPassword": 0,
        "issuerDBOpenIDConnectActivation": 1,
        "oidcServicePrivateKeySig": private.decode(),
        "oidcServicePublicKeySig": public.decode(),
        "oidcServiceKeyIdSig": "lemonldap-1",
        "oidcRPMetaDataExportedVars": {"portico": {"name": "cn", "email": "mail"}},
        "oidcRPMetaDataOptions": {"portico": {f"oidcRPMetaDataOptions{name}": client[name] for name in client}},
    }


@pytest.fixture(scope="module")
def lemonldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str]]:
    """The portal in one process, and its issuer."""
    port, place = free_port(), tmp_path_factory.mktemp("lemonldap")
    issuer = f"http://{LOOPBACK}:{port}/"
    for folder in ("conf", "cache", "short", "long"):
        (place / folder).mkdir()
    (place / "conf" / "lmConf-1.json").write_text(json.dumps(configuration(place, issuer)))
    (place / "lemonldap-ng.ini").write_text(INI.format(place=place))
    portal = need("/usr/share/lemonldap-ng/portal/htdocs/index.psgi")
    program = Program(
        [need("plackup"), "--host", LOOPBACK, "--port", str(port), portal],
        ready=lambda _: answers(port),
        env={"LLNG_DEFAULTCONFFILE": str(place / "lemonldap-ng.ini")},
    )
    yield program, issuer
    program.stop()


class TestLemonLdap(ProviderContract):
    """The file of docs/interop.md, a client secret, and the page that asks to share: who refuses there has declined."""

    @pytest.fixture
    async def counterpart(self, lemonldap: tuple[Program, str]) -> AsyncIterator[Counterpart]:
        program, issuer = lemonldap

        async def approve(url: str) -> CallbackParameters:
            return await come_back(url, {"user": "rtyler", "password": "rtyler"}, {"confirm": "1"})

        async def refuse(url: str) -> CallbackParameters:
            # another person: the portal remembers who agreed
            return await come_back(url, {"user": "msmith", "password": "msmith"}, {"confirm": "-1"})

        entry = documented("lemonldap.toml", issuer=issuer)
        differences = {
            "refuse": refuse,
            "keeps_state_on_refusal": True,
            "refusal": ProviderFailureReason.DECLINED,
        }
        async with counterpart(entry.card, entry.config, program, approve, **differences) as other:
            yield other
