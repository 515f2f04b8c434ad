-- What is spent and held in the windows of now.
-- KEYS: the tenant's counters. ARGV: a plan.
-- Gives, packed, spent, held, and microseconds until all is free again (-1: that is no matter of time) for each limit.

local limits, zones = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_us()
local answer, packed = {}, read_counters(KEYS[1], limits)
for i, limit in ipairs(limits) do
  local counter = open_counter(packed[i], limit[3], now_s(now))
  local id = present(counter, zones[limit[6]], now_s(now))
  answer[3 * i - 2], answer[3 * i - 1], answer[3 * i] = counter.spent, counter.held, resets_us(counter, id, now)
end
return cmsgpack.pack(answer)
