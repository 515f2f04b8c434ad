-- What is spent and held in the windows of now.
-- KEYS: a counter's stem for each limit. ARGV: window for each.
-- Gives {spent, held} for each.

local answer = {}
local seconds = math.floor(now_us() / 1000000)
for i, stem in ipairs(KEYS) do
  local id = window_at(seconds, ARGV[i])
  local spent, held = booked(stem .. ':' .. id)
  answer[i] = {spent, held}
end
return answer
