-- All that is known of a session: {now, name of the session that began it or empty, {field, value, …}}.
-- ARGV: id. Gives an empty list where there is none.

local fields = redis.call('HGETALL', stem .. ARGV[1])
if #fields == 0 then return {} end
local above = ids_in(redis.call('HGET', stem .. ARGV[1], 'chain'))[1]
return {whole(now_us()), above and redis.call('HGET', stem .. above, 'name') or '', fields}
