-- Add to a record what became of its request. The same again changes nothing, another value replaces the earlier one.
-- KEYS: the stem. ARGV: id, field, value, now, seconds to keep, most records, most fields of a record.
-- Gives 1: new, 0: known before, -1: no such request, -2: its record is full, -3: the router did not decide it.

local id, field, value, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local keep_s, most, most_fields = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local key = record_key(id)
if redis.call('HEXISTS', key, 'r') == 0 then return redis.call('ZSCORE', stem .. 'others', id) and -3 or -1 end
local old = redis.call('HGET', key, field)
if old == value then return 0 end
if not old and redis.call('HLEN', key) >= most_fields then return -2 end
redis.call('HSET', key, field, value)
redis.call('ZREM', stem .. 'waiting', id)
place('labelled', id, now, keep_s)
sweep('labelled', now, keep_s, most)
return 1
