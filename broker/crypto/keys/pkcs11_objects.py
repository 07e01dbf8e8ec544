"""PKCS#11 objects of a signing key (PKCS#11 3.1). All functions block.

Without the optional package python-pkcs11, they raise Pkcs11Unavailable.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from broker.crypto.keys.pkcs11_errors import Pkcs11Unavailable
from broker.platform import base64url

try:
    import pkcs11
except ImportError:  # an optional extra, needed only for keys in tokens
    pkcs11 = None  # type: ignore[assignment]

_LOADED: Final[dict[str, Any]] = {}
_RSA_BITS: Final = 3072
_ED25519: Final = bytes.fromhex("06032b6570")
_P256: Final = bytes.fromhex("06082a8648ce3d030107")


def library(module: str) -> Any:
    """Loads and initialises a PKCS#11 library, once per process. Raises Pkcs11Unavailable."""
    if pkcs11 is None:
        raise Pkcs11Unavailable("the package python-pkcs11 is not installed", "install it beside the broker")
    try:
        loaded = _LOADED[module] = pkcs11.lib(module)
        return loaded
    except (pkcs11.PKCS11Error, OSError) as problem:
        raise Pkcs11Unavailable(
            f"{module} cannot be loaded: {describe_error(problem)}", "name the PKCS#11 library of the token"
        ) from None


def finalize_libraries() -> None:
    """Finalises every library that this process has loaded; `library` initialises it again."""
    for loaded in _LOADED.values():
        if loaded.initialized:
            loaded.finalize()


def describe_error(problem: Exception) -> str:
    """Error of the library in a few words, without PIN and key."""
    return type(problem).__name__ + (f": {problem}" if str(problem) else "")


def faults() -> tuple[type[Exception], ...]:
    """Exceptions of a token that fails."""
    return (OSError,) if pkcs11 is None else (pkcs11.PKCS11Error, OSError)


def session(module: Any, label: str, pin: str) -> Any:
    """Opens a session with a token and logs in. Raises Pkcs11Unavailable if token or PIN are wrong."""
    try:
        token = module.get_token(token_label=label)
        try:
            return token.open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:  # by another entry for the same token: the login holds for the process
            return token.open()
    except pkcs11.NoSuchToken:
        raise Pkcs11Unavailable(
            f'there is no token "{label}"', "is it plugged in, its service running, its label right?"
        ) from None
    except pkcs11.MultipleTokensReturned:
        raise Pkcs11Unavailable(f'several tokens are called "{label}"', "give each a different label") from None
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinExpired) as problem:
        fix = "put the right PIN into pin_file: it is not tried again before that file changed"
        raise Pkcs11Unavailable(f"the PIN is refused ({describe_error(problem)})", fix, pin=True) from None
    except pkcs11.PinLocked:
        raise Pkcs11Unavailable(
            "the PIN is locked", "unlock it as the security officer, then write pin_file again", pin=True
        ) from None
    except faults() as problem:
        raise Pkcs11Unavailable(
            f"the token does not answer ({describe_error(problem)})", "look at the token and its service"
        ) from None


def private_key(opened: Any, label: str | None, object_id: str | None) -> Any:
    """Private key with this label and id. Raises Pkcs11Unavailable."""
    return _object(opened, pkcs11.ObjectClass.PRIVATE_KEY, "private", label, object_id)


def public_jwk(opened: Any, label: str | None, object_id: str | None) -> Mapping[str, str]:
    """Public half of a key, from the public key object in the token. Raises Pkcs11Unavailable."""
    key = _object(opened, pkcs11.ObjectClass.PUBLIC_KEY, "public", label, object_id)
    match key.key_type:
        case pkcs11.KeyType.RSA:
            n, e = key[pkcs11.Attribute.MODULUS], key[pkcs11.Attribute.PUBLIC_EXPONENT]
            return {"kty": "RSA", "n": base64url.encode(n.lstrip(b"\0")), "e": base64url.encode(e.lstrip(b"\0"))}
        case pkcs11.KeyType.EC if key[pkcs11.Attribute.EC_PARAMS] == _P256:
            point = _point(key[pkcs11.Attribute.EC_POINT], 65)
            return {"kty": "EC", "crv": "P-256", "x": base64url.encode(point[1:33]), "y": base64url.encode(point[33:])}
        case pkcs11.KeyType.EC_EDWARDS:
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(_point(key[pkcs11.Attribute.EC_POINT], 32))}
    raise Pkcs11Unavailable("the key is of an unsupported kind", "use RSA, P-256 or Ed25519")


def signature(key: Any, alg: str, data: bytes) -> bytes:
    """Signature in JWS form (RFC 7518 3, RFC 8037 3.1)."""
    m = pkcs11.Mechanism
    match alg:
        case "ES256":
            # many tokens support the plain mechanism only, so the digest is computed here
            made = key.sign(hashlib.sha256(data).digest(), mechanism=m.ECDSA)
        case "RS256":
            made = key.sign(data, mechanism=m.SHA256_RSA_PKCS)
        case "PS256":
            made = key.sign(data, mechanism=m.SHA256_RSA_PKCS_PSS, mechanism_param=(m.SHA256, pkcs11.MGF.SHA256, 32))
        case _:
            made = key.sign(data, mechanism=m.EDDSA)
    return bytes(made)


def generate(opened: Any, alg: str, label: str, object_id: bytes) -> None:
    """Generates a key pair in the token whose private half cannot be exported. Raises the exceptions of `faults`."""
    kind, made = pkcs11.KeyType, pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY
    private = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
    writing = opened.token.open(rw=True)
    try:
        kept = {"store": True, "label": label, "id": object_id, "capabilities": made, "private_template": private}
        if alg in ("RS256", "PS256"):
            writing.generate_keypair(kind.RSA, _RSA_BITS, **kept)
            return
        edwards = alg == "EdDSA"
        curve = {pkcs11.Attribute.EC_PARAMS: _ED25519 if edwards else _P256}
        parameters = writing.create_domain_parameters(kind.EC_EDWARDS if edwards else kind.EC, curve, local=True)
        how = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else pkcs11.Mechanism.EC_KEY_PAIR_GEN
        parameters.generate_keypair(mechanism=how, **kept)
    finally:
        writing.close()


def _object(opened: Any, kind: Any, half: str, label: str | None, object_id: str | None) -> Any:
    try:
        return opened.get_key(
            object_class=kind, label=label, id=None if object_id is None else bytes.fromhex(object_id)
        )
    except pkcs11.NoSuchKey:
        raise Pkcs11Unavailable(
            f'it holds no {half} key "{label or object_id}"', "name the object by label or id as it is there"
        ) from None
    except pkcs11.MultipleObjectsReturned:
        raise Pkcs11Unavailable(
            f'it holds several {half} keys "{label or object_id}"', "name the object by its id as well"
        ) from None


def _point(value: bytes, size: int) -> bytes:
    """Curve point: from the DER OCTET STRING that the standard requires, or raw, as some tokens return it."""
    point = value[2:] if len(value) == size + 2 and value[:2] == bytes((4, size)) else value
    if len(point) != size:
        raise Pkcs11Unavailable("the public key has an unsupported format", "name a file with its public half")
    return point
