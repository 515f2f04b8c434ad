-- The records of a tenant. All keys begin with the stem KEYS[1].
--   record:<id>   hash         r: the request; o:<type>: an outcome; c:shadow: a comparison with the best tier's answer
--   waiting       sorted set   ids of routed requests of which nothing was heard yet, by the second they were noted
--   others        sorted set   ids of requests that the router did not decide; they have no record
--   labelled      sorted set   ids of routed requests with an outcome or a comparison, by the second of the last one
-- An index is bounded: the oldest records go with their place in it. A record whose place ended ends by itself.

local SWEPT = 100 -- at most at once, more than one script adds

local stem = KEYS[1]

local function record_key(id) return stem .. 'record:' .. id end

local function place(index, id, now, keep_s)
  redis.call('ZADD', stem .. index, now, id)
  redis.call('EXPIRE', record_key(id), keep_s)
end

local function sweep(index, now, keep_s, most)
  local key = stem .. index
  redis.call('EXPIRE', key, keep_s)
  local ended = redis.call('ZRANGE', key, '-inf', now - keep_s, 'BYSCORE', 'LIMIT', 0, SWEPT)
  if #ended > 0 then redis.call('ZREM', key, unpack(ended)) end
  local over = redis.call('ZCARD', key) - most
  if over <= 0 then return end
  local oldest = redis.call('ZPOPMIN', key, math.min(over, SWEPT))
  for i = 1, #oldest, 2 do redis.call('UNLINK', record_key(oldest[i])) end
end
