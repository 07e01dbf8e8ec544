"""The key ring: which keys sign, which are announced, which are retired, what decrypts, and the secrets that seal.

Keys are PEM files in one folder, or live in a token that is reached through PKCS#11; `keys.toml` in the folder says
what each is for, and since when. `index` reads and writes that file, `ring` makes of it what the doors work with,
`rotation` knows the rules by which keys come and go, `changing` carries them out, `holder` is what a process asks for
the ring as it is now.
"""

from broker.keys.changing import Change, Changes, complete_all, create_all
from broker.keys.holder import Keys
from broker.keys.index import INDEX, KeyState, KeysUnusable
from broker.keys.ring import ALGORITHMS, KeyRing, load_all
from broker.keys.rotation import Policy
from broker.keys.token import Tokens

__all__ = [
    "ALGORITHMS",
    "INDEX",
    "Change",
    "Changes",
    "KeyRing",
    "KeyState",
    "Keys",
    "KeysUnusable",
    "Policy",
    "Tokens",
    "complete_all",
    "create_all",
    "load_all",
]
