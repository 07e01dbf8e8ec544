"""Lua scripts for Redis, each atomic. Every script on a request's path returns the mirrored version of the kill
switches."""

from typing import Final

from broker.stores.ephemeral.redis_client import script

CREATE: Final = script(
    """
    local record, browser, mirror, starts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local value, lifetime, name, expires, now, limit, most, lasts = unpack(ARGV)
    local version = redis.call('GET', mirror)
    local began = starts and tonumber(redis.call('GET', starts) or 0) or 0
    if starts and began >= tonumber(most) then
        return {0, version}
    end
    if redis.call('ZCOUNT', browser, '(' .. now, '+inf') >= tonumber(limit) then
        return {0, version}
    end
    -- the SET comes before all other writes: a full Redis refuses it, and would not once the script had written
    redis.call('SET', record, value, 'PX', lifetime)
    if starts then
        redis.call('SET', starts, began + 1, 'PX', lasts)
    end
    redis.call('ZREMRANGEBYSCORE', browser, '-inf', now)
    redis.call('ZADD', browser, expires, name)
    if redis.call('PTTL', browser) < tonumber(lifetime) then
        redis.call('PEXPIRE', browser, lifetime)
    end
    return {1, version}
    """
)
"""Creates a transaction, unless its browser has too many open ones or too many were started. Returns whether it did."""

PUT: Final = script(
    """
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return redis.call('GET', KEYS[2])
    """
)
"""Stores a record."""

SAVE: Final = script(
    """
    local record, mirror = KEYS[1], KEYS[2]
    local value, lifetime, name, expires, now, before, browsers, browser, open = unpack(ARGV)
    local version = redis.call('GET', mirror)
    local held = redis.call('GET', record)
    if not held then
        return {0, version}
    end
    held = cjson.decode(held)
    if held['version'] ~= tonumber(before) or held['until'] <= tonumber(now) then
        return {0, version}
    end
    redis.call('SET', record, value, 'PX', lifetime)
    if held['browser'] ~= browser or open == '0' then
        redis.call('ZREM', browsers .. held['browser'], name)
    end
    if open == '1' then
        redis.call('ZADD', browsers .. browser, expires, name)
        if redis.call('PTTL', browsers .. browser) < tonumber(lifetime) then
            redis.call('PEXPIRE', browsers .. browser, lifetime)
        end
    end
    return {1, version}
    """
)
"""Replaces a transaction if it still has the version it was read at. Returns whether it did."""

_EPOCH: Final = """
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
    local reign = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
    local epoch = drawn .. run .. (reign or '')
    """
"""The epoch of the used proofs: a random text, the run id of the server and its replication id: a primary that was a
replica meanwhile may have missed proofs used at another."""

FIRST_USE: Final = script(
    f"""
    local drawn = redis.call('GET', KEYS[2])
    if not drawn then
        return {{0, false}}
    end
    local seen = redis.call('GET', KEYS[1])
    local first = 1
    if seen and tonumber(seen) > tonumber(ARGV[3]) then
        first = 0
    else
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    end
    {_EPOCH}
    return {{first, epoch}}
    """
)
"""Whether this is the first use of a proof, which it stores, and in which epoch."""

EPOCH: Final = script(
    f"""
    local drawn = redis.call('GET', KEYS[1])
    if not drawn then
        return false
    end
    -- written again, so that a Redis that rejects writes has no epoch
    redis.call('SET', KEYS[1], drawn)
    {_EPOCH}
    return epoch
    """
)
"""The epoch of the used proofs, if Redis takes writes."""

COUNT: Final = script(
    """
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
    end
    return {count, redis.call('GET', KEYS[2])}
    """
)
"""Increments the counter of a window. Returns the count."""

FETCH: Final = script(
    """
    local kept, version = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
    if not kept then
        return {kept, version, 0}
    end
    local fetched = redis.call('INCR', KEYS[3])
    if fetched == 1 then
        redis.call('PEXPIRE', KEYS[3], math.max(1, redis.call('PTTL', KEYS[1])))
    end
    return {kept, version, fetched}
    """
)
"""Returns a record, and how many times it was fetched, including this time."""

GIVE_BACK: Final = script(
    """
    if redis.call('EXISTS', KEYS[1]) == 1 then
        redis.call('DECR', KEYS[1])
    end
    return 1
    """
)
"""Decrements the counter of a window that is still stored."""

MIRROR_VERSION: Final = script(
    """
    local held = redis.call('GET', KEYS[1])
    if not held or tonumber(held) < tonumber(ARGV[1]) or held == ARGV[2] then
        redis.call('SET', KEYS[1], ARGV[1])
    end
    return 1
    """
)
"""Mirrors a version over an earlier one, or over the wrong one to be replaced."""
