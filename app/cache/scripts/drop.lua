-- Take away what a reader met and could not use, unless something else stands there by now.
-- KEYS: the stem. ARGV: vectors (or empty); then for each: id, and the SHA-1 of the bytes that were read (empty: none).
-- Gives how many went.

local dropped = 0
for i = 2, #ARGV, 2 do
  local id, seen = ARGV[i], ARGV[i + 1]
  local value = redis.pcall('GET', entry_key(id))
  local digest = type(value) == 'string' and redis.sha1hex(value) or ''
  if digest == seen then
    remove(id)
    if ARGV[1] ~= '' then redis.pcall('VREM', vectors_key(ARGV[1]), id) end -- it may have no card
    dropped = dropped + 1
  end
end
return dropped
