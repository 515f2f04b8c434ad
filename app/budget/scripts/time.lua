-- The server's clock, microseconds since 1970: replicas with skewed clocks agree on it. Exact in a double until 2255.
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
