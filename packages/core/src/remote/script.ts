import { exactWindowTwin } from '../algorithms/exact-window.lua.js'
import { fixedWindowTwin } from '../algorithms/fixed-window.lua.js'
import { meterTwin } from '../algorithms/meter.lua.js'
import { slidingLogTwin } from '../algorithms/sliding-log.lua.js'
import { slidingWindowTwin } from '../algorithms/sliding-window.lua.js'
import { subWindowsTwin } from '../algorithms/sub-windows.lua.js'
import { twinPrelude } from '../algorithms/twin.lua.js'

/**
 * ARGV[1] has one character per entry, the command it runs: '#' is ARGV[2], '$' is ARGV[3], and so on.
 * A command is a verb's letter (t takes, l looks, g gives back) and, in tests, the time in place of this server's own;
 * then ' algorithm quota window capacity parts shadow cost taken' for each of its policies.
 * KEYS are the buckets of all entries, one for each policy, in their order.
 */
const main = `
local clock = call('TIME')
local server_now = clock[1] * 1000 + floor(clock[2] / 1000)

local POLICY = ' ([%a-]+) (%d+) (%d+) (%d+) (%d+) ([01]) (%d+) (%-?%d+)'
local TAKE, GIVE = 116, 103
local built = {}

local function command_of(text)
  local command, count = {verb = byte(text)}, 0
  if byte(text, 2) ~= 32 then command.now = match(text, '^%a(%-?%d+)') + 0 end
  for name, quota, window, capacity, parts, shadow, cost, taken in gmatch(text, POLICY) do
    if not built[name] then built[name] = twins[name]() end
    count = count + 1
    command[count] = {
      twin = built[name],
      quota = quota + 0,
      window = window + 0,
      capacity = capacity + 0,
      parts = parts + 0,
      shadow = shadow == '1',
      cost = cost + 0,
      taken = taken + 0,
    }
  end
  command.count = count
  return command
end

local told, at = {server_now, ''}, 2

-- 'a' allowed, 'd' denied, 'e' cannot be told.
local function decide_one(command, bucket, now)
  local policy = command[1]
  local twin, cost = policy.twin, policy.cost
  local found, a, b, c = twin.read(bucket, policy, now)
  at = at + 1
  if not found then
    told[at] = a
    return 'e'
  end
  told[at] = found
  if cost > 0 and cost > twin.room(policy, now, a, b, c) then return policy.shadow and 'a' or 'd' end
  if cost > 0 and command.verb == TAKE then twin.write(bucket, policy, now, a, b, c) end
  return 'a'
end

-- Looks at all buckets of an entry, then takes from all of them or from none.
local function decide_many(command, first, now)
  local verdict, passing, as, bs, cs = 'a', {}, {}, {}, {}
  for i = 1, command.count do
    local policy = command[i]
    local found, a, b, c = policy.twin.read(KEYS[first + i], policy, now)
    at = at + 1
    told[at] = found or a
    if not found then
      verdict = 'e'
    else
      as[i], bs[i], cs[i] = a, b, c
      passing[i] = policy.cost == 0 or policy.cost <= policy.twin.room(policy, now, a, b, c)
      if not passing[i] and not policy.shadow and verdict == 'a' then verdict = 'd' end
    end
  end
  if verdict == 'a' and command.verb == TAKE then
    for i = 1, command.count do
      local policy = command[i]
      if passing[i] and policy.cost > 0 then
        policy.twin.write(KEYS[first + i], policy, now, as[i], bs[i], cs[i])
      end
    end
  end
  return verdict
end

local function refund(command, first, now)
  local verdict = 'a'
  for i = 1, command.count do
    local policy = command[i]
    local wrong = policy.twin.give(KEYS[first + i], policy, now)
    if wrong then verdict = 'e' end
    at = at + 1
    told[at] = wrong or ''
  end
  return verdict
end

local commands, verdicts, first = {}, {}, 0
for i = 2, #ARGV do commands[33 + i] = command_of(ARGV[i]) end
for i = 1, #ARGV[1] do
  local command = commands[byte(ARGV[1], i)]
  local now = command.now or server_now
  grace = command.now and 3600000 or 0
  if command.verb == GIVE then
    verdicts[i] = refund(command, first, now)
  elseif command.count == 1 then
    verdicts[i] = decide_one(command, KEYS[first + 1], now)
  else
    verdicts[i] = decide_many(command, first, now)
  end
  first = first + command.count
end
told[2] = table.concat(verdicts)
return told
`

/** Decides many entries, each over several policies, in one atomic step: every algorithm, one text, loaded once. */
export const script: string = [
  twinPrelude,
  fixedWindowTwin,
  exactWindowTwin,
  slidingWindowTwin,
  subWindowsTwin,
  slidingLogTwin,
  meterTwin,
  main,
]
  .map((part) => part.trim())
  .join('\n\n')
