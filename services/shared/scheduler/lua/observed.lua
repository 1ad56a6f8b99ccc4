-- What is seen of the work, for estimates of when a job is done; no grant depends on it.
--
--   state     hash  begun; arrived{band}, arrivedBatches{band}, arrivedAt{band}, batchAt{band}; readMs, readPages, readGrants; account, limits, perGrant
--   slots     hash  workers -> 'slots:last seen'

local ARRIVALS_MS = 3600000 -- what came longer ago says little of what comes next
local BATCH_MS = 10000 -- what comes together is one batch: that a hundred came at once says nothing of a hundred more
local READ_KEPT = 0.98 -- of what the grants before say, per grant: the last 50 or so count
local WORKER_MS = 60000 -- a worker asks each second and renews every 10: who did neither is gone
local SAMPLES = 16 -- places of a queue that are looked at to sum it up

local function saw_arrival(job)
  local b = job.band
  local kept = math.exp(-math.max(0, now - get('arrivedAt' .. b)) / ARRIVALS_MS)
  -- One that is enqueued again after Redis was lost came when it came.
  local counts = math.exp(-math.max(0, now - job.at) / ARRIVALS_MS)
  set('arrived' .. b, get('arrived' .. b) * kept + job.left * counts)
  local batches = get('arrivedBatches' .. b) * kept
  local begins = batches == 0 or now - get('batchAt' .. b) > BATCH_MS
  set('arrivedBatches' .. b, batches + (begins and counts or 0))
  if begins then set('batchAt' .. b, now) end
  set('arrivedAt' .. b, now)
  local begun = redis.call('HGET', P .. 'state', 'begun')
  if not begun or number(begun) > job.at then set('begun', job.at) end
end

local function arrivals(band)
  local kept = math.exp(-math.max(0, now - get('arrivedAt' .. band)) / ARRIVALS_MS)
  return { pages = get('arrived' .. band) * kept, batches = get('arrivedBatches' .. band) * kept }
end

local function saw_read(lease)
  local f = redis.call('HMGET', P .. 'lease:' .. lease, 'kind', 'pages', 'since')
  if f[1] ~= 'parse' then return end
  set('readMs', get('readMs') * READ_KEPT + math.max(0, now - number(f[3])))
  set('readPages', get('readPages') * READ_KEPT + count(parse(f[2])))
  set('readGrants', get('readGrants') * READ_KEPT + 1)
end

local function saw_worker(worker, slots, pages_max, account, limits)
  redis.call('HSET', P .. 'slots', worker, slots .. ':' .. exact(now))
  redis.call('HSET', P .. 'state', 'perGrant', pages_max, 'account', account, 'limits', limits)
end

local function still_there(worker)
  local slots = string.match(redis.call('HGET', P .. 'slots', worker or '') or '', '^[^:]+')
  if slots then redis.call('HSET', P .. 'slots', worker, slots .. ':' .. exact(now)) end
end

local function slots_there()
  local all, there = redis.call('HGETALL', P .. 'slots'), 0
  for i = 1, #all, 2 do
    local slots, seen = string.match(all[i + 1], '([^:]+):([^:]+)')
    if now - number(seen) > WORKER_MS then
      redis.call('HDEL', P .. 'slots', all[i])
    else
      there = there + number(slots)
    end
  end
  return there
end

-- Pages of the first `rank` jobs of a queue, which is in the order of its pages; exact for SAMPLES, nearly so for more.
local function pages_before(queue, rank)
  if rank == 0 then return 0 end
  local function pages_at(at) return number(redis.call('ZRANGE', queue, at, at, 'WITHSCORES')[2]) end
  local steps = math.min(rank - 1, SAMPLES)
  local from, before = 0, pages_at(0)
  local sum = before / 2
  for step = 1, steps do
    local at = math.floor(step * (rank - 1) / steps + 0.5)
    local pages = pages_at(at)
    sum = sum + (at - from) * (before + pages) / 2
    from, before = at, pages
  end
  return math.floor(sum + before / 2 + 0.5)
end
