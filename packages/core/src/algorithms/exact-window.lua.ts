/** A bucket: the instants at which its units return, latest first, 8 bytes each. Cells: those that are yet to come. */
export const exactWindowTwin = `
twins['exact-window'] = function()
  local UNITS = 10
  local twin, formats = {}, {}
  for units = 1, UNITS do formats[units] = '>' .. string.rep('d', units) end

  local function save(bucket, cells, units, now)
    if units == 0 then
      call('DEL', bucket)
    else
      call('SET', bucket, pack(formats[units], unpack(cells, 1, units)), 'PX', format('%d', cells[1] - now + grace))
    end
  end

  -- The units in the bucket, all of them or only those yet to come, and how many.
  local function parse(raw, now)
    local length = #raw / 8
    local layout = formats[length]
    if not layout then return end
    local cells, units = {struct.unpack(layout, raw)}, length
    for i = 1, length do
      local returns = cells[i]
      if returns % 1 ~= 0 or returns < 0 or returns > 9007199254740992 then return end
    end
    while units > 0 and cells[units] <= now do units = units - 1 end
    return cells, units
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return '', {}, 0 end
    if not raw then return nil, wrong end
    local cells, units = parse(raw, now)
    if not cells then return nil, STRANGE end
    local latest = now + policy.window
    if units > 0 and cells[1] > latest then
      for i = 1, units do cells[i] = min(cells[i], latest) end
      save(bucket, cells, units, now)
    end
    local texts = {}
    for i = 1, units do texts[i] = format('%.0f', cells[i]) end
    -- A lone number would not arrive as text over REST.
    texts[units + 1] = '0'
    return table.concat(texts, ' '), cells, units
  end

  function twin.room(policy, now, cells, units)
    return policy.quota - units
  end

  function twin.write(bucket, policy, now, cells, units)
    local cost = policy.cost
    for i = units, 1, -1 do cells[i + cost] = cells[i] end
    for i = 1, cost do cells[i] = now + policy.window end
    save(bucket, cells, units + cost, now)
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    if not raw then return wrong end
    local cells, units = parse(raw, now)
    if not cells then return STRANGE end
    local returns, left, back = policy.taken + policy.window, {}, 0
    for i = 1, units do
      if cells[i] == returns and back < policy.cost then
        back = back + 1
      else
        left[#left + 1] = cells[i]
      end
    end
    if back > 0 then save(bucket, left, #left, now) end
  end

  return twin
end
`
