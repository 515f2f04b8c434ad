-- Replace what a reservation holds by what was spent, once.
-- KEYS: record, the tenant's counters, what is used for good of what is held.
-- ARGV: packed {amounts of all units, whether more may be held than was heard of, and all of it be spent}; the plan as
--       it was granted: for marks, and where the record is lost.
-- Gives, packed, {number of a limit, spent before, spent now, …}: what marks on the way were not told of yet.

local amounts, doubtful = unpack(cmsgpack.unpack(ARGV[1]))
local record, closed = read_record(KEYS[1])
if closed then return cmsgpack.pack({}) end
for unit = 1, doubtful and record and #amounts or 0 do amounts[unit] = math.max(amounts[unit], record.amounts[unit]) end

local plan = record and record.plan or ARGV[2]
local limits, zones = unpack(cmsgpack.unpack(plan))
local numbers = {}
if plan ~= ARGV[2] then
  for i, limit in ipairs(cmsgpack.unpack(ARGV[2])[1]) do numbers[limit[1]] = i end
end

local seconds = now_s(now_us())
local held = record and record.state == HELD
local packed, counters, changed, fresh, answer = read_counters(KEYS[2], limits), {}, {}, {}, {}
for i, limit in ipairs(limits) do
  local field, unit, kind = unpack(limit, 1, 3)
  local spent = unit == CONCURRENT and 0 or amounts[unit] -- who is done is not there any more
  local counter = open_counter(packed[i], kind, seconds)
  local before = counter.spent
  if record then
    local parts, total = record.parts[i], record.amounts[unit]
    give_back(counter, parts, total - spent, held)
    if held then spend(counter, parts) end
    local last = find(counter.row, parts[#parts - 1])
    if spent > total and last then add(counter, last, spent - total, 0) end
    changed[i] = packed[i]
    if held then note_used(KEYS[3], field, record.used[i] or {}, {}) end
  else -- never granted, or forgotten by a Redis that is not durable. The closed record also bars a late grant.
    local id = present(counter, zones[limit[6]], seconds)
    local bucket, made = bucket_of(counter, id)
    add(counter, bucket, spent, 0)
    changed[i], fresh[i] = true, made and id
  end
  counters[i] = counter
  local number = plan == ARGV[2] and i or numbers[field]
  local told = number and tell(counter, before, seconds)
  if told then
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = number, told, counter.spent
  end
end

write_counters(KEYS[2], limits, counters, changed, fresh)
if record then redis.call('ZREM', record.open, KEYS[1]) end
settle_record(KEYS[1])
return cmsgpack.pack(answer)
