-- Calendar windows in UTC, from seconds since 1970 to the window's id and the second of its end (nil: it never ends).

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

local function window_at(seconds, kind)
  if kind == 'total' then return 'all', nil end
  local days = math.floor(seconds / 86400)
  local year, month, day = civil(days)
  local id = string.format('%04d%02d', year, month)
  if kind == 'month' then return id, (days - day + 1 + days_in(year, month)) * 86400 end
  id = id .. string.format('%02d', day)
  if kind == 'day' then return id, (days + 1) * 86400 end
  local hour = math.floor(seconds / 3600)
  id = id .. string.format('T%02d', hour % 24)
  if kind == 'hour' then return id, (hour + 1) * 3600 end
  local minute = math.floor(seconds / 60)
  return id .. string.format('%02d', minute % 60), (minute + 1) * 60
end
