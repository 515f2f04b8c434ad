-- Keep an entry: sweep what has ended, make room, then write the entry, its vector and its card.
-- KEYS: the stem.
-- ARGV: id, value, seconds to live, now, weight of a hit, most entries, day, vectors (or empty), embedding, then labels.

local MOST = 32 -- entries that one store sweeps, and evicts, at most

local id, value, ttl, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local weight, most, day, vectors = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8]

-- A key of a foreign type would stop the script half-way.
local function own(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then redis.call('UNLINK', key) end
end

local function lives(key)
  if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, ttl) end
end

local function sweep()
  local swept = 0
  for _, ended in ipairs(redis.call('ZRANGE', ends, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST)) do
    if swept > 0 and not in_budget() then break end
    remove(ended)
    swept = swept + 1
  end
  return swept
end

local function evict()
  local evicted = 0
  while redis.call('HLEN', cards) >= most and evicted < MOST and (evicted == 0 or in_budget()) do
    local least = redis.call('ZRANGE', worth, 0, 0, 'WITHSCORES')
    if not least[1] then break end
    remove(least[1])
    redis.call('SET', age, least[2], 'KEEPTTL')
    evicted = evicted + 1
  end
  return evicted
end

local function add_vector()
  local key = vectors_key(vectors)
  local answer = redis.pcall('VADD', key, 'FP32', ARGV[9], id, 'Q8')
  if type(answer) == 'table' and answer.err then -- not a vector set, or of other dimensions: it heals
    redis.call('UNLINK', key)
    redis.call('VADD', key, 'FP32', ARGV[9], id, 'Q8')
  end
  lives(key)
end

local labels = {}
for i = 10, #ARGV do labels[#labels + 1] = ARGV[i] end
own(cards, 'hash')
own(worth, 'zset')
own(ends, 'zset')
own(features, 'zset')
own(bytes, 'string')
own(age, 'string')
for i = 2, #labels do own(label_key(labels[i]), 'set') end

count(day, 'expired', sweep())
local earlier = tonumber(redis.call('ZSCORE', worth, id) or 0)
remove(id)
count(day, 'evicted', evict())

redis.call('HSET', cards, id, cmsgpack.pack({vectors, now, #value, labels})) -- first: see `remove`
redis.call('ZADD', ends, now + ttl, id)
redis.call('ZADD', worth, math.max(earlier, tonumber(redis.call('GET', age) or 0) + weight), id)
for i = 2, #labels do
  redis.call('SADD', label_key(labels[i]), id)
  lives(label_key(labels[i]))
end
redis.call('ZINCRBY', features, 1, labels[1])
redis.call('INCRBY', bytes, #value)
for _, key in ipairs({cards, worth, ends, features, bytes}) do lives(key) end
if redis.call('EXISTS', age) == 1 then lives(age) end
if vectors ~= '' then add_vector() end
redis.call('SET', entry_key(id), value, 'EX', ttl)
count(day, 'stored', 1)
return 1
