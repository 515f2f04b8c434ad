-- Take entries away, as many as the time allows and one at least.
-- KEYS: the stem. ARGV: day, 1 where all of the tenant's go; then ids.
-- Gives how many ids are done, and how many of those were there.

local done, gone = 0, 0
for i = 3, #ARGV do
  if done > 0 and not in_budget() then break end
  if remove(ARGV[i], ARGV[2] == '1') then gone = gone + 1 end
  done = done + 1
end
count(ARGV[1], 'invalidated', gone)
return {done, gone}
