"""The key ring: which keys sign, which are announced, which are retired, what decrypts, and the secrets that seal.

Keys are PEM files in one folder, or live in a token that is reached through PKCS#11; `keys.toml` in the folder says
what each is for, and since when. `index` reads and writes that file, `ring` makes of it what the doors work with,
`rotation` knows the rules by which keys come and go, `changing` carries them out, `holder` is what a process asks for
the ring as it is now.
"""

from broker.crypto.keys.index import INDEX, KeyState, KeysUnusable
from broker.crypto.keys.live_ring import LiveKeyRing
from broker.crypto.keys.manager import KeyChange, KeyManager, complete_all, create_all
from broker.crypto.keys.pkcs11 import Pkcs11Tokens
from broker.crypto.keys.ring import ALGORITHMS, KeyRing, load_all
from broker.crypto.keys.rotation import RotationPolicy

__all__ = [
    "ALGORITHMS",
    "INDEX",
    "KeyChange",
    "KeyManager",
    "KeyRing",
    "KeyState",
    "KeysUnusable",
    "LiveKeyRing",
    "Pkcs11Tokens",
    "RotationPolicy",
    "complete_all",
    "create_all",
    "load_all",
]
