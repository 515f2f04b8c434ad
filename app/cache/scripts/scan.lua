-- The next part of the entries that fit.
-- KEYS: the stem. ARGV: `id`, `label` or `all`; which id or label; cursor; now; born before (or empty); then labels that
--       must all be on the card.
-- Gives the next cursor (0: the end), then ids.

local PART = 100

local how, which, cursor = ARGV[1], ARGV[2], ARGV[3]
local now, before = tonumber(ARGV[4]), tonumber(ARGV[5])

local function has(card, wanted)
  for _, label in ipairs(card.labels) do
    if label == wanted then return true end
  end
  return false
end

local function fits(id)
  local card = read_card(id)
  if not card or tonumber(redis.call('ZSCORE', ends, id) or 0) <= now then return false end
  if before and card.born > before then return false end
  for i = 6, #ARGV do
    if not has(card, ARGV[i]) then return false end
  end
  return true
end

local found = {'0'}
local function take(id)
  if fits(id) then found[#found + 1] = id end
end

if how == 'id' then
  take(which)
elseif how == 'label' then
  local part = redis.call('SSCAN', label_key(which), cursor, 'COUNT', PART)
  found[1] = part[1]
  for _, id in ipairs(part[2]) do take(id) end
else
  local part = redis.call('HSCAN', cards, cursor, 'COUNT', PART, 'NOVALUES')
  found[1] = part[1]
  for _, id in ipairs(part[2]) do take(id) end
end
return found
