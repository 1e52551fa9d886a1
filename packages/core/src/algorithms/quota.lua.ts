/**
 * A string: when its period began, the units used, rolled over, the quota as it was last, the units taken of grants, when
 * the bucket is no longer needed, and how many past periods (start, units) and grants (id, id, expiry, units left) follow. `policy.at` has six beginnings of periods around now; this server's clock decides in which of them now is.
 *
 * It answers -1 for no bucket; its period's beginning and the units used, where that is all there is to say; or -2 less
 * that beginning, and all but the past.
 */
export const quotaTwin = `
local CALENDAR = 'calendar'
do
  local HEAD, SIZE = '>i6I7I7I7I7i6BB', 42
  local PAST, PAST_SIZE = '>i6I7', 13
  local GRANT, GRANT_SIZE = '>I6I6i6I7', 25
  local NEVER, REVOKED = 140737488355327, 4503599627370496
  local twin = {NEVER = NEVER}

  local function period_of(policy, now)
    local at = policy.at
    if now < at[5] then
      for i = 4, 2, -1 do
        if now >= at[i] then return i end
      end
    end
  end

  local function grants_of(raw, first, count)
    local grants = {}
    for i = 1, count do
      local id, id2, expiry, left = parse(GRANT, raw, first + (i - 1) * GRANT_SIZE)
      grants[i] = {id, id2, expiry, left}
    end
    return grants
  end

  local function sum_of_live(grants, now)
    local units = 0
    for i = 1, #grants do
      local left = grants[i][4]
      if grants[i][3] > now and left ~= REVOKED then units = units + left end
    end
    return units
  end

  -- Begins a period; where the clock went back, what was counted in the periods to come was counted in this one.
  local function turn(s, policy, start, previous)
    local past, first = s.past, 1
    if s.start > start then
      while first < #past do
        local from, units = parse(PAST, past, first)
        if from < start then break end
        s.used = s.used + units
        first = first + PAST_SIZE
      end
      s.past = string.sub(past, first)
    else
      local passed = s.start == previous and min(policy.rollover, max(0, s.quota + s.carried - s.used)) or 0
      past = pack(PAST, s.start, s.used + s.drawn) .. past
      s.past = string.sub(past, 1, policy.history * PAST_SIZE)
      s.used, s.drawn, s.carried, s.quota = 0, 0, passed, policy.quota
      local kept = {}
      for i = 1, #s.grants do
        if s.grants[i][3] > start then kept[#kept + 1] = s.grants[i] end
      end
      s.grants = kept
    end
    s.start = start
  end

  local function answer_whole(s)
    answer(-2 - s.start)
    answer(s.used)
    answer(s.carried)
    answer(s.quota)
    answer(s.drawn)
    answer(#s.grants)
    for i = 1, #s.grants do
      answer(s.grants[i][3])
      answer(s.grants[i][4])
    end
  end

  -- As neededUntil, worked out once for the entries of a command.
  local function needed_until(policy, i)
    if policy.needed_in ~= i then
      local at, keep = policy.at, policy.keep
      local ending, after = at[i + 1], at[i + 2]
      policy.needed_in = i
      policy.needed = keep == 0 and ending or after + max(ending - at[i], after - ending) * (keep - 1)
    end
    return policy.needed
  end

  local function save(bucket, policy, now, s)
    local grants = ''
    local needed = needed_until(policy, s.i)
    for i = 1, #s.grants do
      local grant = s.grants[i]
      grants = grants .. pack(GRANT, grant[1], grant[2], grant[3], grant[4])
      needed = max(needed, grant[3])
    end
    needed = min(NEVER, max(s.till, needed))
    local raw = pack(HEAD, s.start, s.used, s.carried, s.quota, s.drawn, needed, #s.past / PAST_SIZE, #s.grants)
    if s.past ~= '' or grants ~= '' then raw = raw .. s.past .. grants end
    if needed == s.till then
      call('SET', bucket, raw, 'KEEPTTL')
    elseif needed == NEVER then
      call('SET', bucket, raw)
    else
      keep(bucket, raw, max(1, needed - now))
    end
  end

  -- With 'still', a bucket of an earlier period stays in it.
  local function load(bucket, policy, now, quiet, still, found)
    local i = period_of(policy, now)
    if not i then return nil, CALENDAR end
    local raw, wrong = found, nil
    if not raw then raw, wrong = get(bucket) end
    local start, s = policy.at[i], nil
    local from, used, carried, quota, drawn, till, count, grants
    if raw ~= '' then
      if not raw or #raw < SIZE then return nil, wrong or STRANGE end
      from, used, carried, quota, drawn, till, count, grants = parse(HEAD, raw)
      if #raw ~= SIZE + count * PAST_SIZE + grants * GRANT_SIZE then return nil, STRANGE end
    end
    if raw == '' or now >= till then
      if not quiet then answer(-1) end
      s = {start = start, used = 0, carried = 0, quota = policy.quota, drawn = 0, till = 0, past = '', grants = {}, live = 0}
      s.moved = true
    else
      local first = SIZE + count * PAST_SIZE
      s = {start = from, used = used, carried = carried, quota = quota, drawn = drawn, till = till, grants = {}, live = 0}
      s.past = count > 0 and string.sub(raw, SIZE + 1, first) or ''
      if grants > 0 then s.grants = grants_of(raw, first + 1, grants) end
      if from == start and grants == 0 and carried == 0 and drawn == 0 and quota == policy.quota then
        if not quiet then answer_two(start, used) end
      else
        if not quiet and from <= start then answer_whole(s) end
        if from > start or (from < start and not still) then
          turn(s, policy, start, policy.at[i - 1])
          s.moved = from < start
        end
        if from > start then
          s.i, s.ending = i, policy.at[i + 1]
          save(bucket, policy, now, s)
          if not quiet then answer_whole(s) end
        end
        s.live = sum_of_live(s.grants, now)
      end
    end
    s.i, s.ending = i, policy.at[i + 1]
    s.left = policy.quota + s.carried - s.used
    return s
  end

  -- Of the grants that expire after the one time, and not after the other.
  local function draw(s, cost, from, to)
    local wanted = cost
    for i = 1, #s.grants do
      local grant = s.grants[i]
      if grant[3] > from and grant[3] <= to and wanted > 0 and grant[4] ~= REVOKED then
        local taken = min(wanted, grant[4])
        grant[4] = grant[4] - taken
        wanted = wanted - taken
      end
    end
    return cost - wanted
  end

  -- As nearly always, a bucket in its period of which only the quota was used is three values, and no table: that
  -- beginning, the units used, and itself.
  function twin.read(bucket, policy, now)
    local i = period_of(policy, now)
    local raw = i and get(bucket)
    if raw and #raw >= SIZE then
      local from, used, carried, quota, drawn, till, count, grants = parse(HEAD, raw)
      local start = policy.at[i]
      if
        from == start and grants == 0 and carried == 0 and drawn == 0 and quota == policy.quota
        and needed_until(policy, i) <= till and #raw == SIZE + count * PAST_SIZE
      then
        answer_two(start, used)
        return start, used, raw
      end
    end
    return load(bucket, policy, now, false, false, raw)
  end

  function twin.admits(policy, now, s, used, raw)
    if raw then
      if policy.soft then return policy.cost <= 9007199254740991 - used end
      return policy.cost <= policy.quota + policy.overage - used
    end
    if policy.soft then return policy.cost <= 9007199254740991 - s.used end
    return policy.cost <= max(0, s.left + policy.overage) + s.live
  end

  function twin.write(bucket, policy, now, s, used, raw)
    if raw then
      call('SETRANGE', bucket, 6, pack('>I7', used + policy.cost))
      return
    end
    local cost, drawn = policy.cost, 0
    if s.live > 0 then
      drawn = draw(s, cost, now, s.ending)
      drawn = drawn + draw(s, max(0, cost - drawn - max(0, s.left)), max(now, s.ending), NEVER)
    end
    s.used = s.used + cost - drawn
    s.drawn = s.drawn + drawn
    s.quota = policy.quota
    save(bucket, policy, now, s)
  end

  function twin.give(bucket, policy, now)
    local s, wrong = load(bucket, policy, now, true)
    if not s then return wrong end
    if s.moved or policy.taken < s.start then return nil, 0 end
    local over = max(0, -s.left)
    local back = min(policy.cost, s.used)
    local more = min(policy.cost - back, s.drawn)
    s.used = s.used - back
    s.drawn = s.drawn - more
    for i = #s.grants, 1, -1 do
      local grant = s.grants[i]
      if more > 0 and grant[3] > now and grant[4] ~= REVOKED then
        grant[4] = grant[4] + more
        more = 0
      end
    end
    save(bucket, policy, now, s)
    return nil, min(over, back)
  end

  twin.load, twin.save = load, save
  twins['quota'] = twin
end
`
