-- Leases.

-- `answered`: the time that it took tells how long an account takes.
local function end_lease(lease, job_id, answered)
  if answered then saw_read(lease) end
  local account = redis.call('HGET', P .. 'lease:' .. lease, 'account')
  if account and account ~= '' then flight_ends(account, lease, answered) end
  redis.call('ZREM', P .. 'leases', lease)
  redis.call('DEL', P .. 'lease:' .. lease)
  redis.call('SREM', P .. 'held:' .. job_id, lease)
end

local function ranges_of(lease)
  if redis.call('HGET', P .. 'lease:' .. lease, 'kind') == 'probe' then return { { 0, 0 } } end
  return parse(redis.call('HGET', P .. 'lease:' .. lease, 'pages'))
end

-- How often the pages of a lease were lost before; nil for a lease that holds no suspects.
local function lost_before(lease) return tonumber(redis.call('HGET', P .. 'lease:' .. lease, 'lost') or '') end

-- Pages that were not read wait again, suspects as suspects.
local function give_back(job, ranges, lost)
  if lost then
    suspect(job, ranges, lost)
  elseif job.kind == 'parse' then
    job.waiting = union(job.waiting, ranges)
  end
end

-- A lease that ran out takes all leases of its job with it: the fence in PostgreSQL is one number per job. What its own
-- worker held is suspected, what others hold only waits again.
local function reclaim()
  local expired = redis.call('ZRANGEBYSCORE', P .. 'leases', '-inf', exact(now), 'LIMIT', 0, RECLAIM_MAX)
  for _, lease in ipairs(expired) do
    local job_id = redis.call('HGET', P .. 'lease:' .. lease, 'job')
    local job = job_id and load_job(job_id)
    if job then
      local worker = redis.call('HGET', P .. 'lease:' .. lease, 'worker')
      requeue(job, function()
        for _, held in ipairs(redis.call('SMEMBERS', P .. 'held:' .. job_id)) do
          local lost = lost_before(held)
          if redis.call('HGET', P .. 'lease:' .. held, 'worker') == worker then
            if lost then job.blamed = job.blamed + 1 end
            suspect(job, ranges_of(held), (lost or 0) + 1)
          else
            give_back(job, ranges_of(held), lost)
          end
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
