/** Cells: the window's start, the units taken in it. */
export const fixedWindowTwin = `
twins['fixed-window'] = function()
  local twin = {}

  local function save(bucket, policy, now, start, taken)
    keep(bucket, format('%d %d', start, taken), taken > 0 and start + policy.window - now or 0)
  end

  local function parse(raw)
    local start, taken = match(raw or '', '^(%-?%d+) (%d+)$')
    if start then return start + 0, taken + 0 end
  end

  function twin.read(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return '', now, 0 end
    local start, taken = parse(raw)
    if not start then return nil, wrong or STRANGE end
    if start > now and taken > 0 then
      start = now
      save(bucket, policy, now, start, taken)
    end
    if taken == 0 or now >= start + policy.window then return raw, now, 0 end
    return raw, start, taken
  end

  function twin.room(policy, now, start, taken)
    return policy.quota - taken
  end

  function twin.write(bucket, policy, now, start, taken)
    if taken > 0 then
      call('SET', bucket, format('%d %d', start, taken + policy.cost), 'KEEPTTL')
    else
      save(bucket, policy, now, start, policy.cost)
    end
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    local start, taken = parse(raw)
    if not start then return wrong or STRANGE end
    if policy.taken < start or now >= start + policy.window then return end
    save(bucket, policy, now, start, max(0, taken - policy.cost))
  end

  return twin
end
`
