-- Operations: ARGV[2] names one, its arguments follow.

local operations = {}

function operations.enqueue(id, tenant, at, pages, epoch)
  local job = load_job(id)
  if not job then
    -- Above every lease given before: of those PostgreSQL remembers the highest epoch, and time is above the others.
    local seed = math.max(number(epoch) + 1, now)
    job = {
      id = id, tenant = tenant, kind = 'probe', at = number(at), waiting = {}, left = 0, epoch = seed, fence = seed,
      suspects = {}, blamed = 0,
    }
  end
  -- A new attempt raised the fence in PostgreSQL.
  job.epoch = math.max(job.epoch, number(epoch))
  local arrives = job.kind == 'probe' and pages ~= 'probe'
  requeue(job, function()
    if pages == 'probe' then return end
    job.kind = 'parse'
    job.waiting = parse(pages)
    -- Suspects that are not done stay so.
    job.suspects = cleared(job.suspects, minus(in_order(job.suspects), job.waiting))
    job.waiting = minus(job.waiting, in_order(job.suspects))
    for _, lease in ipairs(redis.call('SMEMBERS', P .. 'held:' .. id)) do
      job.waiting = minus(job.waiting, parse(redis.call('HGET', P .. 'lease:' .. lease, 'pages')))
    end
  end)
  if arrives and job.band then saw_arrival(job) end
  -- A probe under way is not queued a second time.
  if job.kind == 'probe' and redis.call('EXISTS', P .. 'held:' .. id) == 1 then
    job.queued = 0
    leave_queue(job)
    save_job(job)
  end
end

-- `account`: whose meter the pages are taken from, '' for none.
function operations.grant(worker, kinds, heavy_slots, slots, pages_max, lease_ms, account, limits)
  reclaim()
  saw_worker(worker, slots, pages_max, account, limits)
  local last_band = (number(slots) > 1 and number(heavy_slots) >= number(slots) - 1) and LIGHT or 4
  local wait_ms
  limits, pages_max = numbers(limits), number(pages_max)
  if account ~= '' then
    wait_ms, last_band, pages_max = ask_account(account, limits, pages_max, last_band)
    if wait_ms > 0 then kinds = string.gsub(kinds, 'parse', '') end
  end
  local suspected = pick_suspects(kinds)
  if suspected then
    local taken, lost
    redis.call('ZREM', P .. 'suspects', suspected.id)
    requeue(suspected, function() taken, lost = take_suspects(suspected, pages_max) end)
    if suspected.kind == 'probe' then
      suspected.queued = 0
      leave_queue(suspected)
      taken = {}
    end
    return give(suspected, suspected.kind, taken, worker, number(lease_ms), lost, account, limits)
  end
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
        local taken, rest = take(job.waiting, pages_max)
        local pages = count(taken)
        charge(pages)
        charge_shares(job, pages, by_credit)
        local heavy = job.band > LIGHT
        requeue(job, function() job.waiting = rest end)
        return give(job, 'parse', taken, worker, number(lease_ms), nil, account, limits, heavy)
      end
    end
  end
  local head = redis.call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')
  local sleep = head[2] and math.min(SLEEP_MAX_MS, math.max(50, number(head[2]) - now)) or SLEEP_MAX_MS
  if wait_ms and wait_ms > 0 then sleep = math.min(sleep, wait_ms) end
  return cjson.encode({ sleepMs = sleep })
end

function operations.renew(lease, lease_ms)
  reclaim()
  if not redis.call('ZSCORE', P .. 'leases', lease) then return 0 end
  redis.call('ZADD', P .. 'leases', exact(now + number(lease_ms)), lease)
  still_there(redis.call('HGET', P .. 'lease:' .. lease, 'worker'))
  return 1
end

-- Pages that are done never wait again, even when the lease was lost: PostgreSQL has accepted them.
function operations.complete(lease, job_id, done)
  local job = load_job(job_id)
  if not job then return 0 end
  local kind = redis.call('HGET', P .. 'lease:' .. lease, 'kind')
  local ranges, lost = ranges_of(lease), lost_before(lease)
  end_lease(lease, job_id, done ~= '')
  if job.kind == 'probe' and not (kind and not job.band) then return 0 end
  requeue(job, function()
    if kind == job.kind then give_back(job, kind == 'probe' and ranges or minus(ranges, parse(done)), lost) end
    job.waiting = minus(job.waiting, parse(done))
    job.suspects = cleared(job.suspects, parse(done))
  end)
  if job.kind == 'parse' and job.left == 0 and #job.suspects == 0 and redis.call('EXISTS', P .. 'held:' .. job_id) == 0 then forget_job(job) end
  return kind and 1 or 0
end

function operations.remove(job_id)
  local job = load_job(job_id)
  if job then forget_job(job) end
end

-- What stands before a job, without the jobs themselves: O(log n) in jobs.
function operations.place(job_id)
  local job = load_job(job_id)
  if not job then return nil end
  local held, since = 0, now
  for _, lease in ipairs(redis.call('SMEMBERS', P .. 'held:' .. job_id)) do
    local f = redis.call('HMGET', P .. 'lease:' .. lease, 'pages', 'since')
    held, since = held + count(parse(f[1])), math.min(since, number(f[2]))
  end
  local rank, ahead, jobs_ahead = 0, 0, 0
  if job.band then
    local queue = P .. 'queue:' .. job.band .. ':' .. job.tenant
    rank = number(redis.call('ZRANK', queue, member(job)))
    if job.band > 0 then ahead = pages_before(queue, rank) end
    jobs_ahead = rank
    for band = 0, job.band - 1 do jobs_ahead = jobs_ahead + redis.call('ZCARD', P .. 'queue:' .. band .. ':' .. job.tenant) end
  end
  return cjson.encode({
    tenant = job.tenant, kind = job.kind, band = job.band or 0, waiting = job.band ~= nil or #job.suspects > 0,
    pagesLeft = job.left + count(in_order(job.suspects)), pagesHeld = held, heldMs = now - since,
    jobsAhead = jobs_ahead, pagesAhead = ahead,
  })
end

-- What the speed of the whole schedule is reckoned from; asked once for many jobs.
function operations.outlook()
  local bands = {}
  for band = 1, 4 do
    bands[band] = { backlog = redis.call('HGETALL', P .. 'backlog:' .. band), arrived = arrivals(band) }
  end
  local account = redis.call('HGET', P .. 'state', 'account') or ''
  return cjson.encode({
    bands = bands, observedMs = math.max(0, now - number(redis.call('HGET', P .. 'state', 'begun') or exact(now))),
    windowMs = ARRIVALS_MS, slots = slots_there(), leases = redis.call('ZCARD', P .. 'leases'),
    pagesPerGrant = get('perGrant'),
    readMs = get('readMs'), readPages = get('readPages'), readGrants = get('readGrants'),
    limits = account ~= '' and redis.call('HGET', P .. 'state', 'limits') or '',
    factor = account ~= '' and factor_of(account) or 1,
    heldMs = account ~= '' and math.max(0, number(redis.call('HGET', meter_key(account), 'heldUntil')) - now) or 0,
  })
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

-- Who holds pages: dearer than the snapshot, so of its own.
function operations.held()
  reclaim()
  local held = {}
  for _, lease in ipairs(redis.call('ZRANGE', P .. 'leases', 0, LEASES_TOLD - 1)) do
    local f = redis.call('HMGET', P .. 'lease:' .. lease, 'job', 'pages')
    local job = f[1] and load_job(f[1])
    if job and job.kind == 'parse' then
      held[#held + 1] = { tenantId = job.tenant, band = band_of(job), pages = count(parse(f[2])) }
    end
  end
  return cjson.encode({ held = #held > 0 and held or nil })
end

function operations.known(job_id) return redis.call('EXISTS', P .. 'job:' .. job_id) end
function operations.needsRebuild() return redis.call('HEXISTS', P .. 'state', 'rebuilt') == 0 and 1 or 0 end
function operations.rebuilt() set('rebuilt', 1) end

-- Taken for a time at most `wait_max_ms` from now, or not at all; either way how long that is.
function operations.meterTake(account, limits, amounts, wait_max_ms, bursts)
  limits, amounts = numbers(limits), numbers(amounts)
  meter_begin(account, limits, amounts)
  local at = meter_at(account, limits, amounts, bursts == 'bursts')
  local taken = at - clock_ms <= number(wait_max_ms)
  if taken then meter_take(account, limits, amounts, at) end
  return { taken and 1 or 0, math.ceil(at - clock_ms) }
end

function operations.meterSettle(account, limits, amounts) meter_settle(account, numbers(limits), numbers(amounts)) end
function operations.meterThrottled(account, retry_after_ms) meter_throttled(account, number(retry_after_ms)) end

function operations.meterState(account)
  local taken = {}
  for _, unit in ipairs(UNITS) do taken[unit] = number(redis.call('HGET', meter_key(account), unit .. 'Taken')) end
  return cjson.encode({ factor = factor_of(account), taken = taken })
end

-- Of accounts with limits that somebody took from within the last day.
function operations.meters()
  local meters = {}
  redis.call('ZREMRANGEBYSCORE', TAG .. ':meters', '-inf', exact(clock_ms - 86400000))
  for _, account in ipairs(redis.call('ZRANGE', TAG .. ':meters', 0, -1)) do
    local key = meter_key(account)
    local limits = numbers(redis.call('HGET', key, 'limits') or '')
    for i, unit in ipairs(UNITS) do
      if (limits[i] or 0) > 0 then
        drop_old(key, unit)
        local used = number(redis.call('HGET', key, unit .. 'Sum'))
        meters[#meters + 1] = {
          account = account, unit = unit, limit = limits[i], left = math.max(0, limits[i] - used), factor = factor_of(account),
        }
      end
    end
  end
  return cjson.encode({ meters = #meters > 0 and meters or nil })
end

return operations[ARGV[2]](unpack(ARGV, 3))
