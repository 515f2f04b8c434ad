-- The session is stopped for good; what stopped it first stays.
-- ARGV: id, why.

if redis.call('EXISTS', stem .. ARGV[1]) == 1 then -- else it would live for ever
  redis.call('HSETNX', stem .. ARGV[1], 'stop', ARGV[2])
end
return redis.status_reply('OK')
