/** Cells: the instants at which units return, latest first; those that are yet to come. 6 bytes each in the bucket. */
export const exactWindowTwin = `
do
  local UNITS, BYTES, UNIT = 10, 6, '>i6'
  local rep, sub = string.rep, string.sub
  local twin = {}

  -- The first so many units of raw, of which the first returns last.
  local function save(bucket, raw, units, now)
    keep(bucket, sub(raw, 1, units * BYTES), units > 0 and parse(UNIT, raw) - now or 0)
  end

  -- The units in the bucket that are yet to come: all that are left of raw, and their number; or what is wrong.
  local function live_of(bucket, now)
    local raw, wrong = get(bucket)
    if not raw then return nil, wrong end
    local units = #raw / BYTES
    if units > UNITS or units % 1 ~= 0 then return nil, STRANGE end
    while units > 0 and parse(UNIT, raw, (units - 1) * BYTES + 1) <= now do units = units - 1 end
    return raw, units
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
    local raw, units = live_of(bucket, now)
    if not raw then return nil, units end
    local latest = now + policy.window
    if units > 0 and parse(UNIT, raw) > latest then
      raw = pulled_back(raw, units, latest)
      save(bucket, raw, units, now)
    end
    answer(units)
    for unit = 0, units - 1 do reply[at + 1 + unit] = parse(UNIT, raw, unit * BYTES + 1) end
    at = at + units
    return raw, units
  end

  function twin.admits(policy, now, raw, units)
    return policy.cost <= policy.quota - units
  end

  function twin.write(bucket, policy, now, raw, units)
    local taken = rep(pack(UNIT, now + policy.window), policy.cost)
    save(bucket, taken .. raw, policy.cost + units, now)
  end

  function twin.give(bucket, policy, now)
    local raw, units = live_of(bucket, now)
    if not raw then return units end
    local taken = pack(UNIT, policy.taken + policy.window)
    local left, kept, back = '', 0, 0
    for unit = 0, units - 1 do
      local one = sub(raw, unit * BYTES + 1, (unit + 1) * BYTES)
      if one == taken and back < policy.cost then
        back = back + 1
      else
        left, kept = left .. one, kept + 1
      end
    end
    if back > 0 then save(bucket, left, kept, now) end
  end

  twins['exact-window'] = twin
end
`
