-- A session's tier never falls: the better one of what is stored and what is given stays, for a while from now.
-- KEYS: the session. ARGV: seconds to live; the given tier; then all tiers from the cheapest to the best.
-- Gives the tier that stays. What is no tier of today counts as none.

local function rank(name)
  for i = 3, #ARGV do
    if ARGV[i] == name then return i end
  end
  return 0
end

local stored = redis.pcall('GET', KEYS[1])
local stays = ARGV[2]
if type(stored) == 'string' and rank(stored) > rank(stays) then stays = stored end
redis.call('SET', KEYS[1], stays, 'EX', ARGV[1])
return stays
