/**
 * Texts that all processes share: a hash of overrides by name, which also has the version in which they are, a hash of bans,
 * and a list of the names that were changed last. Who knows a version that is not long past is answered with the changes.
 */
export const textsScript = `
local MOST_TEXTS, MOST_CHANGES = 10000, 1000
local VERSION = '^v([%d-]+)%.(%d+)$'

local function read_texts(command, buckets, first)
  local overrides, bans, changes = buckets[first + 1], buckets[first + 2], buckets[first + 3]
  local version = try('HGET', overrides, 'version')
  if type(version) == 'table' then
    answer(version.err)
    return 'e'
  end
  version = version or ''
  if version == command.known then
    answer(-1)
    return 'a'
  end
  local epoch, number = match(version, VERSION)
  local known_epoch, known_number = match(command.known, VERSION)
  local said = {'version', version}
  local behind = epoch and epoch == known_epoch and number - known_number
  if behind and behind > 0 and behind <= call('LLEN', changes) then
    said[3], said[4] = 'partial', '1'
    local names = call('LRANGE', changes, -behind, -1)
    for i = 1, #names do
      said[#said + 1] = names[i]
      said[#said + 1] = call('HGET', byte(names[i]) == 98 and bans or overrides, names[i]) or ''
    end
  else
    for _, texts in ipairs({overrides, bans}) do
      local all = call('HGETALL', texts)
      for i = 1, #all do said[#said + 1] = all[i] end
    end
  end
  answer(#said)
  for i = 1, #said do answer(said[i]) end
  return 'a'
end

-- Whether there is room for one more, once what has expired is gone. A hash that is full has the time at which the next one
-- expires: until then, nobody looks through it again.
local function has_room(texts, now)
  local length = call('HLEN', texts)
  if length < MOST_TEXTS then return true end
  for _, field in ipairs({'version', 'epoch', 'number', 'full'}) do length = length - call('HEXISTS', texts, field) end
  if length < MOST_TEXTS then return true end
  local full = call('HGET', texts, 'full')
  if full and full + 0 > now then return false end
  local all, gone, next_one = call('HGETALL', texts), 0, nil
  for i = 1, #all, 2 do
    local expires = match(all[i + 1], '^t(%d+)[. ]')
    if expires and expires + 0 <= now then
      gone = gone + call('HDEL', texts, all[i])
    elseif expires then
      next_one = math.min(next_one or expires + 0, expires + 0)
    end
  end
  if gone == 0 and next_one then call('HSET', texts, 'full', format('%.0f', next_one)) end
  return gone > 0
end

-- A text has a letter before it, lest a client take it for JSON, its expiry, and, where it is a ban, its end.
local function write_text(command, buckets, first, now)
  local overrides, bans, changes = buckets[first + 1], buckets[first + 2], buckets[first + 3]
  local texts = byte(command.name) == 98 and bans or overrides
  local known = try('HGET', texts, command.name)
  if type(known) == 'table' then
    answer(known.err)
    return 'e'
  end
  if command.text then
    local holds = known and command.holds and match(known, '^t%d+%.(%d+) ')
    if holds and holds + 0 >= command.holds then
      answer(1)
      return 'a'
    end
    if not known and not has_room(texts, now) then
      answer(0)
      return 'a'
    end
    local times = format('t%.0f', command.expires)
    if command.holds then times = times .. format('.%.0f', command.holds) end
    call('HSET', texts, command.name, times .. ' ' .. command.text)
  else
    call('HDEL', texts, command.name)
  end
  local epoch = call('HGET', overrides, 'epoch')
  if not epoch then
    epoch = clock[1] .. '-' .. clock[2]
    call('HSET', overrides, 'epoch', epoch)
  end
  local number = call('HINCRBY', overrides, 'number', 1)
  call('HSET', overrides, 'version', 'v' .. epoch .. '.' .. format('%.0f', number))
  call('RPUSH', changes, command.name)
  call('LTRIM', changes, -MOST_CHANGES, -1)
  answer(1)
  return 'a'
end
`
