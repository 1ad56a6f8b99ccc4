-- Suspects: pages (or a probe) whose lease ran out, because their worker died or stood still. Whose fault that was nobody
-- knows yet: all that the worker held is suspected. They leave the queues and are granted ahead of them, a few pages and
-- then one at a time, and never two such leases at once in the whole environment. So a page that ends workers is found
-- after three of them, and pages that only stood beside it are cleared. As text '1-8:1,9-9:2': ranges and how often they
-- were lost; '0-0:1' is the probe.

local function parse_suspects(text)
  local entries = {}
  for first, last, lost in string.gmatch(text or '', '(%d+)-(%d+):(%d+)') do
    entries[#entries + 1] = { tonumber(first), tonumber(last), lost = tonumber(lost) }
  end
  return entries
end

local function format_suspects(entries)
  local parts = {}
  for i, entry in ipairs(entries) do parts[i] = string.format('%d-%d:%d', entry[1], entry[2], entry.lost) end
  return table.concat(parts, ',')
end

local function suspect(job, ranges, lost)
  for _, range in ipairs(ranges) do job.suspects[#job.suspects + 1] = { range[1], range[2], lost = lost } end
end

local function in_order(entries) return union(entries, {}) end

-- Suspects without the pages of `ranges`.
local function cleared(entries, ranges)
  local rest = {}
  for _, entry in ipairs(entries) do
    for _, range in ipairs(minus({ entry }, ranges)) do
      rest[#rest + 1] = { range[1], range[2], lost = entry.lost }
    end
  end
  return rest
end

-- Of the first suspects a few pages, or one when they were lost twice; what is taken is suspected no more.
local function take_suspects(job, pages_max)
  local entry = table.remove(job.suspects, 1)
  local pages = entry.lost >= SUSPECT_ALONE and 1 or math.min(SUSPECT_PAGES, pages_max)
  local taken, rest = take({ entry }, pages)
  for _, range in ipairs(rest) do
    table.insert(job.suspects, 1, { range[1], range[2], lost = entry.lost })
  end
  return taken, entry.lost
end

-- Whoever waits longest is next; a grant takes its job out of the line, so that it joins at the end.
local function line_up(job)
  if #job.suspects == 0 then
    redis.call('ZREM', P .. 'suspects', job.id)
  else
    redis.call('ZADD', P .. 'suspects', 'NX', exact(now), job.id)
  end
end
