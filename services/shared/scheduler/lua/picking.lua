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

-- How long the account has nothing to give, the last band it gives to, and how many pages of one request.
local function ask_account(account, limits, pages_max, last_band)
  meter_begin(account, limits, { 1, pages_max, 0 })
  local wait_ms = math.ceil(meter_at(account, limits, { 1, 1, 0 }) - clock_ms)
  if wait_ms > 0 then return wait_ms, last_band, pages_max end
  local most, key = in_flight_max(account, limits, pages_max), meter_key(account)
  if redis.call('ZCARD', key .. ':inFlight') >= most then return IN_FLIGHT_FULL_MS, last_band, pages_max end
  if redis.call('SCARD', key .. ':heavyInFlight') >= most - 1 then last_band = LIGHT end
  return 0, last_band, math.min(pages_max, pages_room(account, limits))
end

-- The job whose suspects are next, unless some are under way or the worker does not take their kind.
local function pick_suspects(kinds)
  local holder = redis.call('GET', P .. 'suspect')
  if holder and redis.call('ZSCORE', P .. 'leases', holder) then return nil end
  local job_id = redis.call('ZRANGE', P .. 'suspects', 0, 0)[1]
  local job = job_id and load_job(job_id)
  return job and string.find(kinds, job.kind, 1, true) and job
end

-- `lost`: how often the pages were lost before; nil when they are no suspects.
local function give(job, kind, pages, worker, lease_ms, lost, account, limits, heavy)
  if kind == 'probe' or not account then account = '' end
  local tokens = account == '' and 0 or count(pages)
  job.epoch = math.max(job.epoch + 1, now)
  local lease = job.id .. ':' .. string.format('%d', job.epoch)
  redis.call('ZADD', P .. 'leases', exact(now + lease_ms), lease)
  redis.call('HSET', P .. 'lease:' .. lease, 'job', job.id, 'kind', kind, 'epoch', exact(job.epoch),
    'pages', format(pages), 'worker', worker, 'lost', lost or '', 'account', account,
    'since', exact(now))
  if account ~= '' then
    meter_take(account, limits, { 1, tokens, 0 }, clock_ms)
    redis.call('ZADD', meter_key(account) .. ':inFlight', exact(clock_ms), lease)
    if heavy then redis.call('SADD', meter_key(account) .. ':heavyInFlight', lease) end
  end
  if lost then redis.call('SET', P .. 'suspect', lease) end
  redis.call('SADD', P .. 'held:' .. job.id, lease)
  save_job(job)
  return cjson.encode({
    id = lease, kind = kind, jobId = job.id, tenantId = job.tenant, epoch = job.epoch, fence = job.fence,
    pages = format(pages), expiresAtMs = now + lease_ms, lost = lost or 0, blamed = job.blamed, tokens = tokens,
    light = not heavy,
  })
end
