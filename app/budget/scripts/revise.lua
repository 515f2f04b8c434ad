-- Keep or forget a stop in the list of all tenants, and say that something changed.
-- KEYS: every stop, revision. ARGV: scope; reason where it is stopped.

if ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) else redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('INCR', KEYS[2])
