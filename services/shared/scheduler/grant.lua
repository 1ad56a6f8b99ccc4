-- The page scheduler: banded start-time fair queueing over tenants, shortest remaining first inside a tenant, tenant credit above.
--
-- One script, so that picking pages, taking a lease and returning expired ones are one step for every worker. All state
-- stands under the prefix KEYS[1], which carries a hash tag: one slot of a cluster. All of it can be rebuilt.
--
--   state            hash  v, V1..V4 band tags; tv0..tv4 tenant time per band; earned; heavy; turns; granted; pages1..4; rebuilt
--   job:{id}         hash  tenant, kind, at, waiting (page ranges), left, epoch, fence, band (where it is queued)
--   held:{id}        set   leases of a job
--   tenants:{band}   zset  tenants with queued jobs -> start tag          tags:{band}  the same for idle tenants
--   queue:{band}:{t} zset  jobs of a tenant -> pages left (band 0: time)  oldest:{t}   band 4 by time
--   waiting:{band}   zset  jobs -> time enqueued                          credit       tenants -> credit - earned
--   leases           zset  lease -> expiry                                lease:{id}   hash  job, kind, epoch, pages
--
-- Band 0 holds probes. A grant touches a fixed number of sorted sets: O(log n) in jobs and tenants.

local P = KEYS[1] .. ':'
local LIMITS = { 10, 100, 199 } -- most pages left in bands 1 to 3; band 4 takes the rest
local WEIGHTS = { 8, 4, 2, 1 }
local LIGHT = 2 -- bands 1 and 2 are the light lane
local CREDIT_MAX = 10 -- pages of credit above which a tenant is served first
local CREDIT_SHARE = 0.5 -- of its fair share that a tenant is sure of
local HEAVY_SHARE = 1 / 15 -- of all pages that band 4 is sure of, also while credit is served
local HEAVY_LAG = 100 -- pages band 4 may fall behind that share: two grants
local AGED_EVERY = 4 -- every 4th grant of band 4 goes to the tenant's oldest job
local SLEEP_MAX_MS = 1000 -- a worker looks again at least this often
local RECLAIM_MAX = 50 -- expired leases taken back per call: bounds one call

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function number(text) return tonumber(text or '') or 0 end
local function exact(value) return string.format('%.17g', value) end
local function get(field) return number(redis.call('HGET', P .. 'state', field)) end
local function set(field, value) redis.call('HSET', P .. 'state', field, exact(value)) end

-- Page sets: ascending ranges {first, last}; as text '1-50,61-61'.

local function parse(text)
  local ranges = {}
  for first, last in string.gmatch(text or '', '(%d+)-(%d+)') do
    ranges[#ranges + 1] = { tonumber(first), tonumber(last) }
  end
  return ranges
end

local function format(ranges)
  local parts = {}
  for i, range in ipairs(ranges) do parts[i] = string.format('%d-%d', range[1], range[2]) end
  return table.concat(parts, ',')
end

local function count(ranges)
  local pages = 0
  for _, range in ipairs(ranges) do pages = pages + range[2] - range[1] + 1 end
  return pages
end

local function union(a, b)
  local all, merged = {}, {}
  for _, range in ipairs(a) do all[#all + 1] = { range[1], range[2] } end
  for _, range in ipairs(b) do all[#all + 1] = { range[1], range[2] } end
  table.sort(all, function(x, y) return x[1] < y[1] end)
  for _, range in ipairs(all) do
    local last = merged[#merged]
    if last and range[1] <= last[2] + 1 then
      last[2] = math.max(last[2], range[2])
    else
      merged[#merged + 1] = range
    end
  end
  return merged
end

local function minus(a, b)
  local rest, j = {}, 1
  for _, range in ipairs(a) do
    local first = range[1]
    while b[j] and b[j][2] < first do j = j + 1 end
    local k = j
    while b[k] and b[k][1] <= range[2] do
      if b[k][1] > first then rest[#rest + 1] = { first, b[k][1] - 1 } end
      first = math.max(first, b[k][2] + 1)
      k = k + 1
    end
    if first <= range[2] then rest[#rest + 1] = { first, range[2] } end
  end
  return rest
end

local function take(ranges, most)
  local taken, rest = {}, {}
  for _, range in ipairs(ranges) do
    local pages = math.min(most, range[2] - range[1] + 1)
    if pages > 0 then taken[#taken + 1] = { range[1], range[1] + pages - 1 } end
    if range[1] + pages <= range[2] then rest[#rest + 1] = { range[1] + pages, range[2] } end
    most = most - pages
  end
  return taken, rest
end

-- Queues.

local function load_job(id)
  local f = redis.call('HMGET', P .. 'job:' .. id, 'tenant', 'kind', 'at', 'waiting', 'left', 'epoch', 'fence', 'band')
  if not f[1] then return nil end
  return {
    id = id, tenant = f[1], kind = f[2], at = number(f[3]), waiting = parse(f[4]), left = number(f[5]),
    epoch = number(f[6]), fence = number(f[7]), band = tonumber(f[8] or ''),
  }
end

local function save_job(job)
  redis.call('HSET', P .. 'job:' .. job.id, 'tenant', job.tenant, 'kind', job.kind, 'at', exact(job.at),
    'waiting', format(job.waiting), 'left', job.left, 'epoch', exact(job.epoch), 'fence', exact(job.fence),
    'band', job.band or '')
end

-- Jobs that tie go by age: the time leads the member's name.
local function member(job) return string.format('%015d:%s', job.at, job.id) end
local function job_of(name) return string.sub(name, 17) end

local function band_of(job)
  if job.kind == 'probe' then return 0 end
  for band, most in ipairs(LIMITS) do
    if job.left <= most then return band end
  end
  return #LIMITS + 1
end

local function leave_queue(job)
  local band, tenant = job.band, job.tenant
  if not band then return end
  redis.call('ZREM', P .. 'waiting:' .. band, job.id)
  redis.call('ZREM', P .. 'queue:' .. band .. ':' .. tenant, member(job))
  if band == 4 then redis.call('ZREM', P .. 'oldest:' .. tenant, member(job)) end
  if band > 0 then redis.call('HINCRBY', P .. 'state', 'pages' .. band, -job.queued) end
  if redis.call('EXISTS', P .. 'queue:' .. band .. ':' .. tenant) == 0 then
    -- An idle tenant keeps its tag until the band's time has passed it; then the tag says nothing any more.
    local tag, time = number(redis.call('ZSCORE', P .. 'tenants:' .. band, tenant)), get('tv' .. band)
    redis.call('ZREM', P .. 'tenants:' .. band, tenant)
    if tag > time then redis.call('ZADD', P .. 'tags:' .. band, exact(tag), tenant) end
  end
  job.band = nil
end

local function join_queue(job)
  if job.kind == 'parse' and job.left == 0 then return end
  local band, tenant = band_of(job), job.tenant
  redis.call('ZADD', P .. 'waiting:' .. band, exact(job.at), job.id)
  redis.call('ZADD', P .. 'queue:' .. band .. ':' .. tenant, band == 0 and exact(job.at) or job.left, member(job))
  if band == 4 then redis.call('ZADD', P .. 'oldest:' .. tenant, exact(job.at), member(job)) end
  if band > 0 then redis.call('HINCRBY', P .. 'state', 'pages' .. band, job.left) end
  if not redis.call('ZSCORE', P .. 'tenants:' .. band, tenant) then
    local tag = math.max(get('tv' .. band), number(redis.call('ZSCORE', P .. 'tags:' .. band, tenant)))
    redis.call('ZADD', P .. 'tenants:' .. band, exact(tag), tenant)
    redis.call('ZREM', P .. 'tags:' .. band, tenant)
  end
  job.band = band
end

-- Only tenants with pages waiting earn credit; who has none any more starts again from 0.
local function settle_credit(tenant)
  local backlogged = false
  for band = 1, 4 do
    if redis.call('EXISTS', P .. 'queue:' .. band .. ':' .. tenant) == 1 then backlogged = true end
  end
  if not backlogged then
    redis.call('ZREM', P .. 'credit', tenant)
  elseif not redis.call('ZSCORE', P .. 'credit', tenant) then
    redis.call('ZADD', P .. 'credit', exact(-get('earned')), tenant)
  end
end

-- Changes a job's waiting pages (or kind) and moves it to the queue where it then belongs.
local function requeue(job, change)
  job.queued = job.left
  leave_queue(job)
  change()
  job.left = count(job.waiting)
  join_queue(job)
  save_job(job)
  settle_credit(job.tenant)
end

local function forget_job(job)
  job.queued = job.left
  leave_queue(job)
  for _, lease in ipairs(redis.call('SMEMBERS', P .. 'held:' .. job.id)) do
    redis.call('ZREM', P .. 'leases', lease)
    redis.call('DEL', P .. 'lease:' .. lease)
  end
  redis.call('DEL', P .. 'job:' .. job.id, P .. 'held:' .. job.id)
  settle_credit(job.tenant)
end

-- Leases.

local function end_lease(lease, job_id)
  redis.call('ZREM', P .. 'leases', lease)
  redis.call('DEL', P .. 'lease:' .. lease)
  redis.call('SREM', P .. 'held:' .. job_id, lease)
end

-- A lease that ran out takes all leases of its job with it: the fence in PostgreSQL is one number per job.
local function reclaim()
  local expired = redis.call('ZRANGEBYSCORE', P .. 'leases', '-inf', exact(now), 'LIMIT', 0, RECLAIM_MAX)
  for _, lease in ipairs(expired) do
    local job_id = redis.call('HGET', P .. 'lease:' .. lease, 'job')
    local job = job_id and load_job(job_id)
    if job then
      requeue(job, function()
        for _, held in ipairs(redis.call('SMEMBERS', P .. 'held:' .. job_id)) do
          job.waiting = union(job.waiting, parse(redis.call('HGET', P .. 'lease:' .. held, 'pages')))
          end_lease(held, job_id)
        end
        job.epoch = math.max(job.epoch + 1, now)
        job.fence = job.epoch
      end)
    elseif job_id then
      end_lease(lease, job_id)
    else
      redis.call('ZREM', P .. 'leases', lease)
    end
  end
end

-- Picking.

local function empty(band) return redis.call('EXISTS', P .. 'tenants:' .. band) == 0 end

local function first(key)
  local name = redis.call('ZRANGE', key, 0, 0)[1]
  return name and job_of(name)
end

-- The tenant with the smallest start tag, and of its jobs the one with the fewest pages left.
local function pick_in_band(band)
  local head = redis.call('ZRANGE', P .. 'tenants:' .. band, 0, 0, 'WITHSCORES')
  local tenant, tag = head[1], number(head[2])
  local job_id
  if band == 4 and redis.call('HINCRBY', P .. 'state', 'turns', 1) % AGED_EVERY == 0 then
    job_id = first(P .. 'oldest:' .. tenant)
  else
    job_id = first(P .. 'queue:' .. band .. ':' .. tenant)
  end
  return job_id, function(pages)
    set('tv' .. band, tag)
    redis.call('ZADD', P .. 'tenants:' .. band, exact(tag + pages), tenant)
    redis.call('ZREMRANGEBYSCORE', P .. 'tags:' .. band, '-inf', exact(tag))
  end
end

local function pick_by_credit(last_band)
  local head = redis.call('ZREVRANGE', P .. 'credit', 0, 0, 'WITHSCORES')
  if not head[1] or number(head[2]) + get('earned') <= CREDIT_MAX then return nil end
  for band = 1, last_band do
    local job_id = first(P .. 'queue:' .. band .. ':' .. head[1])
    if job_id then return job_id end
  end
end

local function pick_band(last_band)
  local v, best, best_tag = get('v'), nil, nil
  for band = 1, 4 do
    local tag = get('V' .. band)
    if empty(band) then
      if tag < v then set('V' .. band, v) end
    elseif band <= last_band and (not best or tag < best_tag) then
      best, best_tag = band, tag
    end
  end
  return best, best_tag
end

-- Returns the job and what to charge once the number of pages is known.
local function pick_parse(last_band)
  local heavy = last_band == 4 and not empty(4) and get('heavy') > HEAVY_LAG
  local job_id = not heavy and pick_by_credit(last_band)
  if job_id then return job_id, function() end, true end
  local band, tag = pick_band(last_band)
  if heavy then band, tag = 4, get('V4') end
  if not band then return nil end
  local charge_tenant
  job_id, charge_tenant = pick_in_band(band)
  return job_id, function(pages)
    set('v', math.max(get('v'), tag))
    set('V' .. band, tag + pages / WEIGHTS[band])
    charge_tenant(pages)
  end, false
end

local function charge_shares(job, pages, by_credit)
  local tenants = math.max(1, redis.call('ZCARD', P .. 'credit'))
  local earned = get('earned') + CREDIT_SHARE * pages / tenants
  set('earned', earned)
  local credit = number(redis.call('ZSCORE', P .. 'credit', job.tenant)) + earned - pages
  -- Who was served in its turn owes at most 10 pages; who was served by credit pays in full.
  if not by_credit then credit = math.max(credit, -CREDIT_MAX) end
  redis.call('ZADD', P .. 'credit', exact(credit - earned), job.tenant)
  if empty(4) then
    set('heavy', 0)
  else
    local paid = job.band == 4 and pages or 0
    set('heavy', math.max(-HEAVY_LAG, get('heavy') + HEAVY_SHARE * pages - paid))
  end
  redis.call('HINCRBY', P .. 'state', 'granted', pages)
end

local function give(job, kind, pages, worker, lease_ms)
  job.epoch = math.max(job.epoch + 1, now)
  local lease = job.id .. ':' .. string.format('%d', job.epoch)
  redis.call('ZADD', P .. 'leases', exact(now + lease_ms), lease)
  redis.call('HSET', P .. 'lease:' .. lease, 'job', job.id, 'kind', kind, 'epoch', exact(job.epoch),
    'pages', format(pages), 'worker', worker)
  redis.call('SADD', P .. 'held:' .. job.id, lease)
  save_job(job)
  return cjson.encode({
    id = lease, kind = kind, jobId = job.id, tenantId = job.tenant, epoch = job.epoch, fence = job.fence,
    pages = format(pages), expiresAtMs = now + lease_ms,
  })
end

-- Operations: ARGV[1] names one, its arguments follow.

local operations = {}

function operations.enqueue(id, tenant, at, pages, epoch)
  local job = load_job(id)
  if not job then
    -- Time seeds the epoch: after a wipe it is above every lease given before, as is what PostgreSQL remembers.
    local seed = math.max(number(epoch), now)
    job = { id = id, tenant = tenant, kind = 'probe', at = number(at), waiting = {}, left = 0, epoch = seed, fence = seed }
  end
  requeue(job, function()
    if pages == 'probe' then return end
    job.kind = 'parse'
    job.waiting = parse(pages)
    for _, lease in ipairs(redis.call('SMEMBERS', P .. 'held:' .. id)) do
      job.waiting = minus(job.waiting, parse(redis.call('HGET', P .. 'lease:' .. lease, 'pages')))
    end
  end)
  -- A probe under way is not queued a second time.
  if job.kind == 'probe' and redis.call('EXISTS', P .. 'held:' .. id) == 1 then
    job.queued = 0
    leave_queue(job)
    save_job(job)
  end
end

function operations.grant(worker, kinds, free_slots, slots, pages_max, lease_ms)
  reclaim()
  local last_band = (number(slots) > 1 and number(free_slots) <= 1) and LIGHT or 4
  for kind in string.gmatch(kinds, '%a+') do
    if kind == 'probe' and not empty(0) then
      local job_id, charge = pick_in_band(0)
      local job = load_job(job_id)
      charge(1)
      job.queued = 0
      leave_queue(job)
      return give(job, 'probe', {}, worker, number(lease_ms))
    elseif kind == 'parse' then
      local job_id, charge, by_credit = pick_parse(last_band)
      if job_id then
        local job = load_job(job_id)
        local taken, rest = take(job.waiting, number(pages_max))
        local pages = count(taken)
        charge(pages)
        charge_shares(job, pages, by_credit)
        requeue(job, function() job.waiting = rest end)
        return give(job, 'parse', taken, worker, number(lease_ms))
      end
    end
  end
  local head = redis.call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')
  local sleep = head[2] and math.min(SLEEP_MAX_MS, math.max(50, number(head[2]) - now)) or SLEEP_MAX_MS
  return cjson.encode({ sleepMs = sleep })
end

function operations.renew(lease, lease_ms)
  reclaim()
  if not redis.call('ZSCORE', P .. 'leases', lease) then return 0 end
  redis.call('ZADD', P .. 'leases', exact(now + number(lease_ms)), lease)
  return 1
end

-- Pages that are done never wait again, even when the lease was lost: PostgreSQL has accepted them.
function operations.complete(lease, job_id, done)
  local job = load_job(job_id)
  if not job then return 0 end
  local pages = redis.call('HGET', P .. 'lease:' .. lease, 'pages')
  end_lease(lease, job_id)
  if job.kind == 'probe' and not (pages and not job.band) then return 0 end
  requeue(job, function()
    job.waiting = minus(union(job.waiting, parse(pages)), parse(done))
  end)
  if job.kind == 'parse' and job.left == 0 and redis.call('EXISTS', P .. 'held:' .. job_id) == 0 then forget_job(job) end
  return pages and 1 or 0
end

function operations.remove(job_id)
  local job = load_job(job_id)
  if job then forget_job(job) end
end

-- An estimate: all jobs of lighter bands, and the earlier ones of its own.
function operations.position(job_id)
  local job = load_job(job_id)
  if not job or not job.band then return -1 end
  local ahead = number(redis.call('ZRANK', P .. 'waiting:' .. job.band, job_id))
  for band = 0, job.band - 1 do ahead = ahead + redis.call('ZCARD', P .. 'waiting:' .. band) end
  return ahead
end

function operations.snapshot()
  reclaim()
  local bands = {}
  for band = 1, 4 do
    local head = redis.call('ZRANGE', P .. 'waiting:' .. band, 0, 0, 'WITHSCORES')
    bands[band] = {
      jobs = redis.call('ZCARD', P .. 'waiting:' .. band),
      pages = get('pages' .. band),
      oldestWaitMs = head[2] and math.max(0, now - number(head[2])) or 0,
    }
  end
  return cjson.encode({
    bands = bands,
    probes = redis.call('ZCARD', P .. 'waiting:0'),
    leases = redis.call('ZCARD', P .. 'leases'),
    pagesGranted = get('granted'),
  })
end

function operations.known(job_id) return redis.call('EXISTS', P .. 'job:' .. job_id) end
function operations.needsRebuild() return redis.call('HEXISTS', P .. 'state', 'rebuilt') == 0 and 1 or 0 end
function operations.rebuilt() set('rebuilt', 1) end

return operations[ARGV[1]](unpack(ARGV, 2))
