-- Book what the app says became of a request or session, once; another word on it books the difference, where the first
-- was booked.
-- KEYS: the stem. ARGV: id, type, most types, seconds that it is remembered; 1 for a success, millionths of its value,
-- its cost in micro-USD, when it was (seconds since 1970); bytes of a sum, place of the first of the four measures;
-- field, field of the rest, bound; then names of spans, their seconds and their seconds to live.
-- Gives 1: new, or another word than before, 0: said before, -2: there are as many types as there may be.

local id, kind, most, known_s = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local success, value, cost, at = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local width, place, field, rest, bound = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11], ARGV[12], tonumber(ARGV[13])

local key = stem .. 'told:' .. id
local packed = redis.call('HGET', key, kind)
if not packed and redis.call('HLEN', key) >= most then return -2 end
local old = packed and cmsgpack.unpack(packed) or {0, 0, 0, at}
at = old[4]

local change = {packed and 0 or 1, success - old[1], value - old[2], cost - old[3]}
if packed and change[2] == 0 and change[3] == 0 and change[4] == 0 then return 0 end
local sums = string.rep('\0', 8 * (place - 1)) .. struct.pack('<i8i8i8i8', unpack(change))
sums = sums .. string.rep('\0', width - #sums)
for i = 14, #ARGV, 3 do
  local name = ARGV[i] .. ':' .. math.floor(at / tonumber(ARGV[i + 1])) .. ':outcome'
  add(name, bound, ARGV[i + 2], field, rest, sums)
end
redis.call('HSET', key, kind, cmsgpack.pack({success, value, cost, at}))
redis.call('EXPIRE', key, known_s)
return (not packed or change[2] ~= 0 or change[3] ~= 0) and 1 or 0
