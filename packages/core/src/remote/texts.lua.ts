/** Texts that all processes share: a hash of them by name, with the version in which they are. */
export const textsScript = `
local MOST_TEXTS = 10000

local function read_texts(command, bucket)
  local version = try('HGET', bucket, 'version')
  if type(version) == 'table' then
    answer(version.err)
    return 'e'
  end
  if (version or '') == command.known then
    answer(-1)
    return 'a'
  end
  local all = call('HGETALL', bucket)
  answer(#all)
  for i = 1, #all do answer(all[i]) end
  return 'a'
end

-- A text has a letter before it, lest a client take it for JSON, and its expiry.
local function write_text(command, bucket, now)
  local count = try('HLEN', bucket)
  if type(count) == 'table' then
    answer(count.err)
    return 'e'
  end
  if command.text then
    if count > MOST_TEXTS and call('HEXISTS', bucket, command.name) == 0 then
      local all = call('HGETALL', bucket)
      for i = 1, #all, 2 do
        local expires = match(all[i + 1], '^t(%d+) ')
        if expires and expires + 0 <= now and call('HDEL', bucket, all[i]) == 1 then count = count - 1 end
      end
      if count > MOST_TEXTS then
        answer(0)
        return 'a'
      end
    end
    call('HSET', bucket, command.name, format('t%.0f %s', command.expires, command.text))
  else
    call('HDEL', bucket, command.name)
  end
  call('HSET', bucket, 'version', 'v' .. clock[1] .. '-' .. clock[2])
  answer(1)
  return 'a'
end
`
