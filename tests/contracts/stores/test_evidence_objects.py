"""The stores of evidence files keep the same contract: a folder, and an object store that speaks S3 over HTTP.

The object store is SeaweedFS, which verifies signatures and rights.
"""

import asyncio
import json
import secrets
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.actions.files.ports import ObjectStore
from broker.model.evidence_file import FileLost, S3Settings
from broker.model.store_results import StoreUnavailable
from broker.stores.evidence.folder import FolderObjects
from broker.stores.evidence.s3 import S3Objects
from tests.support.ports import free_port, free_ports

pytestmark = pytest.mark.store

KEY, OWNER, SECRET = "portico", "owner", "a secret of this test"


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SeaweedFS with a bucket, which its owner made, and the broker's identity with rights to that alone."""
    folder, first = tmp_path_factory.mktemp("seaweedfs"), free_ports(8)
    identities = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": actions}
        for key, actions in ((KEY, ["Read:portico", "Write:portico"]), (OWNER, ["Admin"]))
    ]
    (folder / "identities.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = [f"-{name}={first + n}" for n, name in enumerate((*names, "s3.port", "s3.port.grpc"))]
    command = [
        str(Path(sys.executable).with_name("weed")),
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *ports,
        "-volume.max=3",
        "-master.volumeSizeLimitMB=64",
        "-filer",
        "-s3",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder / 's3.sock'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.config={folder / 'identities.json'}",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env={"HOME": str(folder)}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{first + 6}"
    try:
        until = time.monotonic() + 60
        while not _answers(url):
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < until, (folder / "log").read_text()[-2000:]
            time.sleep(0.05)
        yield url
    finally:
        server.kill()
        server.wait()
        for port in range(first, first + 8):  # sockets of its own, which no option moves
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def _answers(url: str) -> bool:
    """Whether the object store takes an object of its owner, whose first one makes the bucket."""
    try:
        asyncio.run(in_bucket(url, key=OWNER).write("a" * 32, pieces(b"x")))
    except StoreUnavailable:
        return False
    return True


def in_bucket(url: str, bucket: str = "portico", secret: str = SECRET, key: str = KEY) -> S3Objects:
    return S3Objects(S3Settings(url, bucket, Path(), Path()), key, secret)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjects(tmp_path / "evidence")
    return in_bucket(request.getfixturevalue("s3_url"))


@pytest.fixture
def name() -> str:
    return secrets.token_urlsafe(24)


async def pieces(data: bytes, size: int = 65_552) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def read(store: ObjectStore, name: str, start: int = 0, length: int = 100_000_000) -> bytes:
    return b"".join([piece async for piece in store.read(name, start, length)])


@pytest.mark.parametrize("size", [1, 65_552, 12_000_000])
async def test_what_was_written_is_read_whole_and_in_part(store: ObjectStore, name: str, size: int) -> None:
    data = secrets.token_bytes(size)
    await store.write(name, pieces(data))
    assert await read(store, name, 0, size) == data
    assert await read(store, name) == data
    assert await read(store, name, size // 2, 70_000) == data[size // 2 : size // 2 + 70_000]
    assert await read(store, name, 0, 0) == b""


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore, name: str) -> None:
    await store.write(name, pieces(b"content"))
    await store.delete(name)
    await store.delete(name)
    with pytest.raises(FileLost):
        await read(store, name)


async def test_an_upload_that_breaks_off_raises_its_own_fault_and_can_be_deleted(store: ObjectStore, name: str) -> None:
    class Broken(Exception):
        pass

    async def breaks() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(7_000_000)):
            yield piece
        raise Broken

    with pytest.raises(Broken):
        await store.write(name, breaks())
    await store.delete(name)
    with pytest.raises(FileLost):
        await read(store, name)


async def test_the_folder_and_its_files_are_readable_by_the_broker_alone(tmp_path: Path, name: str) -> None:
    store = FolderObjects(tmp_path / "a" / "evidence")
    await store.write(name, pieces(b"content"))
    folder = tmp_path / "a" / "evidence"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("bad", ["../../etc/passwd0000", "/etc/passwd/000000", "", "short", "a" * 200])
async def test_the_folder_takes_no_other_names(tmp_path: Path, bad: str) -> None:
    store = FolderObjects(tmp_path)
    for call in (store.write(bad, pieces(b"x")), read(store, bad), store.delete(bad)):
        with pytest.raises(ValueError, match="not the name"):
            await call


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path, name: str) -> None:
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(StoreUnavailable):
        await FolderObjects(tmp_path / "evidence").write(name, pieces(b"x"))


async def test_an_object_store_without_the_bucket_or_without_a_server_is_unavailable(s3_url: str, name: str) -> None:
    for store in (in_bucket(s3_url, "missing-bucket"), in_bucket(f"http://127.0.0.1:{free_port()}")):
        with pytest.raises((StoreUnavailable, FileLost)):
            await store.write(name, pieces(b"x"))
        with pytest.raises((StoreUnavailable, FileLost)):
            await read(store, name)


async def test_an_object_store_refuses_a_wrong_key_and_a_bucket_without_rights(s3_url: str, name: str) -> None:
    await in_bucket(s3_url).write(name, pieces(b"content"))
    wrong, others = in_bucket(s3_url, secret="another secret"), in_bucket(s3_url, "others")
    calls = (wrong.write(name, pieces(b"x")), read(wrong, name), wrong.delete(name))
    for call in (*calls, others.write(name, pieces(b"x")), read(others, name)):
        with pytest.raises(StoreUnavailable):
            await call
    assert await read(in_bucket(s3_url), name) == b"content"
