/** What quota-edit.ts does, where a bucket is a string. Each answers with how many numbers, and the numbers. */
export const quotaEdits = `
do
  local twin = twins['quota']
  local MOST, REVOKED = 32, 4503599627370496

  local function known(grants, id)
    for i = 1, #grants do
      if grants[i][1] == id[1] and grants[i][2] == id[2] then return grants[i] end
    end
  end

  local function put(bucket, policy, now, s)
    twin.save(bucket, policy, now, s)
    answer_all({1}, 1)
  end

  function twin.grant(bucket, policy, now)
    local s, wrong = twin.load(bucket, policy, now, true, true)
    if not s then return wrong end
    if known(s.grants, policy.id) then return answer_all({0}, 1) end
    local kept, spent = {}, #s.grants < MOST
    for i = 1, #s.grants do
      local grant = s.grants[i]
      if not spent and (grant[4] == 0 or grant[4] == REVOKED or grant[3] <= now) then
        spent = true
      else
        kept[#kept + 1] = grant
      end
    end
    if #kept == MOST then return answer_all({-1}, 1) end
    local at = 1
    while kept[at] and kept[at][3] <= policy.expires do at = at + 1 end
    table.insert(kept, at, {policy.id[1], policy.id[2], policy.expires, policy.cost})
    s.grants = kept
    put(bucket, policy, now, s)
  end

  function twin.revoke(bucket, policy, now)
    local s, wrong = twin.load(bucket, policy, now, true, true)
    if not s then return wrong end
    local grant = known(s.grants, policy.id)
    if not grant or grant[4] == REVOKED then return answer_all({0}, 1) end
    grant[4] = REVOKED
    put(bucket, policy, now, s)
  end

  function twin.past(bucket, policy, now)
    local s, wrong = twin.load(bucket, policy, now, true)
    if not s then return wrong end
    local numbers = {}
    for first = 1, #s.past, 13 do
      local from, units = parse('>i6I7', s.past, first)
      numbers[#numbers + 1] = from
      numbers[#numbers + 1] = units
    end
    answer_all(numbers, #numbers)
  end
end
`
