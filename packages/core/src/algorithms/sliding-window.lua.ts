/** Cells: a window's number, the units of the window before it, and its own. */
export const slidingWindowTwin = `
do
  local SMALL, LARGE = '>i6I3I3', '>i6I7I7'
  local twin = {}

  local function weighted(previous, policy, elapsed)
    local window, product = policy.window, policy.quota * policy.window
    local grain = product <= 2251799813685248 and 1 or ceil(product / 2251799813685248)
    local parts = ceil(window / grain)
    return floor((2 * previous * (parts - floor(elapsed / grain)) + parts) / (2 * parts))
  end

  local function packed(number, previous, current)
    local large = previous > 16777215 or current > 16777215
    return pack(large and LARGE or SMALL, number, previous, current)
  end

  local function save(bucket, policy, now, number, previous, current)
    local windows = current > 0 and 2 or previous > 0 and 1 or 0
    local ms = windows == 0 and 0 or (number + windows) * policy.window - now
    keep(bucket, packed(number, previous, current), ms)
  end

  local function cells_of(raw)
    local length = #raw
    if length == 12 then return parse(SMALL, raw) end
    if length == 20 then return parse(LARGE, raw) end
  end

  function twin.read(bucket, policy, now)
    local window = floor(now / policy.window)
    local previous, current = 0, 0
    local raw, wrong = get(bucket)
    if raw ~= '' then
      local number
      number, previous, current = cells_of(raw or '')
      if not number then return nil, wrong or STRANGE end
      if number > window then
        -- Both windows are counted as one, up to the quota, or to what the fuller of them owes beyond it.
        previous, current = 0, min(max(policy.quota, previous, current), previous + current)
        save(bucket, policy, now, window, previous, current)
      elseif number == window - 1 then
        previous, current = current, 0
      elseif number < window then
        previous, current = 0, 0
      end
    end
    answer_two(previous, current)
    return window, previous, current
  end

  local function used_in(policy, now, window, previous, current)
    if previous == 0 then return current end
    return current + weighted(previous, policy, now - window * policy.window)
  end

  function twin.admits(policy, now, window, previous, current)
    return policy.soft or policy.cost <= policy.quota - used_in(policy, now, window, previous, current)
  end

  function twin.write(bucket, policy, now, window, previous, current)
    local units = policy.soft and owed(policy, used_in(policy, now, window, previous, current)) or policy.cost
    if current > 0 then
      call('SET', bucket, packed(window, previous, current + units), 'KEEPTTL')
    else
      save(bucket, policy, now, window, previous, units)
    end
  end

  function twin.give(bucket, policy, now)
    local raw, wrong = get(bucket)
    if raw == '' then return end
    local number, previous, current = cells_of(raw or '')
    if not number then return wrong or STRANGE end
    local age = number - floor(policy.taken / policy.window)
    if age == 0 then
      save(bucket, policy, now, number, previous, max(0, current - policy.cost))
    elseif age == 1 then
      save(bucket, policy, now, number, max(0, previous - policy.cost), current)
    end
  end

  twins['sliding-window'] = twin
end
`
