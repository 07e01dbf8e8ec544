"""Key rotation: every client verifies every valid token through any sequence of changes (property-based)."""

import json
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.crypto import keys
from broker.crypto.keys import KeyState, KeysUnusable, RotationPolicy
from tests.support.examples import scaled
from tests.support.outcome import outcome
from tests.unit.crypto.keys.folders import DAY, START, changes, small

ALGORITHMS = ("ES256", "EdDSA")
LIFE = 300
CACHED = 300
BEHIND = 10
"""Seconds by which a worker may be behind the folder, in what it signs with and in what it shows."""

POLICY = RotationPolicy(last_use=LIFE + 360, every=30 * DAY)
STEPS = st.sampled_from([1.0, 5.0, 61.0, 299.0, 301.0, 660.0, 3600.0, DAY - 1.0, DAY + 0.0, 7.0 * DAY, 29.0 * DAY])


class Rotations(RuleBasedStateMachine):
    """A folder, the tokens signed from it, and the key sets that clients may hold."""

    def __init__(self) -> None:
        super().__init__()
        # every change is made durable, which memory does at once
        memory = Path("/dev/shm")
        self.room = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.folder = small(self.room / "keys", *ALGORITHMS)
        self.now = START
        self.history: list[tuple[float, frozenset[str], frozenset[str]]] = []
        """From when on: which keys were shown, which of them signed."""

    def teardown(self) -> None:
        shutil.rmtree(self.room)

    @initialize()
    def begin(self) -> None:
        self.note()

    def note(self) -> None:
        ring = keys.load_all(self.folder)
        kids = frozenset(jwk["kid"] for jwk in json.loads(ring.jwks())["keys"])
        self.history.append((self.now, kids, frozenset(key.kid for key in ring.current.values())))

    @rule(step=STEPS, alg=st.sampled_from(ALGORITHMS))
    def an_operator_rotates(self, step: float, alg: str) -> None:
        self.now += step
        made = outcome(lambda: changes(self.folder, POLICY).rotate(alg, self.now), KeysUnusable)
        assert not isinstance(made, KeysUnusable) or "not known to every service" in str(made)
        self.note()

    @rule(step=STEPS)
    def an_operator_retires(self, step: float) -> None:
        self.now += step
        changes(self.folder, POLICY).retire(self.now)
        self.note()

    @rule(step=STEPS)
    def the_schedule_comes_round(self, step: float) -> None:
        self.now += step
        changes(self.folder, POLICY).apply_schedule(self.now)
        assert changes(self.folder, POLICY).due(self.now) == []
        self.note()

    @invariant()
    def every_token_verifies_everywhere(self) -> None:
        for number, (begun, _, signers) in enumerate(self.history):
            following = self.history[number + 1][0] if number + 1 < len(self.history) else self.now
            # a worker that is behind continues with these keys; its last token then lives until it expires
            good_from, good_until = begun, following + BEHIND + LIFE
            if good_until + CACHED + BEHIND < self.now:
                continue
            for shown_from, shown, _ in self.spans():
                until = shown_from[1]
                if until >= max(START, good_from - CACHED - BEHIND) and shown_from[0] <= min(good_until, self.now):
                    assert signers <= shown, "a token is about whose key a client may not know"

    def spans(self) -> list[tuple[tuple[float, float], frozenset[str], None]]:
        ends = [later[0] for later in self.history[1:]] + [self.now]
        return [((begun, end), shown, None) for (begun, shown, _), end in zip(self.history, ends, strict=True)]

    @invariant()
    def one_key_of_an_algorithm_signs(self) -> None:
        listed = keys.load_all(self.folder).listed.values()
        for alg in ALGORITHMS:
            states = [entry.state for entry in listed if entry.alg == alg]
            assert states.count(KeyState.CURRENT) == 1
            assert states.count(KeyState.NEXT) <= 1


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=scaled(20),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # the first breach is short enough to read
)
