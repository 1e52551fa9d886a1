/**
 * Cells: the last instant written, the level then in units of 1 / window, and the quota of the policy that wrote it.
 * Serves the token and the leaky bucket.
 */
export const meterTwin = `
do
  local LAYOUT, LENGTH = '>i6I7I7', 20
  local LARGEST = 9007199254740992
  local twin = {}

  local function save(bucket, now, level, rate)
    keep(bucket, pack(LAYOUT, now, level, rate), ceil(level / rate))
  end

  -- The level and the rate at which it drains, as they are now.
  local function state_of(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return 0, policy.quota end
    if not raw or #raw ~= LENGTH then return nil, wrong or STRANGE end
    local last, written, rate = parse(LAYOUT, raw)
    if written > LARGEST or rate > LARGEST or rate == 0 then return nil, STRANGE end
    if written == 0 then return 0, policy.quota end
    local level = written - (now - last) * rate
    if level <= 0 then return 0, policy.quota end
    if now < last then
      level = min(max(policy.capacity * policy.window, written), level)
      save(bucket, now, level, rate)
    end
    return level, rate
  end

  function twin.read(bucket, policy, now)
    local level, rate = state_of(bucket, policy, now)
    if not level then return nil, rate end
    answer_two(level, rate)
    return level
  end

  function twin.admits(policy, now, level)
    return policy.soft or policy.cost * policy.window <= policy.capacity * policy.window - level
  end

  function twin.write(bucket, policy, now, level)
    local units = policy.soft and owed(policy, ceil(level / policy.window)) or policy.cost
    save(bucket, now, level + units * policy.window, policy.quota)
  end

  function twin.give(bucket, policy, now)
    local level, rate = state_of(bucket, policy, now)
    if not level then return rate end
    if level == 0 then return end
    local credit = max(0, policy.cost * policy.window - max(0, now - policy.taken) * max(policy.quota, rate))
    save(bucket, now, max(0, level - credit), rate)
  end

  twins['token-bucket'], twins['leaky-bucket'] = twin, twin
end
`
