/**
 * Cells: the last instant written, the level then in units of 1 / window, and the quota of the policy that wrote it.
 * Serves the token and the leaky bucket.
 */
export const meterTwin = `
local function meter()
  local twin = {}

  local function save(bucket, now, level, rate)
    keep(bucket, format('%d %d %d', now, level, rate), ceil(level / rate))
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return '', 0, policy.quota end
    local last, level, rate = match(raw or '', '^(%-?%d+) (%d+) (%d+)$')
    if not last then return nil, wrong or STRANGE end
    last, level, rate = last + 0, level + 0, rate + 0
    if level == 0 then return raw, 0, policy.quota end
    level = level - (now - last) * rate
    if now >= last then return raw, max(0, level), rate end
    level = min(policy.capacity * policy.window, level)
    save(bucket, now, level, rate)
    return raw, level, rate
  end

  function twin.room(policy, now, level)
    return floor((policy.capacity * policy.window - level) / policy.window)
  end

  function twin.write(bucket, policy, now, level)
    save(bucket, now, level + policy.cost * policy.window, policy.quota)
  end

  function twin.give(bucket, policy, now)
    local found, level, rate = twin.read(bucket, policy, now)
    if not found then return level end
    if found == '' then return end
    local credit = max(0, policy.cost * policy.window - max(0, now - policy.taken) * policy.quota)
    save(bucket, now, max(0, level - credit), rate)
  end

  return twin
end
twins['token-bucket'] = meter
twins['leaky-bucket'] = meter
`
