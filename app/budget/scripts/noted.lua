-- What a reservation of a replica that died holds, or held when it was reclaimed.
-- KEYS: record.
-- Gives, packed, the amounts of all units; nothing where it was settled, or never was.

local record = read_record(KEYS[1])
return cmsgpack.pack(record and record.amounts or {})
