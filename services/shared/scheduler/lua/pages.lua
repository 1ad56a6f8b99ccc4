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
