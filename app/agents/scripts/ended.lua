-- A step is over: book what it was, once, on its session and on all above it.
-- ARGV: id, request, 1 where it came to nothing (trying again is no repetition of it), bytes of a digest, the tier that
--       answered or empty, steps, cached, input tokens, output tokens, micro-USD; the session among them whose limit had
--       no room for it, or empty, and what it needed (`short`): kept until a step that spends gets through.
-- Gives 1 when it booked, 0 when it had, or when nobody saw the step begin.

local key, request, length = stem .. ARGV[1], ARGV[2], tonumber(ARGV[4])
local number = redis.call('HGET', key, 'r:' .. request)
if not number then return 0 end
redis.call('HDEL', key, 'r:' .. request)

if ARGV[3] == '1' then
  local found = redis.call('HMGET', key, 'history', 'seen')
  local history = found[1] or ''
  local at = #history - (tonumber(found[2]) - tonumber(number) + 1) * 2 * length
  if at >= 0 then
    local unlike = string.sub(redis.sha1hex(request), 1, 2 * length)
    redis.call('HSET', key, 'history', string.sub(history, 1, at) .. unlike .. string.sub(history, at + 2 * length + 1))
  end
else
  redis.call('HSET', key, 'ended', whole(now_us()))
end

if ARGV[5] ~= '' then redis.call('HINCRBY', key, 't:' .. ARGV[5], 1) end
local totals = {'steps', 'cached', 'input_tokens', 'output_tokens', 'micro_usd'}
local ids = ids_in(redis.call('HGET', key, 'chain') or '')
table.insert(ids, 1, ARGV[1])
for _, id in ipairs(ids) do
  if redis.call('EXISTS', stem .. id) == 1 then
    for i, field in ipairs(totals) do redis.call('HINCRBY', stem .. id, field, ARGV[i + 5]) end
    if id == ARGV[11] then
      redis.call('HSET', stem .. id, 'short', ARGV[12])
    elseif ARGV[11] == '' and ARGV[6] ~= '0' then
      redis.call('HDEL', stem .. id, 'short')
    end
  end
end
return 1
