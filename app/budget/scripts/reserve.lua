-- Hold an amount in every counter, or in none; or change what is held so.
-- KEYS: record, the holder's open reservations, the tenant's stops, the tenant's counters, what is used for good of what
--       is held.
-- ARGV: id; packed {whether an earlier grant is changed, turn, seconds until the deadline, amounts of all units, the
--       caller's scopes, what of the earlier grant is used for good}; the plan.
-- Gives, packed, {1, six amounts, then what is left and microseconds to its reset for each limit}
--       | {0, number of the limit, what is left, what was wanted of it, microseconds to its reset, what others hold
--          and may give back}
--       | {2, scope, reason} where a scope is stopped | {-1} where the reservation was closed before.

local changes, turn, deadline_s, asked, scopes, used = unpack(cmsgpack.unpack(ARGV[2]))
local record, closed = read_record(KEYS[1])
if closed or (record and record.state ~= HELD) then return cmsgpack.pack({-1}) end

local again = record and not changes -- the same id is the same grant
if record and (again or turn < record.turn) then asked, used = record.amounts, nil end -- late calls change nothing

if not again and redis.call('EXISTS', KEYS[3]) == 1 then
  for scope in string.gmatch(scopes, '%S+') do
    local reason = redis.call('HGET', KEYS[3], scope)
    if reason then return cmsgpack.pack({2, scope, reason}) end
  end
end

local plan = ARGV[3]
local limits, zones = unpack(cmsgpack.unpack(plan))
local wanted, parts, noted = #limits, {}, {}
if record and record.plan == plan then
  parts, noted = record.parts, record.used
elseif record then
  local places = {}
  for i, limit in ipairs(limits) do places[limit[1]] = i end
  for n, limit in ipairs(cmsgpack.unpack(record.plan)[1]) do
    local i = places[limit[1]] or #limits + 1
    limits[i] = limits[i] or {unpack(limit, 1, 4)}
    parts[i], noted[i] = record.parts[n], record.used[n] or {}
  end
  if #limits > wanted then plan = cmsgpack.pack({limits, zones}) end
end

local now = now_us()
local seconds = now_s(now)
local packed = read_counters(KEYS[4], limits)
local counters, ids, growth = {}, {}, {}
for i, limit in ipairs(limits) do counters[i] = open_counter(packed[i], limit[3], seconds) end

local function note(amounts) -- whether anything new is known of what is used
  local new = false
  for i, limit in ipairs((used or next(noted)) and limits or {}) do
    local unit, counter, before, held = limit[2], counters[i], noted[i] or {}, parts[i] or {}
    local left = live(counter, before) -- where nothing new is said, as much as before, of what is held still
    if used then left = math.max(used[unit] - (amounts[unit] - live(counter, held)), 0) end
    noted[i] = used_of(counter, held, left)
    new = note_used(KEYS[5], limit[1], before, noted[i]) or new
  end
  return new
end

for i, limit in ipairs(limits) do
  local unit, amount, counter = limit[2], limit[5], counters[i]
  local id = present(counter, zones[limit[6]], seconds)
  local more = asked[unit] - (parts[i] and record.amounts[unit] or 0)
  ids[i], growth[i] = id, more
  local counted = more -- of what is given back, only what still counts makes room
  if more < 0 then counted = -math.min(-more, live(counter, parts[i])) end
  local room = amount and amount - counter.spent - counter.held or math.huge
  if counted > room and not again then
    if record and record.plan == plan and note(record.amounts) then
      record.used = noted
      write_record(KEYS[1], record)
    end
    local fits = fits_us(counter, id, now, counted - room)
    local others = counter.held - (parts[i] and live(counter, parts[i]) or 0)
    local kept = all_used(KEYS[5], limit[1], counter) - live(counter, noted[i] or {})
    return cmsgpack.pack({0, i, math.max(room, 0), math.max(more, 0), fits, math.max(others - kept, 0)})
  end
end

local changed, fresh = {}, {}
for i, counter in ipairs(counters) do
  local id, more = ids[i], growth[i]
  changed[i] = more ~= 0 or not parts[i] -- a new part is written even if it is 0: more may be spent than is held
  if more < 0 then
    give_back(counter, parts[i], -more, true)
  elseif id and changed[i] then
    local made
    parts[i], made = grow(counter, parts[i] or {}, id, more)
    fresh[i] = made and id
  end
end

if not again then
  note(asked)
  write_counters(KEYS[4], limits, counters, changed, fresh)
  if not record then redis.call('ZADD', KEYS[2], whole(seconds + deadline_s), KEYS[1]) end
  write_record(KEYS[1], {
    state = HELD, id = ARGV[1], turn = math.max(turn, record and record.turn or 0), amounts = asked,
    plan = plan, parts = parts, open = record and record.open or KEYS[2], used = noted,
  })
end

local answer = {1, unpack(asked)}
for i = 1, wanted do
  answer[2 * i + 6] = math.max(limits[i][5] - counters[i].spent - counters[i].held, 0)
  answer[2 * i + 7] = resets_us(counters[i], ids[i], now)
end
return cmsgpack.pack(answer)
