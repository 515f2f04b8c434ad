-- Book records of one spool, all of them or none, and none twice.
-- KEYS: the stem. ARGV: packed {first number, last number, seconds that a record stays, most records, seconds that the
-- spool is remembered, how many records, how many cells}; the spool; for each record minute, request id, record; for
-- each cell name, bound, seconds to live, field, the field of the rest, amounts.
-- Gives the last number that is booked. Where that is not the last one, but not before the first, nothing was done now:
-- the caller sends those that are left, added up by themselves.

local SWEPT = 20 -- pages at most at once

local first, last, keep_s, most, known_s, records, cells = unpack(cmsgpack.unpack(ARGV[1]))
local spool = ARGV[2]
local booked = tonumber(redis.call('HGET', stem .. 'spools', spool) or 0)
if booked >= first then return math.min(booked, last) end

local pages, sizes = stem .. 'pages', stem .. 'sizes'
local now_s = math.floor(now_us() / 1000000)
local oldest = math.floor((now_s - keep_s) / 60)

local function place(minute, id, record)
  if tonumber(minute) < oldest then return end
  local key = stem .. 'page:' .. minute
  local new = redis.call('HSET', key, id, record)
  if redis.call('HINCRBY', sizes, minute, new) == new then
    redis.call('ZADD', pages, minute, minute)
    redis.call('EXPIRE', key, keep_s + 86400) -- where nothing comes that would sweep
  end
  redis.call('HINCRBY', sizes, 'all', new)
end

local function sweep()
  for _ = 1, SWEPT do
    local found = redis.call('ZRANGE', pages, 0, 1)
    local minute = found[1]
    local over = tonumber(redis.call('HGET', sizes, 'all') or 0) > most and found[2]
    if not minute or not (tonumber(minute) < oldest or over) then return end
    redis.call('HINCRBY', sizes, 'all', -tonumber(redis.call('HGET', sizes, minute) or 0))
    redis.call('HDEL', sizes, minute)
    redis.call('ZREM', pages, minute)
    redis.call('UNLINK', stem .. 'page:' .. minute)
  end
end

local at = 3
for _ = 1, records do
  place(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
for _ = 1, cells do
  add(ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  at = at + 6
end
sweep()
redis.call('EXPIRE', pages, keep_s + 172800)
redis.call('EXPIRE', sizes, keep_s + 172800)
redis.call('HSETEX', stem .. 'spools', 'EX', known_s, 'FIELDS', 1, spool, last)
return last
