/** Cells: the last instant written, the level then in units of 1 / window. Serves the token and the leaky bucket. */
export const meterTwin = `
local function meter()
  local twin = {}

  local function save(bucket, policy, now, level)
    keep(bucket, format('%d %d', now, level), ceil(level / policy.quota))
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return '', 0 end
    local last, level = match(raw or '', '^(%-?%d+) (%d+)$')
    if not last then return nil, wrong or STRANGE end
    last, level = last + 0, level + 0
    if level == 0 then return raw, 0 end
    level = level - (now - last) * policy.quota
    if now >= last then return raw, max(0, level) end
    level = min(policy.capacity * policy.window, level)
    save(bucket, policy, now, level)
    return raw, level
  end

  function twin.room(policy, now, level)
    return floor((policy.capacity * policy.window - level) / policy.window)
  end

  function twin.write(bucket, policy, now, level)
    save(bucket, policy, now, level + policy.cost * policy.window)
  end

  function twin.give(bucket, policy, now)
    local found, level = twin.read(bucket, policy, now)
    if not found then return level end
    if found == '' then return end
    local credit = max(0, policy.cost * policy.window - max(0, now - policy.taken) * policy.quota)
    save(bucket, policy, now, max(0, level - credit))
  end

  return twin
end
twins['token-bucket'] = meter
twins['leaky-bucket'] = meter
`
