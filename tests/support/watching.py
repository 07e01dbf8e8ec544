"""The intervals at which providers are watched unless broker.toml says otherwise."""

from typing import Final

from broker.model.provider_watch import ProviderWatch

WATCH: Final = ProviderWatch()
CHECK_EVERY: Final = WATCH.health_interval
CHECK_AGAIN: Final = WATCH.recheck_interval
WINDOW: Final = WATCH.breaker_window
OPEN_FOR: Final = WATCH.breaker_open
TEST_EVERY: Final = WATCH.self_test_interval
LATEST: Final = WATCH.waiting_room_refresh
