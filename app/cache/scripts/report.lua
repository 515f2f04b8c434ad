-- Note a report of a right or wrong hit, once; a wrong entry goes.
-- KEYS: the stem. ARGV: id, report's name, label (1 right, 0 wrong), seconds to remember it, day, most pairs kept; then
--       the fields of the pair (none where the asked text is unknown).
-- Gives 1, or 0 where the same was reported before.

local mark = stem .. 'report:' .. ARGV[2]
if redis.call('GET', mark) == ARGV[3] then return 0 end
redis.call('SET', mark, ARGV[3], 'EX', ARGV[4])
if #ARGV > 6 then redis.call('XADD', stem .. 'feedback', 'MAXLEN', ARGV[6], '*', unpack(ARGV, 7)) end
if ARGV[3] == '0' then remove(ARGV[1]) end
count(ARGV[5], ARGV[3] == '0' and 'reported_wrong' or 'reported_right', 1)
return 1
