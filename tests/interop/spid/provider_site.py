"""SPID and CIE as the Italian reference implementation plays them (spid-cie-oidc), with one registered client.

Run by the Python of its own environment: it needs other versions of packages than the tests. The program is used as it
is installed; this file has what its documentation asks of a Django project. A client that is registered without
federation has no trust chain, so one that ends in 2100 is written for it, as if a trust anchor had vouched.

Environment: PORT; FOLDER for its database; PROFILE (spid or cie); CLIENT_ID; CLIENT_JWKS (JSON, public).
"""

import datetime
import json
import os
import sys
import types
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.management import call_command

ISSUER = f"http://127.0.0.1:{os.environ['PORT']}/oidc/op"
ANCHOR = "https://trust-anchor.example"
THEME = "{% block container %}{% endblock %}"
"""In place of a Django theme that the pages extend: the pages alone."""

# In place of djagger, which documents the endpoints and is published as source alone.
for module in ("djagger", "djagger.decorators", "djagger.utils"):
    sys.modules[module] = types.ModuleType(module)
sys.modules["djagger.decorators"].schema = lambda **_: lambda view: view
sys.modules["djagger.utils"].schema_set_examples = lambda *_: {}


settings.configure(
    SECRET_KEY="a key of the tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    APPEND_SLASH=False,
    ROOT_URLCONF="spid_cie_oidc.provider.urls",
    AUTH_USER_MODEL="spid_cie_oidc_accounts.User",
    INSTALLED_APPS=[
        "spid_cie_oidc.accounts",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "spid_cie_oidc.entity",
        "spid_cie_oidc.authority",
        "spid_cie_oidc.provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"bootstrap-italia-base.html": THEME}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(os.environ["FOLDER"]) / "db.sqlite3"}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    STATIC_URL="static/",
    LANGUAGE_CODE="it-it",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    OIDCFED_DEFAULT_TRUST_ANCHOR=ANCHOR,
    OIDCFED_TRUST_ANCHORS=[ANCHOR],
    OIDCFED_PROVIDER_PROFILE=os.environ["PROFILE"],
    OIDCFED_REQUIRED_TRUST_MARKS=[],
    LOGIN_URL="/",
)
django.setup()


def fill() -> None:
    """Writes the provider, its only client and a person into a new database."""
    from spid_cie_oidc.accounts.models import User
    from spid_cie_oidc.entity.jwks import create_jwk, public_jwk_from_private_jwk
    from spid_cie_oidc.entity.models import FederationEntityConfiguration, FetchedEntityStatement, TrustChain

    call_command("migrate", verbosity=0)
    if User.objects.exists():
        return
    key = create_jwk() | {"use": "sig"}
    provider = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorization",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "revocation_endpoint": f"{ISSUER}/revocation",
        "introspection_endpoint": f"{ISSUER}/introspection",
        "jwks_uri": f"{ISSUER}/openid_provider/jwks.json",
        "jwks": {"keys": [public_jwk_from_private_jwk(key) | {"use": "sig"}]},
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": ["openid", "offline_access"],
        "acr_values_supported": [f"https://www.spid.gov.it/SpidL{level}" for level in (1, 2, 3)],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_encryption_alg_values_supported": ["RSA-OAEP", "RSA-OAEP-256"],
        "userinfo_encryption_enc_values_supported": ["A128CBC-HS256", "A256CBC-HS512"],
        "request_object_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
    }
    FederationEntityConfiguration.objects.create(
        sub=ISSUER,
        entity_type="openid_provider",
        metadata={"openid_provider": provider},
        authority_hints=[ANCHOR],
        jwks_core=[key],
        is_active=True,
    )
    end = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    start = datetime.datetime.now(datetime.UTC)
    anchor = FetchedEntityStatement.objects.create(iss=ANCHOR, sub=ANCHOR, exp=end, iat=start, statement={}, jwt="")
    jwks = json.loads(os.environ["CLIENT_JWKS"])
    client = {"client_id": os.environ["CLIENT_ID"], "client_name": "Portico", "jwks": jwks}
    TrustChain.objects.create(
        sub=os.environ["CLIENT_ID"],
        trust_anchor=anchor,
        exp=end,
        jwks=jwks["keys"],
        metadata={"openid_relying_party": client},
        status="valid",
        is_active=True,
    )
    person = {
        "given_name": "Amina",
        "family_name": "Rossi",
        "birthdate": "1987-04-12",
        "email": "amina@mail.example",
        "https://attributes.eid.gov.it/fiscal_number": "TINIT-RSSMNA87D52H501X",
    }
    User.objects.create_user("amina", password="apriti sesamo", email=person["email"], attributes=person)


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Logs no request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    from django.core.wsgi import get_wsgi_application

    fill()
    make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), Server, Quiet).serve_forever()
