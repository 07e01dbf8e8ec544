"""Files of the example configuration, and a production configuration in one table."""

from typing import Any

BANK, EID, HARBOUR = (f"providers/{name}.toml" for name in ("northbank", "eid", "harbour"))
DEMO, FAPI, TRAVEL = (f"services/{name}.toml" for name in ("demo-service", "land-register", "travel-office"))


PRODUCTION: dict[str, Any] = {
    "issuer": "https://sign-in.agency.example",
    "console": "https://console.agency.example",
    "name": {"en": "Sign in"},
    "trust_framework": "agency",
    "database": {"url": "postgresql://portico@db.agency.example/portico"},
    "ephemeral": {"url": "rediss://cache.agency.example:6379/0"},
    "keys": {"folder": "keys"},
    "notifications": {"smtp": {"host": "mail.agency.example", "sender": "noreply@agency.example"}},
    "assisted": {"enabled": False},
    "services": [
        {
            "client_id": "tax",
            "names": {"en": "Tax"},
            "home": "https://tax.example/",
            "redirect_uris": ["https://tax.example/callback"],
            "contact": "Tax Office, 01632 960 700",
            "jwks": {
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    }
                ]
            },
        }
    ],
    "providers": [
        {
            "id": "bank",
            "kind": "openid",
            "names": {"en": "Bank"},
            "needs": {"en": "An account"},
            "minutes": 2,
            "max_level": "low",
            "openid": {
                "issuer": "https://id.bank.example",
                "client_id": "portico",
                "authentication": "client_secret_basic",
                "secret_file": "bank-secret",
                "levels": {"basic": "low"},
            },
        }
    ],
}
