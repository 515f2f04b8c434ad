-- A record is what one reservation holds: {state, id, turn, amounts, plan, parts, open, used}, packed; or the word `settled`.
-- amounts: of all units, in the order of `Unit`. plan: the limits that it is booked under, packed as they came.
-- parts: for each of those {bucket, amount, bucket, amount, …}, oldest first; what lies in buckets that no longer count
-- may be missing, but the last one never is, be its amount 0. turn: the number of the call that it is as granted by.
-- open: the sorted set of its holder's open reservations. used: of each limit, as `parts`, how much of what it holds there
-- it said is used for good; the sums of all that is held, by counter and bucket, are a hash of their own without zeros.
--
-- A plan is {limits, zones}. A limit is {field, unit, kind, lasts, amount, place of its zone}; what limits a reservation no
-- more is kept up all the same, without an amount. lasts: the seconds from its last change after which a counter without
-- a window is forgotten; 0: never.

local HELD, RECLAIMED, SETTLED = 1, 2, 'settled'
local AT_ONCE = 1000 -- counters of one command: Lua unpacks 8,000 words at most
local SETTLED_S = 600 -- late and repeated calls are known as such so long: a store's time-outs and a minute of retries
local RECLAIMED_S = 86400 -- for the settlement that comes after all

local function read_record(key)
  local packed = redis.call('GET', key)
  if not packed or packed == SETTLED then return nil, packed end
  local found = cmsgpack.unpack(packed)
  return {
    state = found[1], id = found[2], turn = found[3], amounts = found[4], plan = found[5], parts = found[6],
    open = found[7], used = found[8] or {},
  }
end

local function write_record(key, record)
  local packed = cmsgpack.pack({
    record.state, record.id, record.turn, record.amounts, record.plan, record.parts, record.open, record.used,
  })
  if record.state == HELD then redis.call('SET', key, packed) else redis.call('SET', key, packed, 'EX', RECLAIMED_S) end
end

local function settle_record(key) redis.call('SET', key, SETTLED, 'EX', SETTLED_S) end

-- Take `amount` back from the youngest buckets that still count. `held`: whether it is held or was booked as spent.
local function give_back(counter, parts, amount, held)
  for at = #parts - 1, 1, -2 do
    local bucket = find(counter.row, parts[at])
    if amount <= 0 or not bucket then return end
    local part = math.min(amount, parts[at + 1])
    add(counter, bucket, held and 0 or -part, held and -part or 0)
    parts[at + 1] = parts[at + 1] - part
    amount = amount - part
  end
end

local function live(counter, parts) -- how much of it lies in buckets that still count
  local sum = 0
  for at = 1, #parts, 2 do
    if find(counter.row, parts[at]) then sum = sum + parts[at + 1] end
  end
  return sum
end

local function used_of(counter, parts, left) -- `left` of what still counts is used: the oldest parts are first
  local found = {}
  for at = 1, #parts, 2 do
    local part = find(counter.row, parts[at]) and math.min(left, parts[at + 1]) or 0
    if part > 0 then found[#found + 1], found[#found + 2] = parts[at], part end
    left = left - part
  end
  return found
end

local function used_in(field, bucket) return field .. ' ' .. whole(bucket) end

local function note_used(key, field, before, after) -- whether anything changed
  local more, changed = {}, false
  for at = 1, #before, 2 do more[before[at]] = -before[at + 1] end
  for at = 1, #after, 2 do more[after[at]] = (more[after[at]] or 0) + after[at + 1] end
  for bucket, amount in pairs(more) do
    local name = used_in(field, bucket)
    if amount ~= 0 and redis.call('HINCRBY', key, name, whole(amount)) <= 0 then redis.call('HDEL', key, name) end
    changed = changed or amount ~= 0
  end
  return changed
end

local function all_used(key, field, counter) -- of what is held in the buckets that still count
  local names, sum = {}, 0
  for at = 3, #counter.row, 3 do names[#names + 1] = used_in(field, counter.row[at]) end
  for _, amount in ipairs(#names > 0 and redis.call('HMGET', key, unpack(names)) or {}) do
    sum = sum + (tonumber(amount or 0) or 0)
  end
  return sum
end

local function grow(counter, parts, id, amount) -- gives the parts that count, with the new one; whether its bucket is new
  local bucket, fresh = bucket_of(counter, id)
  add(counter, bucket, 0, amount)
  local kept = {}
  for at = 1, #parts, 2 do
    if find(counter.row, parts[at]) then kept[#kept + 1], kept[#kept + 2] = parts[at], parts[at + 1] end
  end
  if kept[#kept - 1] == id then
    kept[#kept] = kept[#kept] + amount
  else
    kept[#kept + 1], kept[#kept + 2] = id, amount
  end
  return kept, fresh
end

local function spend(counter, parts) -- held becomes spent
  for at = 1, #parts, 2 do
    local bucket = find(counter.row, parts[at])
    if bucket then add(counter, bucket, parts[at + 1], -parts[at + 1]) end
  end
end

local function read_counters(key, limits)
  local fields = {}
  for i, limit in ipairs(limits) do fields[i] = limit[1] end
  if #fields == 0 then return fields end
  if #fields <= AT_ONCE then return redis.call('HMGET', key, unpack(fields)) end
  local found = {}
  for from = 1, #fields, AT_ONCE do
    local some = redis.call('HMGET', key, unpack(fields, from, math.min(from + AT_ONCE - 1, #fields)))
    for i, packed in ipairs(some) do found[from + i - 1] = packed end
  end
  return found
end

-- Write the counters that `changed`, with one command for many but for those that are to last longer now: where a bucket is
-- `fresh`, and where each change counts.
local function write_counters(key, limits, counters, changed, fresh)
  local words = {}
  for i, limit in ipairs(limits) do
    local field, unit, kind, lasts = unpack(limit, 1, 4)
    if changed[i] and unit == CONCURRENT and counters[i].held == 0 then
      redis.call('HDEL', key, field)
    elseif changed[i] and kind ~= 0 and fresh[i] then
      local ends = whole(ends_at(kind, fresh[i]) + KEEP_S)
      redis.call('HSETEX', key, 'EXAT', ends, 'FIELDS', 1, field, cmsgpack.pack(counters[i].row))
    elseif changed[i] and lasts > 0 then
      redis.call('HSETEX', key, 'EX', lasts, 'FIELDS', 1, field, cmsgpack.pack(counters[i].row))
    elseif changed[i] then
      words[#words + 1], words[#words + 2] = field, cmsgpack.pack(counters[i].row)
    end
  end
  for from = 1, #words, 2 * AT_ONCE do
    local to = math.min(from + 2 * AT_ONCE - 1, #words)
    redis.call('HSETEX', key, 'KEEPTTL', 'FIELDS', (to - from + 1) / 2, unpack(words, from, to))
  end
end
