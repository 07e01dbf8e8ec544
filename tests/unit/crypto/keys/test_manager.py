"""Key manager: routine rotation, emergency rotation, and scheduled rotation."""

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from broker.crypto import jose, jwe, keys
from broker.crypto.keys import INDEX, KeyState, KeysUnusable, RotationPolicy
from broker.crypto.keys.index import LOCK, digest, load_index, render, replace_index
from tests.unit.crypto.keys.folders import DAY, DRAW, POLICY, START, changes, small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small(tmp_path / "keys", "ES256", "EdDSA")


def shown(folder: Path, alg: str = "ES256") -> list[str]:
    """The ids that the key set shows for an algorithm, in its order."""
    return [jwk["kid"] for jwk in json.loads(keys.load_all(folder).jwks())["keys"] if jwk["alg"] == alg]


def states(folder: Path, alg: str = "ES256") -> dict[str, KeyState]:
    return {kid: entry.state for kid, entry in keys.load_all(folder).listed.items() if entry.alg == alg}


def pems(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("es256-*.pem")}


def test_a_key_is_shown_for_a_day_then_signs_and_the_one_before_is_retired(folder: Path) -> None:
    old = keys.load_all(folder).signing("ES256").kid
    (made,) = changes(folder).rotate("ES256", START + 5)
    assert (made.kind, made.alg) == ("signing_key_shown", "ES256")
    assert shown(folder) == [old, made.kid]
    assert keys.load_all(folder).signing("ES256").kid == old
    steps = changes(folder).rotate("ES256", START + 5 + DAY)
    assert {(change.kind, change.kid) for change in steps} == {
        ("signing_key_used", made.kid),
        ("signing_key_retired", old),
    }
    assert shown(folder) == [made.kid, old]
    assert keys.load_all(folder).signing("ES256").kid == made.kid
    assert states(folder, "EdDSA") == {keys.load_all(folder).signing("EdDSA").kid: KeyState.CURRENT}


def test_a_key_does_not_sign_before_its_day_is_over_and_the_refusal_says_when(folder: Path) -> None:
    changes(folder).rotate("ES256", START)
    before = (folder / INDEX).read_bytes()
    with pytest.raises(KeysUnusable, match="not known to every service before 2027-01-16 08:00 UTC"):
        changes(folder).rotate("ES256", START + DAY - 1)
    assert (folder / INDEX).read_bytes() == before
    old = keys.load_all(folder).signing("ES256").kid
    changes(folder).rotate("ES256", START + 60, hurry=True)
    assert states(folder)[old] is KeyState.RETIRED


def test_rotate_now_without_a_next_key_is_refused(folder: Path) -> None:
    with pytest.raises(KeysUnusable, match="no next key for ES256"):
        changes(folder).rotate("ES256", START, hurry=True)
    with pytest.raises(KeysUnusable, match="no next key for ES256"):
        changes(folder).promote_and_purge("ES256", START)


def test_a_retired_key_goes_with_its_file_once_its_last_token_has_expired(folder: Path) -> None:
    (old_file,) = pems(folder)
    old = keys.load_all(folder).signing("ES256").kid
    changes(folder).rotate("ES256", START)
    changes(folder).rotate("ES256", START + DAY)
    assert changes(folder).retire(START + DAY + POLICY.last_use - 1) == []
    (gone,) = changes(folder).retire(START + DAY + POLICY.last_use)
    assert (gone.kind, gone.kid) == ("signing_key_removed", old)
    assert old not in shown(folder)
    assert old_file not in pems(folder)


def test_an_emergency_leaves_only_a_key_that_was_made_after_it_began(folder: Path) -> None:
    changes(folder).rotate("ES256", START)
    before = set(shown(folder))
    (made,) = [change for change in changes(folder).announce("ES256", START + 10) if change.kind == "signing_key_shown"]
    assert made.kid not in before
    assert made.kid in shown(folder)
    changes(folder).promote_and_purge("ES256", START + 20)
    assert shown(folder) == [made.kid]
    assert len(pems(folder)) == 1
    token = jose.sign({"sub": "x"}, keys.load_all(folder).signing("ES256"))
    assert jose.verify(token, keys.load_all(folder).public, ["ES256"]).header["kid"] == made.kid


def test_a_first_key_for_an_algorithm_is_shown_before_it_signs_too(folder: Path) -> None:
    changes(folder).rotate("PS256", START)
    assert keys.load_all(folder).algorithms == ("ES256", "EdDSA")
    assert len(shown(folder, "PS256")) == 1
    changes(folder).rotate("PS256", START + DAY)
    assert keys.load_all(folder).algorithms == ("ES256", "PS256", "EdDSA")


def test_an_unknown_algorithm_is_rejected(folder: Path) -> None:
    with pytest.raises(KeysUnusable, match="known here: ES256"):
        changes(folder).rotate("HS256", START)


def test_the_schedule_makes_swaps_and_removes_in_time(folder: Path) -> None:
    old, policy = keys.load_all(folder).signing("ES256").kid, RotationPolicy(last_use=660, every=90 * DAY)
    plan = changes(folder, policy)
    assert plan.apply_schedule(START + 89 * DAY - 1) == []
    assert {change.kind for change in plan.apply_schedule(START + 89 * DAY)} == {"signing_key_shown"}
    assert plan.apply_schedule(START + 90 * DAY - 1) == []
    steps = plan.apply_schedule(START + 90 * DAY)
    assert sorted({change.kind for change in steps}) == ["signing_key_retired", "signing_key_used"]
    assert plan.apply_schedule(START + 90 * DAY + 659) == []
    assert {change.kind for change in plan.apply_schedule(START + 90 * DAY + 660)} == {"signing_key_removed"}
    assert old not in shown(folder)
    assert changes(folder).due(START + 1000 * DAY) == []


def test_a_process_that_was_off_for_long_still_shows_a_key_for_a_day(folder: Path) -> None:
    plan = changes(folder, RotationPolicy(last_use=660, every=90 * DAY))
    assert {change.kind for change in plan.apply_schedule(START + 200 * DAY)} == {"signing_key_shown"}
    assert plan.apply_schedule(START + 201 * DAY - 1) == []
    assert plan.apply_schedule(START + 201 * DAY) != []


def test_a_key_that_decrypts_is_replaced_at_once_and_still_opens_what_was_encrypted_to_it(folder: Path) -> None:
    alg = "ECDH-ES+A256KW"
    assert keys.complete_all(folder, DRAW, START) == list(jwe.KEY_ALGORITHMS)
    assert keys.complete_all(folder, DRAW, START) == []
    (known,) = [each for each in jwe.parse_encryption_keys(published(folder)) if alg in each.algorithms]
    kept = jwe.encrypt(b"x", known, alg, "A256GCM")
    steps = changes(folder).rotate(alg, START + 9)
    assert sorted(change.kind for change in steps) == ["decryption_key_retired", "decryption_key_used"]
    assert known.kid not in shown(folder, alg)
    assert len(shown(folder, alg)) == 1
    assert jwe.decrypt(kept, keys.load_all(folder).decryption, [alg], ["A256GCM"]).payload == b"x"
    assert changes(folder).retire(START + 9 + DAY + 659) == []
    assert [change.kind for change in changes(folder).retire(START + 9 + DAY + 660)] == ["decryption_key_removed"]
    with pytest.raises(jose.UnknownKey):
        jwe.decrypt(kept, keys.load_all(folder).decryption, [alg], ["A256GCM"])


def published(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(keys.load_all(folder).jwks())
    return found


def test_a_folder_of_an_earlier_release_is_as_old_as_its_index(tmp_path: Path) -> None:
    folder = small(tmp_path / "keys", "ES256", since=None)
    changes(folder).rotate("ES256", START)
    index = folder / INDEX
    index.write_text(
        "".join(line for line in index.read_text().splitlines(keepends=True) if not line.startswith("since"))
    )
    os.utime(index, (START + 50, START + 50))
    with pytest.raises(KeysUnusable, match="not known to every service"):
        changes(folder).rotate("ES256", START + 49 + DAY)
    changes(folder).rotate("ES256", START + 50 + DAY)


def test_the_key_folder_is_changed_by_one_process_at_a_time(folder: Path) -> None:
    with (folder / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(KeysUnusable, match="another process is changing keys"):
            changes(folder).rotate("ES256", START)
    changes(folder).rotate("ES256", START)


def test_a_concurrent_edit_of_the_index_is_not_overwritten(folder: Path) -> None:
    index, _ = load_index(folder)
    assert index is not None
    seen = digest(folder)
    (folder / INDEX).write_text("# edited by hand\n" + (folder / INDEX).read_text())
    with pytest.raises(KeysUnusable, match="changed by another process"):
        replace_index(folder, index, seen)
    assert (folder / INDEX).read_text().startswith("# edited by hand")


def test_the_index_keeps_its_mode_and_nothing_is_left_lying_about(folder: Path) -> None:
    (folder / INDEX).chmod(0o640)
    changes(folder).rotate("ES256", START)
    assert stat.S_IMODE((folder / INDEX).stat().st_mode) == 0o640
    assert {path.suffix for path in folder.iterdir()} == {".toml", ".pem", ".key", ".lock"}
    assert not list(folder.glob(".*"))


def test_an_unsound_folder_is_not_changed(folder: Path) -> None:
    (old,) = pems(folder)
    (folder / old).write_text("spoiled")
    before = (folder / INDEX).read_bytes()
    for change in (changes(folder).rotate, changes(folder).announce, changes(folder).promote_and_purge):
        with pytest.raises(KeysUnusable, match="is not a usable key"):
            change("ES256", START)
    assert (folder / INDEX).read_bytes() == before
    assert pems(folder) == {old}


def test_what_is_written_is_read_back_the_same(folder: Path) -> None:
    changes(folder).rotate("ES256", START + 0.25)
    keys.complete_all(folder, DRAW, START)
    index, problems = load_index(folder)
    assert index is not None
    assert not problems
    assert render(index, folder) == (folder / INDEX).read_text()
