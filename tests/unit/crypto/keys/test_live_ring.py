"""Live key ring: follows changes of the folder, and keeps the old ring if the folder is invalid."""

from pathlib import Path

import pytest

from broker.crypto import jose, keys
from broker.crypto.keys import INDEX, LiveKeyRing, Pkcs11Tokens
from broker.wiring.settings_reload import SettingsWatch
from tests.unit.crypto.keys.folders import DAY, START, changes, small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small(tmp_path / "keys", "ES256")


async def test_a_change_is_followed_at_the_next_look_and_a_request_under_way_keeps_its_ring(folder: Path) -> None:
    held = LiveKeyRing(folder, Pkcs11Tokens())
    before = held.ring()
    changes(folder).rotate("ES256", START)
    await held.poll()
    assert len(held.public().keys) == 2
    assert held.ring().jwks() != before.jwks()
    changes(folder).rotate("ES256", START + DAY)
    await held.poll()
    assert held.signing("ES256").kid != before.signing("ES256").kid
    token = jose.sign({"sub": "under way"}, before.signing("ES256"))
    assert jose.verify(token, held.public(), ["ES256"]).claims == {"sub": "under way"}


async def test_without_a_change_the_ring_stays_the_same_one(folder: Path) -> None:
    held = LiveKeyRing(folder, Pkcs11Tokens())
    ring = held.ring()
    (folder / INDEX).touch()
    await held.poll()
    assert held.ring() is ring


async def test_an_invalid_folder_keeps_the_old_ring_and_is_logged_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = LiveKeyRing(folder, Pkcs11Tokens())
    ring, text = held.ring(), (folder / INDEX).read_text()
    (folder / INDEX).write_text(text.replace('"current"', '"curent"'))
    for _ in range(3):
        await held.poll()
    assert held.ring() is ring
    (entry,) = [record for record in caplog.records if record.message == "keys_unusable"]
    problem = vars(entry)["problems"][0]
    assert str(folder / INDEX) in problem
    assert 'did you mean "current"?' in problem
    (folder / INDEX).write_text(text)
    await held.poll()
    assert held.ring() is not ring
    assert held.ring().jwks() == ring.jwks()


async def test_a_fix_in_another_file_than_the_index_is_noticed(folder: Path) -> None:
    held = LiveKeyRing(folder, Pkcs11Tokens())
    (made,) = changes(folder).rotate("ES256", START)
    file = keys.load_all(folder).listed[made.kid].file
    assert file is not None
    file.chmod(0o604)
    await held.poll()
    assert len(held.public().keys) == 1
    file.chmod(0o600)
    await held.poll()
    assert len(held.public().keys) == 2


async def test_a_folder_that_vanishes_changes_nothing(folder: Path) -> None:
    held = LiveKeyRing(folder, Pkcs11Tokens())
    folder.rename(folder.with_name("away"))
    await held.poll()
    assert held.signing("ES256")


async def test_one_reading_that_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def breaks() -> None:
        raise RuntimeError("broken")

    async def works() -> None:
        done.append("read")

    await SettingsWatch({"first": breaks, "second": works})()
    assert done == ["read"]
    assert [record.message for record in caplog.records if record.exc_info] == ["reload_step_failed"]
