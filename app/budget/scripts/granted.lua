-- What a reservation holds now.
-- KEYS: record.
-- Gives, packed, the amounts of all units; nothing where it was closed, or never was.

local record = read_record(KEYS[1])
return cmsgpack.pack(record and record.state == HELD and record.amounts or {})
