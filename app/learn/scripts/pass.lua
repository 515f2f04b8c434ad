-- Note requests that the router did not decide: only that they were, so that an outcome of one is understood.
-- KEYS: the stem. ARGV: now, seconds to keep, most ids; then the ids.

local now, keep_s, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local key, pairs_of = stem .. 'others', {}
for i = 4, #ARGV do
  pairs_of[#pairs_of + 1] = now
  pairs_of[#pairs_of + 1] = ARGV[i]
end
redis.call('ZADD', key, unpack(pairs_of))
redis.call('EXPIRE', key, keep_s)
redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
