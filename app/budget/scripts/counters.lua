-- A counter is a hash {spent, held} of integers; a record is a hash that names the counters it holds in.

local KEEP_S = 86400 -- closed records and the counters of past windows are kept a day, for late settlements and audits

local function whole(number) return string.format('%.0f', number + 0) end -- plus 0: no '-0'

local function booked(key) -- spent, held, and whether nothing was ever held here
  local found = redis.call('HMGET', key, 'spent', 'held')
  return tonumber(found[1] or 0), tonumber(found[2] or 0), not found[2]
end

-- A counter that is gone belonged to a window long past: nothing reads it any more.
local function book(key, spent, held)
  if redis.call('EXISTS', key) == 0 then return end
  redis.call('HINCRBY', key, 'spent', whole(spent))
  redis.call('HINCRBY', key, 'held', whole(held))
end

local function read_record(key)
  local found = redis.call('HMGET', key, 'state', 'tokens', 'micro_usd', 'counters', 'id')
  if not found[1] then return nil end
  return {
    state = found[1],
    amounts = {tokens = found[2] or '0', micro_usd = found[3] or '0'},
    counters = cjson.decode(found[4] or '[]'),
    id = found[5],
  }
end

local function close_record(key, state)
  redis.call('HSET', key, 'state', state)
  redis.call('EXPIRE', key, KEEP_S)
end
