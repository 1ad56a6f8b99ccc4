-- Queues.

local function load_job(id)
  local f = redis.call('HMGET', P .. 'job:' .. id, 'tenant', 'kind', 'at', 'waiting', 'left', 'epoch', 'fence', 'band',
    'suspects', 'blamed')
  if not f[1] then return nil end
  return {
    id = id, tenant = f[1], kind = f[2], at = number(f[3]), waiting = parse(f[4]), left = number(f[5]),
    epoch = number(f[6]), fence = number(f[7]), band = tonumber(f[8] or ''),
    suspects = parse_suspects(f[9]), blamed = number(f[10]),
  }
end

local function save_job(job)
  redis.call('HSET', P .. 'job:' .. job.id, 'tenant', job.tenant, 'kind', job.kind, 'at', exact(job.at),
    'waiting', format(job.waiting), 'left', job.left, 'epoch', exact(job.epoch), 'fence', exact(job.fence),
    'band', job.band or '', 'suspects', format_suspects(job.suspects), 'blamed', job.blamed)
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
  if band > 0 then
    redis.call('HINCRBY', P .. 'state', 'pages' .. band, -job.queued)
    redis.call('HINCRBY', P .. 'backlog:' .. band, tenant, -job.queued)
  end
  if redis.call('EXISTS', P .. 'queue:' .. band .. ':' .. tenant) == 0 then
    -- An idle tenant keeps its tag until the band's time has passed it; then the tag says nothing any more.
    local tag, time = number(redis.call('ZSCORE', P .. 'tenants:' .. band, tenant)), get('tv' .. band)
    redis.call('ZREM', P .. 'tenants:' .. band, tenant)
    redis.call('HDEL', P .. 'backlog:' .. band, tenant)
    if tag > time then redis.call('ZADD', P .. 'tags:' .. band, exact(tag), tenant) end
  end
  job.band = nil
end

local function join_queue(job)
  if job.kind == 'parse' and job.left == 0 then return end
  if job.kind == 'probe' and #job.suspects > 0 then return end
  local band, tenant = band_of(job), job.tenant
  redis.call('ZADD', P .. 'waiting:' .. band, exact(job.at), job.id)
  redis.call('ZADD', P .. 'queue:' .. band .. ':' .. tenant, band == 0 and exact(job.at) or job.left, member(job))
  if band == 4 then redis.call('ZADD', P .. 'oldest:' .. tenant, exact(job.at), member(job)) end
  if band > 0 then
    redis.call('HINCRBY', P .. 'state', 'pages' .. band, job.left)
    redis.call('HINCRBY', P .. 'backlog:' .. band, tenant, job.left)
  end
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
  line_up(job)
  save_job(job)
  settle_credit(job.tenant)
end

local function forget_job(job)
  job.queued = job.left
  leave_queue(job)
  for _, lease in ipairs(redis.call('SMEMBERS', P .. 'held:' .. job.id)) do
    local account = redis.call('HGET', P .. 'lease:' .. lease, 'account')
    if account and account ~= '' then flight_ends(account, lease, false) end
    redis.call('ZREM', P .. 'leases', lease)
    redis.call('DEL', P .. 'lease:' .. lease)
  end
  redis.call('DEL', P .. 'job:' .. job.id, P .. 'held:' .. job.id)
  redis.call('ZREM', P .. 'suspects', job.id)
  settle_credit(job.tenant)
end
