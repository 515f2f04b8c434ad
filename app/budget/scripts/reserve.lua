-- Hold an amount in every counter, or in none.
-- KEYS: record, deadlines, then a counter's stem for each limit. The keys of the counters are the stems and a window's
--       id, which only the server's clock gives; they share the stems' slot.
-- ARGV: id, tokens, micro-USD, seconds until the deadline; then unit, amount, window for each limit.
-- Gives {1, tokens, micro-USD, unit, key, …} | {0, number of the limit, remaining, microseconds to its end or -1}
--       | {-1} where the reservation was closed before.

local function granted(record)
  local answer = {1, record.amounts.tokens, record.amounts.micro_usd}
  for _, counter in ipairs(record.counters) do
    answer[#answer + 1] = counter[1]
    answer[#answer + 1] = counter[2]
  end
  return answer
end

local earlier = read_record(KEYS[1])
if earlier then return earlier.state == 'held' and granted(earlier) or {-1} end

local now = now_us()
local deadline = math.floor(now / 1000000) + tonumber(ARGV[4])
local asked = {tokens = ARGV[2], micro_usd = ARGV[3]}
local counters, ends = {}, {}

for i = 1, #KEYS - 2 do
  local unit, amount, window = ARGV[3 * i + 2], tonumber(ARGV[3 * i + 3]), ARGV[3 * i + 4]
  local id, window_end = window_at(math.floor(now / 1000000), window)
  local key = KEYS[i + 2] .. ':' .. id
  local spent, held, new = booked(key)
  local remaining = amount - spent - held
  if tonumber(asked[unit]) > remaining then
    return {0, i, math.max(remaining, 0), window_end and window_end * 1000000 - now or -1}
  end
  counters[i], ends[i] = {unit, key}, new and window_end
end

for i, counter in ipairs(counters) do
  redis.call('HINCRBY', counter[2], 'held', asked[counter[1]])
  if ends[i] then redis.call('EXPIREAT', counter[2], whole(ends[i] + KEEP_S)) end
end

redis.call('HSET', KEYS[1], 'state', 'held', 'id', ARGV[1], 'tokens', ARGV[2], 'micro_usd', ARGV[3],
  'counters', cjson.encode(counters))
redis.call('ZADD', KEYS[2], whole(deadline), KEYS[1])
return granted({amounts = asked, counters = counters})
