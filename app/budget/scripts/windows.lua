-- Calendar windows by the wall clock of a time zone, in seconds since 1970. A window is named by the second of its end.
-- A zone is {offset, change, offset, change, …, offset}: its offsets from UTC, and when each gives way to the next.

local MINUTE, HOUR, DAY, MONTH = -1, -2, -3, -4

-- Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days, without its years before 0.
local function civil(days)
  local shifted = days + 719468
  local era = math.floor(shifted / 146097)
  local doe = shifted - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (month <= 2 and 1 or 0), month, doy - math.floor((153 * mp + 2) / 5) + 1
end

local function days_in(year, month)
  if month == 2 then
    local leap = (year % 4 == 0 and year % 100 ~= 0) or year % 400 == 0
    return leap and 29 or 28
  end
  return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

local function day_after(days, period) -- the first day, since 1970, of the next day or month
  if period == DAY then return days + 1 end
  local year, month, day = civil(days)
  return days - day + 1 + days_in(year, month)
end

-- When the zone's clock first shows midnight of this day or later: a midnight may be skipped, or come twice.
local function midnight(days, zone)
  local shown, at = days * 86400, 1
  while zone[at + 1] and zone[at + 1] + zone[at] <= shown do at = at + 2 end
  return math.max(shown - zone[at], zone[at - 1] or 0)
end

local function window_end(seconds, period, zone)
  local at = 1
  while zone[at + 1] and zone[at + 1] <= seconds do at = at + 2 end
  local shown = seconds + zone[at]
  if period >= HOUR then -- an hour in which the clock is changed has two parts
    local length = period == HOUR and 3600 or 60
    return math.min((math.floor(shown / length) + 1) * length - zone[at], zone[at + 1] or math.huge)
  end
  local days = day_after(math.floor(shown / 86400), period)
  local ends = midnight(days, zone)
  if ends > seconds then return ends end
  return midnight(day_after(days, period), zone) -- set back behind a midnight that was: it does not come again
end
