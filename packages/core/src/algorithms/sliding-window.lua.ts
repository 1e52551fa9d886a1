/** Cells: a window's number, the units of the window before it, and its own. */
export const slidingWindowTwin = `
twins['sliding-window'] = function()
  local twin = {}

  local function weighted(previous, policy, elapsed)
    if previous == 0 then return 0 end
    local window, product = policy.window, policy.quota * policy.window
    local grain = product <= 2251799813685248 and 1 or ceil(product / 2251799813685248)
    local parts = ceil(window / grain)
    return floor((2 * previous * (parts - floor(elapsed / grain)) + parts) / (2 * parts))
  end

  local function save(bucket, policy, now, number, previous, current)
    local windows = current > 0 and 2 or previous > 0 and 1 or 0
    local ms = windows == 0 and 0 or (number + windows) * policy.window - now
    keep(bucket, format('%d %d %d', number, previous, current), ms)
  end

  local function parse(raw)
    local number, previous, current = match(raw or '', '^(%-?%d+) (%d+) (%d+)$')
    if number then return number + 0, previous + 0, current + 0 end
  end

  function twin.read(bucket, policy, now)
    local window = floor(now / policy.window)
    local raw, wrong = get(bucket)
    if raw == '' then return '', window, 0, 0 end
    local number, previous, current = parse(raw)
    if not number then return nil, wrong or STRANGE end
    if number == window then return raw, number, previous, current end
    if number == window - 1 then return raw, window, current, 0 end
    if number < window then return raw, window, 0, 0 end
    current = min(policy.quota, previous + current)
    save(bucket, policy, now, window, 0, current)
    return raw, window, 0, current
  end

  function twin.room(policy, now, window, previous, current)
    return policy.quota - current - weighted(previous, policy, now - window * policy.window)
  end

  function twin.write(bucket, policy, now, window, previous, current)
    if current > 0 then
      call('SET', bucket, format('%d %d %d', window, previous, current + policy.cost), 'KEEPTTL')
    else
      save(bucket, policy, now, window, previous, policy.cost)
    end
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    local number, previous, current = parse(raw)
    if not number then return wrong or STRANGE end
    local age = number - floor(policy.taken / policy.window)
    if age == 0 then
      save(bucket, policy, now, number, previous, max(0, current - policy.cost))
    elseif age == 1 then
      save(bucket, policy, now, number, max(0, previous - policy.cost), current)
    end
  end

  return twin
end
`
