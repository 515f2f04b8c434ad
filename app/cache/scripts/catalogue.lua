-- The catalogue of a tenant's cache: what else goes when an entry goes. All keys begin with the stem KEYS[1].
--   entry:<hex id>   string   the entry; it ends by itself
--   cards            hash     id → {vectors, born, bytes, labels}; an id is 12 bytes
--   worth, ends      sorted sets of ids: by usefulness, by the second at which the entry ends
--   label:<label>    set of ids. A card's first label is f:<feature>, which has no set; the others are t:<tag>
--   features         sorted set: feature label → number of entries
--   bytes            string   sum of the cards' bytes
--   age              string   the usefulness of what was evicted last
--   vectors:<hex>    vector set of a neighbourhood; its name is 12 bytes on the card, empty for none
--   counts:<day>     hash     what happened on a day
-- Whatever belongs to an entry is found by its card, so that nothing is left behind that nobody reaches.

local BUDGET_S = 0.002 -- of one script, for work that can go on in the next
local COUNTS_KEEP_S = 40 * 86400
local AT_ONCE = 5000 -- vectors that are freed at once: 2 ms (UNLINK frees a vector set in the foreground)

local stem = KEYS[1]
local cards, worth, ends = stem .. 'cards', stem .. 'worth', stem .. 'ends'
local features, bytes, age = stem .. 'features', stem .. 'bytes', stem .. 'age'
local began = os.clock() -- TIME stands still in a script

local function in_budget() return os.clock() - began < BUDGET_S end

local function hex(raw)
  return (string.gsub(raw, '.', function(byte) return string.format('%02x', string.byte(byte)) end))
end

local function entry_key(id) return stem .. 'entry:' .. hex(id) end
local function vectors_key(name) return stem .. 'vectors:' .. hex(name) end
local function label_key(label) return stem .. 'label:' .. label end

local function count(day, what, number)
  if number == 0 then return end
  local key = stem .. 'counts:' .. day
  redis.call('HINCRBY', key, what, number)
  redis.call('EXPIRE', key, COUNTS_KEEP_S)
end

local function read_card(id)
  local packed = redis.call('HGET', cards, id)
  if not packed then return nil end
  local card = cmsgpack.unpack(packed)
  return {vectors = card[1], born = card[2], bytes = card[3], labels = card[4]}
end

-- `whole`: the others go as well, so that the set may go as one.
local function remove_vector(key, id, whole)
  local size = redis.pcall('VCARD', key)
  if whole and type(size) == 'number' and size <= AT_ONCE then redis.call('UNLINK', key)
  else redis.pcall('VREM', key, id) end
end

-- Take an entry and all that belongs to it away. Gives whether it was there.
local function remove(id, whole)
  local card = read_card(id)
  redis.call('UNLINK', entry_key(id))
  redis.call('ZREM', worth, id)
  redis.call('ZREM', ends, id)
  if not card then return false end
  for i = 2, #card.labels do redis.call('SREM', label_key(card.labels[i]), id) end
  redis.call('ZINCRBY', features, -1, card.labels[1])
  redis.call('ZREMRANGEBYSCORE', features, '-inf', 0)
  redis.call('DECRBY', bytes, card.bytes)
  if card.vectors ~= '' then remove_vector(vectors_key(card.vectors), id, whole) end
  redis.call('HDEL', cards, id) -- last: as long as the card is there, the rest can be found again
  return true
end
