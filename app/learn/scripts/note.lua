-- Note routed requests that are over; one that is known already stays as it is.
-- KEYS: the stem. ARGV: now, seconds to keep, most records; then for each: id, record.

local now, keep_s, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('EXISTS', record_key(id)) == 0 then
    redis.call('HSET', record_key(id), 'r', ARGV[i + 1])
    place('waiting', id, now, keep_s)
  end
end
sweep('waiting', now, keep_s, most)
