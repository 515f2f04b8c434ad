-- A counter is a field of its tenant's hash: a row of buckets {id, spent, held}, oldest first, behind two numbers that
-- remember what marks were told of: {bucket, the most that was spent}. Which buckets count is the matter of its kind:
--   0       one bucket 0 for ever (`total`, and `concurrent`)
--   < 0     calendar: a bucket's id is the second of its window's end; only the present window's counts
--   > 0     sliding: buckets of so many seconds; the present one and the 60 before it count, the oldest of them whole
--           though part of it is past, so that no true window ever holds more than they do
-- A bucket that no longer counts is dropped when its counter is next written. Time never runs backwards here: where
-- the clock was set back, the newest bucket stays the present one.

local SPAN = 60
local KEEP_S = 86400 -- a counter outlives its last window by a day: a clock that is set back finds it
local CONCURRENT = 6

local function whole(number) return string.format('%.0f', number) end

local function now_s(now) return math.floor(now / 1000000) end

local function oldest(row, kind, seconds)
  if kind == 0 then return 0 end
  if kind < 0 then return seconds + 1 end
  return math.max(math.floor(seconds / kind), row[#row - 2] or 0) - SPAN
end

local function open_counter(packed, kind, seconds)
  local row = packed and cmsgpack.unpack(packed) or {0, 0}
  local from = oldest(row, kind, seconds)
  local counter = {row = row, kind = kind, from = from, spent = 0, held = 0}
  local first = 3
  while row[first] and row[first] < from do first = first + 3 end
  if first > 3 then
    counter.row = {row[1], row[2]}
    for at = first, #row do counter.row[at - first + 3] = row[at] end
    row = counter.row
  end
  for at = 3, #row, 3 do
    counter.spent = counter.spent + row[at + 1]
    counter.held = counter.held + row[at + 2]
  end
  return counter
end

local function present(counter, zone, seconds) -- the id of the bucket of now; nil where only the zone could tell
  if counter.kind == 0 then return 0 end
  local last = counter.row[#counter.row - 2] or 0
  if counter.kind > 0 then return math.max(last, math.floor(seconds / counter.kind)) end
  if last > seconds then return last end
  return zone and window_end(seconds, counter.kind, zone)
end

local function find(row, id)
  for at = #row - 2, 3, -3 do
    if row[at] == id then return at end
  end
end

local function add(counter, at, spent, held)
  counter.row[at + 1] = counter.row[at + 1] + spent
  counter.row[at + 2] = counter.row[at + 2] + held
  counter.spent = counter.spent + spent
  counter.held = counter.held + held
end

local function bucket_of(counter, id) -- where the bucket of now is, and whether it was made for that
  local row = counter.row
  local at = find(row, id)
  if at then return at, false end
  at = #row + 1
  row[at], row[at + 1], row[at + 2] = id, 0, 0
  return at, true
end

local function ends_at(kind, id) -- the second from which a bucket counts no more
  if kind < 0 then return id end
  return (id + SPAN + 1) * kind
end

local function resets_us(counter, id, now) -- until all is free again; -1: that is no matter of time
  if counter.kind == 0 then return -1 end
  if counter.kind < 0 then return id * 1000000 - now end
  local row = counter.row
  for at = #row - 2, 3, -3 do
    if row[at + 1] + row[at + 2] > 0 then return ends_at(counter.kind, row[at]) * 1000000 - now end
  end
  return 0
end

local function fits_us(counter, id, now, excess) -- until `excess` less counts, or until as much as ever is free
  local row = counter.row
  for at = 3, counter.kind > 0 and #row or 0, 3 do
    excess = excess - row[at + 1] - row[at + 2]
    if excess <= 0 then return ends_at(counter.kind, row[at]) * 1000000 - now end
  end
  return resets_us(counter, id, now)
end

-- What marks were not told of: the most that was spent before in this window, where more is spent now. A window that
-- slides begins anew when nothing more was told for its length.
local function tell(counter, before, seconds)
  local row = counter.row
  local told = row[1] >= counter.from and row[2] or (counter.kind > 0 and before or 0)
  if counter.spent <= told then return nil end
  row[1], row[2] = present(counter, nil, seconds), counter.spent
  return told
end
