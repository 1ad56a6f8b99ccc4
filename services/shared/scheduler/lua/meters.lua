-- Meters: what an account at a provider may take per minute, shared by all who call it.
--
--   meters                     zset  accounts -> last taken from
--   meter:{account}            hash  begun, limits, factor, factorAt, halvedAt, heldUntil; per unit: {unit}Next, {unit}Sum, {unit}Taken
--   meter:{account}:{unit}     list  'time:amount' of the last minute
--   meter:{account}:inFlight   zset  leases under way -> since      meter:{account}:latency   list  of the last ones, ms
--   meter:{account}:heavyInFlight   set  those outside of the light lane
-- They stand under the hash tag of the prefix, so that every schedule of an environment takes from the same ones.
--
-- Pacing (GCRA without burst): after n units nothing for n intervals, less what the taker came late. Calls of unlike size
-- could still pass the limit in some minute, so the last minute is also counted. A meter that is not there (first start, Redis lost) begins empty.

local UNITS = { 'requests', 'pages', 'tokens' }
local MINUTE_MS = 60000 / USED
local ENTRY_MS = 50 -- amounts of the same 50 ms are one entry: a list has at most 1,207
local LATE_MS = 100 -- timers, scheduling and a call to Redis make a taker late: so much is made up for
local FACTOR_MIN = 1 / 64 -- six halvings: a provider that still refuses is down, not full
local RECOVERY_PER_MS = 0.05 / 60000 -- of the limit
local ONE_NEWS_MS = 1000 -- refusals this close tell the same: calls that were under way together

local LATENCIES = 100 -- their 95th percentile is known well enough
local LATENCIES_MIN = 8 -- fewer say nothing
local LATENCY_MS = 10000 -- until then
local IN_FLIGHT_RESERVE = 2 -- one for the light lane, one for the latency being above its percentile

local TAG = string.match(KEYS[1], '^%b{}') or KEYS[1]
local function meter_key(account) return TAG .. ':meter:' .. account end

local function numbers(text)
  local list = {}
  for word in string.gmatch(text, '[^,]+') do list[#list + 1] = tonumber(word) end
  return list
end

-- The share of the limit that may be used now.
local function factor_of(account)
  local f = redis.call('HMGET', meter_key(account), 'factor', 'factorAt')
  if not f[1] then return 1 end
  return math.min(1, number(f[1]) + (clock_ms - number(f[2])) * RECOVERY_PER_MS)
end

local function interval_of(limit, factor) return 60000 / (limit * USED * factor) end

-- What was taken longer than a minute ago counts no more.
local function drop_old(key, unit)
  local list = key .. ':' .. unit
  while true do
    local at, amount = string.match(redis.call('LINDEX', list, 0) or '', '([^:]+):([^:]+)')
    if not at or number(at) > clock_ms - MINUTE_MS then return end
    redis.call('LPOP', list)
    redis.call('HINCRBYFLOAT', key, unit .. 'Sum', exact(-number(amount)))
  end
end

-- When the last minute has room for `amount`.
local function room_at(key, unit, limit, amount)
  drop_old(key, unit)
  local over = number(redis.call('HGET', key, unit .. 'Sum')) + math.min(amount, limit) - limit
  -- Amounts are whole numbers; what adding them up loses is none.
  local index, at = 0, 0
  while over > 1e-6 do
    local entry_at, entry = string.match(redis.call('LINDEX', key .. ':' .. unit, index) or '', '([^:]+):([^:]+)')
    if not entry_at then break end
    over = over - number(entry)
    at = math.max(at, number(entry_at) + MINUTE_MS)
    index = index + 1
  end
  return at
end

-- Makes a meter that is not there: nothing before the time that `amounts` take.
local function meter_begin(account, limits, amounts)
  local key = meter_key(account)
  redis.call('HSETNX', key, 'begun', exact(clock_ms))
  redis.call('HSET', key, 'limits', table.concat(limits, ','))
  redis.call('ZADD', TAG .. ':meters', exact(clock_ms), account)
  for i, unit in ipairs(UNITS) do
    if limits[i] > 0 and amounts[i] > 0 and redis.call('HEXISTS', key, unit .. 'Next') == 0 then
      redis.call('HSET', key, unit .. 'Next', exact(clock_ms + amounts[i] * interval_of(limits[i], factor_of(account))))
    end
  end
end

-- When the account may take these amounts; that is now when it is not later. Who takes in bursts is not paced, but while
-- the meter is younger than the minute that it counts, or its provider refused.
local function meter_at(account, limits, amounts, bursts)
  local key = meter_key(account)
  local paced = not bursts or factor_of(account) < 1 or clock_ms - number(redis.call('HGET', key, 'begun')) < MINUTE_MS
  local at = math.max(clock_ms, number(redis.call('HGET', key, 'heldUntil')))
  for i, unit in ipairs(UNITS) do
    if limits[i] > 0 and amounts[i] > 0 then
      local next_at = number(redis.call('HGET', key, unit .. 'Next'))
      at = math.max(at, paced and next_at or 0, room_at(key, unit, limits[i], amounts[i]))
    end
  end
  return at
end

local function meter_take(account, limits, amounts, at)
  local key, factor = meter_key(account), factor_of(account)
  for i, unit in ipairs(UNITS) do
    if amounts[i] > 0 then
      redis.call('HINCRBYFLOAT', key, unit .. 'Taken', exact(amounts[i]))
      if limits[i] > 0 then
        local from = math.max(number(redis.call('HGET', key, unit .. 'Next')), at - LATE_MS)
        redis.call('HSET', key, unit .. 'Next', exact(from + amounts[i] * interval_of(limits[i], factor)))
        redis.call('HINCRBYFLOAT', key, unit .. 'Sum', exact(amounts[i]))
        local list = key .. ':' .. unit
        local last_at, last = string.match(redis.call('LINDEX', list, -1) or '', '([^:]+):([^:]+)')
        if last_at and math.floor(at / ENTRY_MS) == math.floor(number(last_at) / ENTRY_MS) then
          redis.call('RPOP', list)
          redis.call('RPUSH', list, exact(at) .. ':' .. exact(number(last) + amounts[i]))
        else
          redis.call('RPUSH', list, exact(at) .. ':' .. exact(amounts[i]))
        end
      end
    end
  end
end

local function pages_room(account, limits)
  if limits[2] == 0 then return math.huge end
  return limits[2] - number(redis.call('HGET', meter_key(account), 'pagesSum'))
end

-- Requests that may be under way in the whole environment: what starts while one is, by its 95th percentile.
local function in_flight_max(account, limits, pages_max)
  local per_minute = math.min(limits[1] > 0 and limits[1] or math.huge, limits[2] > 0 and limits[2] / pages_max or math.huge)
  if per_minute == math.huge then return math.huge end
  local latencies = redis.call('LRANGE', meter_key(account) .. ':latency', 0, -1)
  local p95 = LATENCY_MS
  if #latencies >= LATENCIES_MIN then
    for i, text in ipairs(latencies) do latencies[i] = number(text) end
    table.sort(latencies)
    p95 = latencies[math.ceil(#latencies * 0.95)]
  end
  return math.ceil(per_minute / 60000 * p95) + IN_FLIGHT_RESERVE
end

local function flight_ends(account, lease, answered)
  local key = meter_key(account)
  local since = redis.call('ZSCORE', key .. ':inFlight', lease)
  if not since then return end
  redis.call('ZREM', key .. ':inFlight', lease)
  redis.call('SREM', key .. ':heavyInFlight', lease)
  if not answered then return end
  redis.call('RPUSH', key .. ':latency', exact(clock_ms - number(since)))
  redis.call('LTRIM', key .. ':latency', -LATENCIES, -1)
end

-- What a call used beyond what was taken for it, or below: known when it ended.
local function meter_settle(account, limits, amounts)
  local key, factor = meter_key(account), factor_of(account)
  for i, unit in ipairs(UNITS) do
    if amounts[i] ~= 0 then redis.call('HINCRBYFLOAT', key, unit .. 'Taken', exact(amounts[i])) end
    local next_at = redis.call('HGET', key, unit .. 'Next')
    if amounts[i] ~= 0 and limits[i] > 0 and next_at then
      redis.call('HSET', key, unit .. 'Next', exact(number(next_at) + amounts[i] * interval_of(limits[i], factor)))
      redis.call('HINCRBYFLOAT', key, unit .. 'Sum', exact(amounts[i]))
      redis.call('RPUSH', key .. ':' .. unit, exact(clock_ms) .. ':' .. exact(amounts[i]))
    end
  end
end

-- A refusal: half the rate from now on, and nothing before the provider wants to be asked again.
local function meter_throttled(account, retry_after_ms)
  local key = meter_key(account)
  local held = math.max(number(redis.call('HGET', key, 'heldUntil')), clock_ms + retry_after_ms)
  if clock_ms - number(redis.call('HGET', key, 'halvedAt')) >= ONE_NEWS_MS then
    local factor = math.max(FACTOR_MIN, factor_of(account) / 2)
    redis.call('HSET', key, 'factor', exact(factor), 'factorAt', exact(clock_ms), 'halvedAt', exact(clock_ms))
  end
  redis.call('HSET', key, 'heldUntil', exact(held))
end
