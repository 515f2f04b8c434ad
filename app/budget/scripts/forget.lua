-- Forget a dead holder of which nothing is left, unless it gave a sign meanwhile.
-- KEYS: beats, its tenants. ARGV: holder, microseconds of silence.

local last = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if now_us() - last >= tonumber(ARGV[2]) then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[2])
end
