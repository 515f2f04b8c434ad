-- A step of a session begins; the session too, where this is its first.
-- ARGV: id and name of the session; user, team, feature; request; id and name of the session that began it, or empty;
--       depth that the client says; call's and outcome's digest; seconds until an idle session is forgotten; steps to
--       remember; sessions above one at most; microseconds after the last answer that make a wait, and an absence.
-- Gives {'ok', now, depth, history, then name, feature, started, stop of the session and of each above it}
--       | {'foreign', name}: of another user or team | {'moved', name}: it was begun by that one, or none
--       | {'deep', depth}. These three change nothing.

local id, name, user, team, feature, request = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local parent_id, parent_name, depth = ARGV[7], ARGV[8], tonumber(ARGV[9])
local call, outcome, idle_s, kept = ARGV[10], ARGV[11], ARGV[12], tonumber(ARGV[13])
local deepest, wait_us, away_us = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local now = now_us()

local function foreign(session) return session.user ~= user or session.team ~= team end

local function begin(key, called, chain, at)
  redis.call('HSET', key, 'name', called, 'user', user, 'team', team, 'feature', feature, 'started', whole(now),
    'last', whole(now), 'chain', chain, 'depth', whole(at))
  redis.call('EXPIRE', key, idle_s)
end

local own = read(id)
if own and foreign(own) then return {'foreign', name} end
if own and parent_id ~= '' then
  local above = ids_in(own.chain)[1]
  if above ~= parent_id then return {'moved', above and redis.call('HGET', stem .. above, 'name') or ''} end
end

if not own then
  local chain = ''
  if parent_id ~= '' then
    local parent = read(parent_id)
    if parent and foreign(parent) then return {'foreign', parent_name} end
    local above = ids_in(parent and parent.chain or '')
    if parent_id == id then return {'moved', ''} end
    for _, each in ipairs(above) do
      if each == id then return {'moved', ''} end
    end
    if #above + 1 > deepest then return {'deep', #above + 1} end
    -- An agent that only begins others is a session all the same: what they do counts on it.
    if not parent then begin(stem .. parent_id, parent_name, '', 0) end
    chain = table.concat({parent_id, unpack(above)}, ' ')
    depth = math.max(depth, (parent and parent.depth or 0) + 1)
  end
  begin(stem .. id, name, chain, depth)
  own = read(id)
elseif depth > own.depth then
  redis.call('HSET', stem .. id, 'depth', whole(depth))
end
depth = math.max(depth, own.depth)

local key = stem .. id
local before = redis.call('HMGET', key, 'history', 'ended')
local gap = before[2] and now - tonumber(before[2]) or 0
local unlike = string.sub(redis.sha1hex(request), 1, #call) -- a digest that no other step has
if gap >= wait_us then outcome = unlike end
if gap >= away_us then call = unlike end
local history = string.sub((before[1] or '') .. call .. outcome, -(#call + #outcome) * kept)
redis.call('HSET', key, 'history', history, 'last', whole(now),
  'r:' .. request, redis.call('HINCRBY', key, 'seen', 1))

local answer = {'ok', whole(now), whole(depth), history, own.name, own.feature, own.started, own.stop}
redis.call('EXPIRE', key, idle_s, 'GT')
for _, each in ipairs(ids_in(own.chain)) do
  local above = read(each)
  if above then
    redis.call('EXPIRE', stem .. each, idle_s, 'GT')
    for _, field in ipairs({'name', 'feature', 'started', 'stop'}) do answer[#answer + 1] = above[field] end
  end
end
return answer
