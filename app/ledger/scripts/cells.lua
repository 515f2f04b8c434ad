-- The cells of some hours or days of a view.
-- KEYS: the stem. ARGV: names, as in `day:20000:feature`.
-- Gives for each one MessagePack array: fields and sums in turn, as they lie there, behind an array's head of 32 bits.

local found = {}
for i, name in ipairs(ARGV) do
  local cells = redis.call('HGETALL', stem .. name)
  found[i] = '\221' .. struct.pack('>I4', #cells) .. table.concat(cells)
end
return found
