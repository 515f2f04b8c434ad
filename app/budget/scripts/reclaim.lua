-- Close reservations that nobody will settle: what they held becomes spent, and who was under way is not.
-- KEYS: a holder's open reservations, the tenant's counters, what is used for good of what is held. The members of the
--       first are the keys of records, in the same slot; its scores their deadlines.
-- ARGV: `all`, or `late` for those past their deadline; how many at most.
-- Gives {id, six amounts} for each.

local closed = {}
local seconds = now_s(now_us())
local until_ = ARGV[1] == 'all' and '+inf' or whole(seconds)
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', until_, 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
  local record = read_record(key)
  if record and record.state == HELD then
    local limits = cmsgpack.unpack(record.plan)[1]
    local packed, counters = read_counters(KEYS[2], limits), {}
    for i, limit in ipairs(limits) do
      local counter, parts = open_counter(packed[i], limit[3], seconds), record.parts[i]
      if limit[2] == CONCURRENT then give_back(counter, parts, record.amounts[CONCURRENT], true) end
      spend(counter, parts)
      note_used(KEYS[3], limit[1], record.used[i] or {}, {})
      counters[i] = counter
    end
    write_counters(KEYS[2], limits, counters, packed, {})
    record.state = RECLAIMED
    write_record(key, record)
    closed[#closed + 1] = {record.id, unpack(record.amounts)}
  end
  redis.call('ZREM', KEYS[1], key)
end
return closed
