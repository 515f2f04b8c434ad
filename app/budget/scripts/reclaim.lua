-- Close reservations past their deadline: what they held becomes spent.
-- KEYS: deadlines. Its members are the keys of records, in the same slot.
-- ARGV: how many at most.
-- Gives {id, tokens, micro-USD} for each.

local closed = {}
local now = whole(math.floor(now_us() / 1000000))
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local record = read_record(key)
  if record and record.state == 'held' then
    for _, counter in ipairs(record.counters) do
      local held = tonumber(record.amounts[counter[1]])
      book(counter[2], held, -held)
    end
    close_record(key, 'reclaimed')
    closed[#closed + 1] = {record.id, record.amounts.tokens, record.amounts.micro_usd}
  end
  redis.call('ZREM', KEYS[1], key)
end
return closed
