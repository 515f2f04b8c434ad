-- Replace what a reservation holds by what was spent, once.
-- KEYS: record, deadlines, then the counters as they were granted (used only where the record is lost).
-- ARGV: tokens, micro-USD; then the unit of each counter.
-- Gives 1 when it booked, 0 when the reservation had been settled before.

local MONTHS_S = 40 * 86400 -- a lost counter that is made anew has lost its end: keep it over any window

local record = read_record(KEYS[1])
if record and record.state == 'settled' then return 0 end

local spent = {tokens = tonumber(ARGV[1]), micro_usd = tonumber(ARGV[2])}
if record then
  for _, counter in ipairs(record.counters) do
    local unit, key = counter[1], counter[2]
    local held = tonumber(record.amounts[unit])
    if record.state == 'held' then
      book(key, spent[unit], -held)
    else -- reclaimed: what was held counts as spent already
      book(key, spent[unit] - held, 0)
    end
  end
else -- never granted, or forgotten by a Redis that is not durable. The settled record below also bars a late grant.
  for i = 1, #KEYS - 2 do
    redis.call('HINCRBY', KEYS[i + 2], 'spent', whole(spent[ARGV[i + 2]]))
    if string.sub(KEYS[i + 2], -4) ~= ':all' then redis.call('EXPIRE', KEYS[i + 2], MONTHS_S, 'NX') end
  end
end

redis.call('ZREM', KEYS[2], KEYS[1])
close_record(KEYS[1], 'settled')
return 1
