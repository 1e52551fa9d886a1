/** Cells: the newest part's number, then a ring of k + 1 counters, all in one table. */
export const subWindowsTwin = `
twins['sub-windows'] = function()
  local twin = {}

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
    local ms, texts = 0, {}
    for part = cells[1], max(0, cells[1] - policy.parts), -1 do
      if cells[slot(policy, part)] > 0 then
        ms = (part + policy.parts + 1) * part_ms(policy) - now
        break
      end
    end
    for i = 1, policy.parts + 2 do texts[i] = format('%d', cells[i]) end
    keep(bucket, table.concat(texts, ' '), ms)
  end

  local function parse(raw, policy)
    local cells, count = {}, 0
    for number in gmatch(raw or '', '%d+') do
      count = count + 1
      cells[count] = number + 0
    end
    return count == policy.parts + 2 and cells
  end

  local function fresh(policy)
    local cells = {0}
    for i = 2, policy.parts + 2 do cells[i] = 0 end
    return cells
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return '', fresh(policy) end
    local cells = parse(raw, policy)
    if not cells then return nil, wrong or STRANGE end
    local part = floor(now / part_ms(policy))
    if cells[1] > part then
      local sum = min(policy.quota, sum_from(cells, policy, 0))
      cells = fresh(policy)
      cells[1] = part
      cells[slot(policy, part)] = sum
      save(bucket, cells, policy, now)
    end
    return raw, cells
  end

  function twin.room(policy, now, cells)
    return policy.quota - sum_from(cells, policy, floor(now / part_ms(policy)) - policy.parts)
  end

  function twin.write(bucket, policy, now, cells)
    local part = floor(now / part_ms(policy))
    for stale = max(cells[1], part - policy.parts - 1) + 1, part do cells[slot(policy, stale)] = 0 end
    cells[1] = part
    local counter = slot(policy, part)
    cells[counter] = cells[counter] + policy.cost
    save(bucket, cells, policy, now)
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    local cells = parse(raw, policy)
    if not cells then return wrong or STRANGE end
    local part = floor(policy.taken / part_ms(policy))
    if part > cells[1] or part < cells[1] - policy.parts then return end
    local counter = slot(policy, part)
    cells[counter] = max(0, cells[counter] - policy.cost)
    save(bucket, cells, policy, now)
  end

  return twin
end
`
