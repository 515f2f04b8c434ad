-- What the app said became of some requests and sessions.
-- KEYS: the stem. ARGV: ids. Gives for each one what HGETALL says: types, and packed {1 for a success, millionths of its
-- value, cost in micro-USD, when it was}.

local found = {}
for i, id in ipairs(ARGV) do found[i] = redis.call('HGETALL', stem .. 'told:' .. id) end
return found
