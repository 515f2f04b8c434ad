-- A session is a hash: who began it (user, team, feature), its raw name, `chain`: the ids of the sessions above it, the
-- nearest first, with spaces between; depth, times in microseconds (started, last, ended: its last answer), `history`:
-- the digests of its last steps; `stop`; `short`: unit and need of the last step that a limit of it refused; totals;
-- `r:<request>`: the number of a step that is under way.
-- KEYS[1] is the stem of the tenant's sessions: ids complete it, so that all of them are in its slot.

local stem = KEYS[1]

local function ids_in(chain)
  local found = {}
  for id in string.gmatch(chain, '%S+') do found[#found + 1] = id end
  return found
end

local function read(id)
  local found = redis.call('HMGET', stem .. id, 'name', 'user', 'team', 'feature', 'started', 'chain', 'depth', 'stop')
  if not found[1] then return nil end
  return {
    name = found[1], user = found[2], team = found[3], feature = found[4], started = found[5], chain = found[6],
    depth = tonumber(found[7]), stop = found[8] or '',
  }
end

local function whole(number) return string.format('%.0f', number) end
