-- Tell where to look for a holder's reservations, before there are any; it is a sign of life, too.
-- KEYS: beats, the holder's tenants. ARGV: holder, tenant.

redis.call('SADD', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], whole(now_us()))
