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
