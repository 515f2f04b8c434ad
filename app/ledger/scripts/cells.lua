-- The cells of some hours or days of a view.
-- KEYS: the stem. ARGV: bytes of a sum; then names, as in `day:20000:feature`.
-- Gives for each name two texts: the fields as one MessagePack array, and the sums one behind the other.

local width, found = tonumber(ARGV[1]), {}

-- One that was written before a measure was added is shorter, one by a later version longer.
local function cut(sums)
  for i, sum in ipairs(sums) do sums[i] = string.sub(sum .. string.rep('\0', width), 1, width) end
  return table.concat(sums)
end

for i = 2, #ARGV do
  local fields, sums = redis.call('HKEYS', stem .. ARGV[i]), redis.call('HVALS', stem .. ARGV[i])
  local text = table.concat(sums)
  found[#found + 1] = '\221' .. struct.pack('>I4', #fields) .. table.concat(fields)
  found[#found + 1] = #text == width * #sums and text or cut(sums)
end
return found
