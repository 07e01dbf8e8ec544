"""The broker that is broken again and again. Starting one takes seconds, so the tests share it and leave it whole."""

from collections.abc import AsyncIterator

import pytest

from tests.resilience.cluster import Deployment, deployment
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


@pytest.fixture(scope="package")
async def shared_deployment(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> AsyncIterator[Deployment]:
    """Two workers on PostgreSQL and Redis, as the last test left them."""
    postgres_server.start()
    redis_server.renew()
    async with deployment(tmp_path_factory.mktemp("ground"), postgres_server, redis_server) as laid:
        yield laid
        laid.postgres_proxy.release()


@pytest.fixture
async def broker(shared_deployment: Deployment) -> Deployment:
    """Two workers on PostgreSQL and Redis, all of it well."""
    await shared_deployment.well()
    return shared_deployment
