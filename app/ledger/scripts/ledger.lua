-- The ledger of a tenant. All keys begin with the stem KEYS[1].
--   spools                  hash        last number that was booked, by spool; a field ends by itself
--   page:<minute>           hash        records by request id, of the requests that came in a minute since 1970
--   pages                   sorted set  minutes that have a page
--   sizes                   hash        records of each page, by minute; `all`: of all of them
--   hour:<number>:<view>    hash        sums of an hour since 1970, by the values of the view's dimensions
--   day:<number>:<view>     hash        the same of a day
--   told:<subject>          hash        what the app said became of a request or session, by type
-- Sums are whole numbers of 8 bytes, little end first, in the order of `MEASURES` (app/ledger/rollups.py): a reader takes
-- a hundred thousand of them in a millisecond.

local LARGEST = 9007199254740991 -- Lua counts in doubles: whole numbers are exact up to here

local stem = KEYS[1]

local function numbers(text)
  local found = {struct.unpack('<' .. string.rep('i8', #text / 8), text)}
  found[#found] = nil -- where it stopped reading
  return found
end

local function added(old, new) -- a sum may be shorter than another: it was written before a measure was added
  local a, b = numbers(old), numbers(new)
  for i = 1, math.max(#a, #b) do a[i] = math.max(-LARGEST, math.min(LARGEST, (a[i] or 0) + (b[i] or 0))) end
  return struct.pack('<' .. string.rep('i8', #a), unpack(a))
end

-- Add to a cell; where its hash has as many as it may, to the one that takes the rest.
local function add(name, bound, ttl_s, field, other, amounts)
  local key = stem .. name
  local old = redis.call('HGET', key, field)
  if not old then
    if redis.call('HLEN', key) >= bound then
      field = other
      old = redis.call('HGET', key, field)
    end
    redis.call('EXPIRE', key, ttl_s)
  end
  redis.call('HSET', key, field, old and added(old, amounts) or amounts)
end
