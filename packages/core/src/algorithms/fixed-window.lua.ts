/** Cells: the window's start, the units taken in it. */
export const fixedWindowTwin = `
do
  local LAYOUT, LENGTH = '>i6I7', 13
  local twin = {}

  local function save(bucket, policy, now, start, taken)
    keep(bucket, pack(LAYOUT, start, taken), taken > 0 and start + policy.window - now or 0)
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    local start, taken = now, 0
    if raw ~= '' then
      if not raw or #raw ~= LENGTH then return nil, wrong or STRANGE end
      start, taken = parse(LAYOUT, raw)
      if start > now and taken > 0 then
        start = now
        save(bucket, policy, now, start, taken)
      end
      if taken == 0 or now >= start + policy.window then start, taken = now, 0 end
    end
    answer_two(start, taken)
    return start, taken
  end

  function twin.admits(policy, now, start, taken)
    return policy.soft or policy.cost <= policy.quota - taken
  end

  function twin.write(bucket, policy, now, start, taken)
    local units = policy.soft and owed(policy, taken) or policy.cost
    if taken > 0 then
      call('SET', bucket, pack(LAYOUT, start, taken + units), 'KEEPTTL')
    else
      save(bucket, policy, now, start, units)
    end
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    if not raw or #raw ~= LENGTH then return wrong or STRANGE end
    local start, taken = parse(LAYOUT, raw)
    if policy.taken < start or now >= start + policy.window then return end
    save(bucket, policy, now, start, max(0, taken - policy.cost))
  end

  twins['fixed-window'] = twin
end
`
