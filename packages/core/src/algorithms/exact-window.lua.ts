/**
 * Cells: the instants at which units return, latest first; those that are yet to come. 6 bytes each in the bucket. Where
 * all ten are, the number of further units and the instant at which those return may follow.
 */
export const exactWindowTwin = `
do
  local UNITS, BYTES, UNIT = 10, 6, '>i6'
  local REST, WITH_REST = '>I7i6', 73
  local rep, sub = string.rep, string.sub
  local twin = {}

  -- The first so many units of raw, of which the first returns last.
  local function save(bucket, raw, units, rest, now)
    raw = sub(raw, 1, units * BYTES)
    if rest then raw = raw .. pack(REST, rest.units, rest.returns) end
    keep(bucket, raw, units > 0 and parse(UNIT, raw) - now or 0)
  end

  -- The units in the bucket that are yet to come: all that are left of raw, their number, and the rest, if any; or what is wrong.
  local function live_of(bucket, now)
    local raw, wrong = get(bucket)
    if not raw then return nil, wrong end
    local rest
    if #raw == WITH_REST then
      local units, returns = parse(REST, raw, UNITS * BYTES + 1)
      if returns > now then rest = {units = units, returns = returns} end
      raw = sub(raw, 1, UNITS * BYTES)
    end
    local units = #raw / BYTES
    if units > UNITS or units % 1 ~= 0 then return nil, STRANGE end
    while units > 0 and parse(UNIT, raw, (units - 1) * BYTES + 1) <= now do units = units - 1 end
    return raw, units, rest
  end

  -- The clock went back: what was taken in its future was taken now.
  local function pulled_back(raw, units, latest)
    local pulled = ''
    for unit = 0, units - 1 do
      pulled = pulled .. pack(UNIT, min(latest, (parse(UNIT, raw, unit * BYTES + 1))))
    end
    return pulled
  end

  function twin.read(bucket, policy, now)
    local raw, units, rest = live_of(bucket, now)
    if not raw then return nil, units end
    local latest = now + policy.window
    if units > 0 and parse(UNIT, raw) > latest then
      raw = pulled_back(raw, units, latest)
      if rest then rest.returns = min(rest.returns, latest) end
      save(bucket, raw, units, rest, now)
    end
    answer(rest and UNITS + 2 or units)
    for unit = 0, units - 1 do reply[at + 1 + unit] = parse(UNIT, raw, unit * BYTES + 1) end
    at = at + units
    if rest then answer_two(rest.units, rest.returns) end
    return raw, units, rest
  end

  function twin.admits(policy, now, raw, units)
    return policy.soft or policy.cost <= policy.quota - units
  end

  function twin.write(bucket, policy, now, raw, units, rest)
    local cost, returns = policy.cost, now + policy.window
    if policy.soft then
      cost = owed(policy, units + (rest and rest.units or 0))
      local left = units + cost - UNITS
      if left > 0 then
        -- Those that are left without a place return together, with the latest of them.
        local latest = cost > UNITS and returns or parse(UNIT, raw, (UNITS - cost) * BYTES + 1)
        rest = {units = left + (rest and rest.units or 0), returns = latest}
      end
    end
    local taken = rep(pack(UNIT, returns), min(cost, UNITS))
    save(bucket, taken .. raw, min(units + cost, UNITS), rest, now)
  end

  function twin.give(bucket, policy, now)
    local raw, units, rest = live_of(bucket, now)
    if not raw then return units end
    local returns = policy.taken + policy.window
    local taken = pack(UNIT, returns)
    local left, kept, back = '', 0, 0
    for unit = 0, units - 1 do
      local one = sub(raw, unit * BYTES + 1, (unit + 1) * BYTES)
      if one == taken and back < policy.cost then
        back = back + 1
      else
        left, kept = left .. one, kept + 1
      end
    end
    local given = back
    if rest then
      if rest.returns == returns then given = back + min(rest.units, policy.cost - back) end
      local more = rest.units - (given - back)
      local moved = min(more, back)
      left, kept = left .. rep(pack(UNIT, rest.returns), moved), kept + moved
      rest = more > moved and {units = more - moved, returns = rest.returns} or nil
    end
    if given > 0 then save(bucket, left, kept, rest, now) end
  end

  twins['exact-window'] = twin
end
`
