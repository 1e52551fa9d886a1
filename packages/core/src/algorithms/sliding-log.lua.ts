/**
 * A list: the sum of all entries, then each entry as 'time cost', oldest first. It is read from its old end, and only as
 * far as the decision needs; the rest is answered as one entry at the newest moment, which answers every question alike.
 */
export const slidingLogTwin = `
do
  local CHUNK = 32
  local twin = {}

  local function entry_of(text)
    local time, units = match(text or '', '^(%-?%d+) (%d+)$')
    if time then return time + 0, units + 0 end
  end

  -- The clock went back: what was taken in its future was taken now.
  local function pull_back(bucket, policy, now)
    local all = call('LRANGE', bucket, 0, -1)
    call('DEL', bucket)
    for i = 1, #all do
      local time, units = entry_of(all[i])
      call('RPUSH', bucket, time and format('%d %d', min(time, now), units) or all[i])
    end
    call('PEXPIRE', bucket, policy.window + grace)
  end

  function twin.read(bucket, policy, now)
    local read = try('LRANGE', bucket, 0, CHUNK)
    if read.err then return nil, read.err end
    if #read == 0 then
      answer(0)
      return {sum = 0}
    end
    local newest = entry_of(#read <= CHUNK and read[#read] or call('LINDEX', bucket, -1))
    if not newest or not match(read[1], '^%d+$') then return nil, STRANGE end
    if newest > now then
      pull_back(bucket, policy, now)
      return twin.read(bucket, policy, now)
    end
    local index = 1
    local function entry()
      if index == #read then
        local more = call('LRANGE', bucket, index, index + CHUNK - 1)
        for i = 1, #more do read[index + i] = more[i] end
      end
      return entry_of(read[index + 1])
    end
    local sum = read[1] + 0
    local time, units = entry()
    while time and time <= now - policy.window do
      sum = sum - units
      index = index + 1
      time, units = entry()
    end
    local log = {exists = true, sum = sum, newest = newest, live = time ~= nil, dropped = index - 1}
    -- Enough to say when the cost fits, or one unit more than fits now, or after a soft take. The sum may exceed the quota.
    local cost = policy.soft and policy.cost + 1 or policy.cost <= policy.quota and policy.cost or 1
    local wanted = max(1, sum - policy.quota + max(1, cost))
    local cells, count, answered = {2, sum}, 2, 0
    while time and answered < wanted do
      answered = answered + units
      cells[count + 1], cells[count + 2] = time, units
      count = count + 2
      index = index + 1
      time, units = entry()
    end
    if answered < sum then
      cells[count + 1], cells[count + 2] = newest, sum - answered
      count = count + 2
    end
    answer_all(cells, sum > 0 and count or 0)
    return log
  end

  function twin.admits(policy, now, log)
    return policy.soft or policy.cost <= policy.quota - log.sum
  end

  function twin.write(bucket, policy, now, log)
    local taken = policy.soft and owed(policy, log.sum) or policy.cost
    if taken == 0 then return end
    if log.exists and not log.live then call('DEL', bucket) end
    if not log.live then
      call('RPUSH', bucket, taken, format('%d %d', now, taken))
    else
      if log.dropped > 0 then call('LTRIM', bucket, log.dropped, -1) end
      if log.newest == now then
        local _, units = entry_of(call('LINDEX', bucket, -1))
        call('LSET', bucket, -1, format('%d %d', now, units + taken))
      else
        call('RPUSH', bucket, format('%d %d', now, taken))
      end
      call('LSET', bucket, 0, log.sum + taken)
    end
    call('PEXPIRE', bucket, policy.window + grace)
  end

  function twin.give(bucket, policy)
    local length = try('LLEN', bucket)
    if type(length) == 'table' then return length.err end
    for index = length - 1, 1, -1 do
      local text = call('LINDEX', bucket, index)
      local time, units = entry_of(text)
      if not time or time < policy.taken then return end
      if time == policy.taken then
        local back = min(policy.cost, units)
        if length == 2 and back == units then
          call('DEL', bucket)
          return
        end
        call('LSET', bucket, 0, call('LINDEX', bucket, 0) - back)
        if back == units then
          call('LREM', bucket, -1, text)
        else
          call('LSET', bucket, index, format('%d %d', time, units - back))
        end
        return
      end
    end
  end

  twins['sliding-log'] = twin
end
`
