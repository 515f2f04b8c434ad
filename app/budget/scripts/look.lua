-- Who gives no sign any more? Only what somebody could have heard counts: while nobody looked, and while Redis was
-- away, no sign could come, so the wait begins anew after a gap.
-- KEYS: beats, looks. ARGV: microseconds without a beat that make a holder dead.
-- Gives {holder, microseconds since its last sign, whether it is dead} for each.

local GAP_US = 2500000

local now = now_us()
local last, since = unpack(redis.call('HMGET', KEYS[2], 'last', 'since'))
last, since = tonumber(last or 0), tonumber(since or 0)
if now < last or now - last > GAP_US then since = now end
redis.call('HSET', KEYS[2], 'last', whole(now), 'since', whole(since))

local answer, beats = {}, redis.call('HGETALL', KEYS[1])
for at = 1, #beats, 2 do
  local silent = now - math.max(tonumber(beats[at + 1]), since)
  local dead = beats[at] ~= '' and silent >= tonumber(ARGV[1]) -- who has no name gives no signs
  answer[#answer + 1] = {beats[at], silent, dead and 1 or 0}
end
return answer
