-- The page scheduler: banded start-time fair queueing over tenants, shortest remaining first inside a tenant, tenant
-- credit above.
--
-- Nine files, one script (this one, pages, suspects, meters, observed, queues, leases, picking, operations), so that picking pages, taking
-- a lease and returning expired ones are one step for every worker. All state stands under the prefix KEYS[1], which
-- carries a hash tag: one slot of a cluster. All of it can be rebuilt.
--
--   state            hash  v, V1..V4 band tags; tv0..tv4 tenant time per band; earned; heavy; turns; granted; pages1..4; rebuilt
--   job:{id}         hash  tenant, kind, at, waiting (page ranges), left, epoch, fence, band (where it is queued),
--                          suspects (page ranges that were lost), blamed (workers that its suspects ended)
--   held:{id}        set   leases of a job
--   tenants:{band}   zset  tenants with queued jobs -> start tag          tags:{band}  the same for idle tenants
--   queue:{band}:{t} zset  jobs of a tenant -> pages left (band 0: time)  oldest:{t}   band 4 by time
--   backlog:{band}   hash  tenants -> pages that wait in the band
--   waiting:{band}   zset  jobs -> time enqueued                          credit       tenants -> credit - earned
--   leases           zset  lease -> expiry                                lease:{id}   hash  job, kind, epoch, pages, worker, lost, account, since
--   suspects         zset  jobs with suspects -> since    suspect      the one lease that holds some
--
-- LIMITS and LIGHT come from contract/job.ts (redis-scheduler.ts). Band 0 holds probes. A grant touches a fixed number of sorted sets: O(log n) in jobs and tenants.

local P = KEYS[1] .. ':'
local WEIGHTS = { 8, 4, 2, 1 }
local CREDIT_MAX = 10 -- pages of credit above which a tenant is served first
local CREDIT_SHARE = 0.5 -- of its fair share that a tenant is sure of
local HEAVY_SHARE = 1 / 15 -- of all pages that band 4 is sure of, also while credit is served
local HEAVY_LAG = 100 -- pages band 4 may fall behind that share: two grants
local AGED_EVERY = 4 -- every 4th grant of band 4 goes to the tenant's oldest job
local SLEEP_MAX_MS = 1000 -- a worker looks again at least this often
local IN_FLIGHT_FULL_MS = 100 -- an account with all its requests under way is asked again
local SUSPECT_PAGES = 8 -- pages of one grant that were lost once: 50 are narrowed to one in two steps
local SUSPECT_ALONE = 2 -- lost so often, a page is granted alone
local LEASES_TOLD = 200 -- of `held`: 50 workers' slots
local RECLAIM_MAX = 50 -- expired leases taken back per call: bounds one call

local function number(text) return tonumber(text or '') or 0 end

-- Redis's own time; a bench that plays a day in a minute gives its own.
local clock = redis.call('TIME')
local clock_ms = ARGV[1] == '' and clock[1] * 1000 + clock[2] / 1000 or number(ARGV[1])
local now = math.floor(clock_ms)

local function exact(value) return string.format('%.17g', value) end
local function get(field) return number(redis.call('HGET', P .. 'state', field)) end
local function set(field, value) redis.call('HSET', P .. 'state', field, exact(value)) end
