-- What reservations of a replica that died hold, or held when they were reclaimed.
-- KEYS: records.
-- Gives, packed, the amounts of all units, summed; nothing where all were settled, or never were.

local sums = {}
for _, key in ipairs(KEYS) do
  local record = read_record(key)
  for unit, amount in ipairs(record and record.amounts or {}) do sums[unit] = (sums[unit] or 0) + amount end
end
return cmsgpack.pack(sums)
