/** Cells: the newest part's number, then a ring of k + 1 counters, all in one table; the counters share one width. */
export const subWindowsTwin = `
do
  local FIRST = 6
  local twin, layouts = {}, {}

  local function layout_of(counters, bytes)
    local key = counters * 8 + bytes
    local layout = layouts[key]
    if not layout then
      layout = '>i6' .. string.rep('I' .. bytes, counters)
      layouts[key] = layout
    end
    return layout
  end

  local function part_ms(policy)
    return ceil(policy.window / policy.parts)
  end

  local function slot(policy, part)
    return 2 + part % (policy.parts + 1)
  end

  local function sum_from(cells, policy, oldest)
    local sum = 0
    for part = max(oldest, cells[1] - policy.parts, 0), cells[1] do sum = sum + cells[slot(policy, part)] end
    return sum
  end

  local function save(bucket, cells, policy, now)
    local ms, most = 0, 0
    for part = cells[1], max(0, cells[1] - policy.parts), -1 do
      local count = cells[slot(policy, part)]
      if count > 0 and ms == 0 then ms = (part + policy.parts + 1) * part_ms(policy) - now end
      most = max(most, count)
    end
    local bytes = most < 256 and 1 or most < 65536 and 2 or most < 4294967296 and 4 or 7
    keep(bucket, pack(layout_of(policy.parts + 1, bytes), unpack(cells, 1, policy.parts + 2)), ms)
  end

  local function cells_of(raw, policy)
    local bytes = (#raw - FIRST) / (policy.parts + 1)
    if bytes == 1 or bytes == 2 or bytes == 4 or bytes == 7 then
      return {parse(layout_of(policy.parts + 1, bytes), raw)}
    end
  end

  local function fresh(policy)
    local cells = {0}
    for i = 2, policy.parts + 2 do cells[i] = 0 end
    return cells
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then
      answer(0)
      return fresh(policy)
    end
    local cells = cells_of(raw or '', policy)
    if not cells then return nil, wrong or STRANGE end
    local part = floor(now / part_ms(policy))
    if cells[1] > part then
      local sum = sum_from(cells, policy, 0)
      cells = fresh(policy)
      cells[1] = part
      cells[slot(policy, part)] = sum
      save(bucket, cells, policy, now)
    end
    answer_all(cells, policy.parts + 2)
    return cells
  end

  local function taken_in(cells, policy, now)
    return sum_from(cells, policy, floor(now / part_ms(policy)) - policy.parts)
  end

  function twin.admits(policy, now, cells)
    return policy.soft or policy.cost <= policy.quota - taken_in(cells, policy, now)
  end

  function twin.write(bucket, policy, now, cells)
    local units = policy.soft and owed(policy, taken_in(cells, policy, now)) or policy.cost
    local part = floor(now / part_ms(policy))
    for stale = max(cells[1], part - policy.parts - 1) + 1, part do cells[slot(policy, stale)] = 0 end
    cells[1] = part
    local counter = slot(policy, part)
    cells[counter] = cells[counter] + units
    save(bucket, cells, policy, now)
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    local cells = cells_of(raw or '', policy)
    if not cells then return wrong or STRANGE end
    local part = floor(policy.taken / part_ms(policy))
    if part > cells[1] or part < cells[1] - policy.parts then return end
    local counter = slot(policy, part)
    cells[counter] = max(0, cells[counter] - policy.cost)
    save(bucket, cells, policy, now)
  end

  twins['sub-windows'] = twin
end
`
