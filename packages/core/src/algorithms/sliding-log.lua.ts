/**
 * A list: the sum of all entries, then each entry as 'time cost', oldest first. It is read from its old end, and only as
 * far as the decision needs; the rest is told as one entry at the newest moment, which answers every question alike.
 */
export const slidingLogTwin = `
twins['sliding-log'] = function()
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
    if #read == 0 then return '', {sum = 0} end
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
    local cells = {exists = true, sum = sum, newest = newest, live = time ~= nil, dropped = index - 1}
    -- Enough to say when the cost fits, or one unit more than fits now. After a change of plan the sum may exceed the quota.
    local wanted = max(1, sum - policy.quota + max(1, policy.cost <= policy.quota and policy.cost or 1))
    local told, texts = 0, {format('2 %d', sum)}
    while time and told < wanted do
      told = told + units
      texts[#texts + 1] = read[index + 1]
      index = index + 1
      time, units = entry()
    end
    if told < sum then texts[#texts + 1] = format('%d %d', newest, sum - told) end
    return sum > 0 and table.concat(texts, ' ') or '', cells
  end

  function twin.room(policy, now, cells)
    return policy.quota - cells.sum
  end

  function twin.write(bucket, policy, now, cells)
    if cells.exists and not cells.live then call('DEL', bucket) end
    local taken = policy.cost
    if not cells.live then
      call('RPUSH', bucket, taken, format('%d %d', now, taken))
    else
      if cells.dropped > 0 then call('LTRIM', bucket, cells.dropped, -1) end
      if cells.newest == now then
        local _, units = entry_of(call('LINDEX', bucket, -1))
        call('LSET', bucket, -1, format('%d %d', now, units + taken))
      else
        call('RPUSH', bucket, format('%d %d', now, taken))
      end
      call('LSET', bucket, 0, cells.sum + taken)
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

  return twin
end
`
