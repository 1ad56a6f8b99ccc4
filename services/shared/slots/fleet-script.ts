/**
 * Slots that replicas share, as one Redis script; time is Redis's own. Keys, all under one prefix:
 *
 * - `leases`: id -> start, end of the lease, tenant. Who does not renew a lease loses it.
 * - `durations`: of the last uses. `promised`: ids that were told to come back, by when.
 * - `replicas`: name -> until when it counts. `seen`: last call. `recover`: until when holders are waited for.
 *
 * When nothing is there (Redis was lost), when nobody called for half a lease (the clock jumped, if anybody lives), or when
 * somebody comes back from an outage, what is leased is unknown: for a while holders tell what they hold, and a slot is given only to who may take it anyway, by
 * fallback.ts.
 */
import { durationsMax, hintMsMin, horizonMsMin, jitter, waitMsMost } from './hint.ts';

/** A replica that died gives its slots back after this time; four renewals may fail. */
export const leaseMs = 10_000;
/** Between two renewals. Also how old a replica's knowledge of the others may be. */
export const syncMs = 1000;
/** Redis does nothing else while it looks through them. */
const toldMax = 1024;
/** Every holder has renewed by then, and one renewal may fail. */
const recoverMs = 3 * syncMs;

export const fleetScript = `
local prefix, op = KEYS[1], ARGV[1]
local replica, max = ARGV[2], tonumber(ARGV[3])
local leases, durations, promised = prefix .. ':leases', prefix .. ':durations', prefix .. ':promised'
local replicas, seen, recover = prefix .. ':replicas', prefix .. ':seen', prefix .. ':recover'

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('GET', seen) or -1)
if last < 0 or now < last or now - last > ${leaseMs / 2} then
  redis.call('DEL', leases, promised, replicas)
  redis.call('SET', recover, now + ${recoverMs})
end
redis.call('SET', seen, now)
local recovering = now < tonumber(redis.call('GET', recover) or 0)

local function lease(id, started, tenant)
  redis.call('HSET', leases, id, string.format('%.0f %.0f %s', started, now + ${leaseMs}, tenant))
end

-- Of all that live: their starts, and how many each tenant has.
local taken, tenants, of, started = 0, 0, {}, {}
local all = redis.call('HGETALL', leases)
for index = 1, #all, 2 do
  local start, ends, tenant = string.match(all[index + 1], '^(%d+) (%d+) (.*)$')
  if tonumber(ends) <= now then
    redis.call('HDEL', leases, all[index])
  else
    taken = taken + 1
    started[taken] = tonumber(start)
    if tenant ~= '' then
      if not of[tenant] then tenants = tenants + 1 end
      of[tenant] = (of[tenant] or 0) + 1
    end
  end
end

local function free(id)
  local found = redis.call('HGET', leases, id)
  if not found then return end
  redis.call('HDEL', leases, id)
  redis.call('LPUSH', durations, math.max(0, now - tonumber(string.match(found, '^%d+'))))
  redis.call('LTRIM', durations, 0, ${durationsMax - 1})
  taken = taken - 1
end

-- share.ts
local function admits(tenant)
  if tenant == '' or not of[tenant] then return taken < max end
  local reserve = max > 1 and math.ceil(max / 8) or 0
  local fair = math.max(1, math.floor((max - reserve) / tenants))
  return taken < max - (of[tenant] < fair and math.ceil(reserve / 2) or reserve)
end

local function average(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum / math.max(1, #values)
end

-- hint.ts
local function hint(id, random, expected)
  local uses = redis.call('LRANGE', durations, 0, -1)
  for index, value in ipairs(uses) do uses[index] = tonumber(value) end
  if #uses == 0 then uses = { expected } end
  local mean, remaining = average(uses), {}
  for index, start in ipairs(started) do
    local age, longer = math.max(0, now - start), {}
    for _, use in ipairs(uses) do
      if use > age then longer[#longer + 1] = use end
    end
    remaining[index] = #longer > 0 and average(longer) - age or math.max(mean, age)
  end
  table.sort(remaining)
  local slots = math.max(1, #remaining)
  local function free_in(caller)
    return (remaining[caller % slots + 1] or 0) + math.floor(caller / slots) * mean
  end
  redis.call('ZREMRANGEBYSCORE', promised, '-inf', now)
  local told = redis.call('ZRANGE', promised, 0, -1, 'WITHSCORES')
  local ahead, claimed = 0, 0
  while true do
    local at = now + free_in(ahead)
    while claimed < #told / 2 and tonumber(told[2 * claimed + 2]) <= at do claimed = claimed + 1 end
    if claimed <= ahead then break end
    ahead = ahead + 1
  end
  local wait = free_in(ahead)
  local most = math.min(${waitMsMost}, math.max(${horizonMsMin}, 2 * mean, 2 * free_in(0)))
  local spread = wait < most and wait + ${jitter} * random * math.min(wait, mean) or most * (1 + ${jitter} * random)
  local ms = math.floor(math.max(${hintMsMin}, spread) + 0.5)
  if wait < most and #told / 2 < ${toldMax} then redis.call('ZADD', promised, now + wait, id) end
  return ms
end

if op == 'take' then
  local id, tenant, fallback, random, expected = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
  local admitted
  if recovering then admitted = taken < max and fallback == '1' else admitted = admits(tenant) end
  if admitted then
    lease(id, now, tenant)
    return { 1, taken + 1, recovering and 1 or 0, 0, of[tenant] or 0 }
  end
  return { 0, taken, recovering and 1 or 0, hint(id, random, expected), of[tenant] or 0 }
end

if op == 'free' then
  free(ARGV[4])
  return { 1, taken, recovering and 1 or 0 }
end

-- sync: what this replica holds (id, age, tenant), and what it gave back while Redis was away.
-- After an outage others hold what they have not told either.
if ARGV[4] == '1' and not recovering then
  redis.call('SET', recover, now + ${recoverMs})
  recovering = true
end
local holds = tonumber(ARGV[5])
local at = 6
for _ = 1, holds do
  local id, age, tenant = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local known = redis.call('HGET', leases, id)
  if not known then taken = taken + 1 end
  lease(id, known and tonumber(string.match(known, '^%d+')) or now - age, tenant)
  at = at + 3
end
for index = at, #ARGV do free(ARGV[index]) end
redis.call('HSET', replicas, replica, string.format('%.0f', now + ${leaseMs}))
local names = {}
local known = redis.call('HGETALL', replicas)
for index = 1, #known, 2 do
  if tonumber(known[index + 1]) <= now then redis.call('HDEL', replicas, known[index])
  else names[#names + 1] = known[index] end
end
table.sort(names)
local rank = 0
for index, name in ipairs(names) do
  if name == replica then rank = index - 1 end
end
return { 1, taken, recovering and 1 or 0, #names, rank }
`;
