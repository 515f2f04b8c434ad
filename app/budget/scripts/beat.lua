-- Give a holder's sign of life, and say what changed.
-- KEYS: beats, then revisions. ARGV: holder.
-- Gives the revisions.

local WRITTEN_US = 1000000 -- a write costs a sync of the disk: one a second is enough

local now, last = now_us(), tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if math.abs(now - last) >= WRITTEN_US then redis.call('HSET', KEYS[1], ARGV[1], whole(now)) end
return redis.call('MGET', unpack(KEYS, 2))
