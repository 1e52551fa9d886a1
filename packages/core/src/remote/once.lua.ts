/**
 * A take that counts an id once. It answers with its time, the cost, quota and capacity of each policy (of a soft one that
 * owes, less than 0), and then as any take. KEYS has two more names for it: a hash of what the ids were answered, and a list of the ids in their order, by
 * which the oldest are forgotten.
 */
export const onceScript = `
local MOST_IDS = 10000

-- Forgets what is too old, or too much: a few at a time.
local function forget_ids(ids, order, now, keep)
  for _ = 1, 8 do
    local id = call('LINDEX', order, 0)
    if not id then return end
    local said = call('HGET', ids, id)
    local at = said and match(said, '^%d+')
    if at and at + keep > now and call('LLEN', order) <= MOST_IDS then return end
    call('LPOP', order)
    if at then call('HDEL', ids, id) end
  end
end

local function take_once(command, buckets, first, now)
  local policies, id = command.policies, command.once
  local ids, order = buckets[first + #policies + 1], buckets[first + #policies + 2]
  local said, count = try('HGET', ids, id), try('LLEN', order)
  local wrong = type(said) == 'table' and said.err or type(count) == 'table' and count.err
  if wrong then
    answer(wrong)
    return 'e'
  end
  if said and match(said, '^%d+') + command.keep > now then
    for number in string.gmatch(said, '%-?%d+') do answer(number + 0) end
    return 'r'
  end
  local before = at + 1
  answer(now)
  for i = 1, #policies do
    answer(policies[i].cost)
    answer(policies[i].quota)
    answer(policies[i].debt and -policies[i].capacity or policies[i].capacity)
  end
  local verdict = decide_many(policies, buckets, first, now)
  if verdict == 'a' then
    local told = {}
    for i = before, at do told[#told + 1] = format('%.0f', reply[i]) end
    call('HSET', ids, id, table.concat(told, ' '))
    call('RPUSH', order, id)
    local ttl = format('%.0f', ceil((command.keep + grace) / 1000))
    call('EXPIRE', ids, ttl)
    call('EXPIRE', order, ttl)
    forget_ids(ids, order, now, command.keep)
  end
  return verdict
end
`
