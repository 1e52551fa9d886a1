import { quotaEdits } from '../algorithms/quota-edit.lua.js'
import { twinPrelude } from '../algorithms/twin.lua.js'
import type { AlgorithmName } from '../policies/policy.js'
import { onceScript } from './once.lua.js'
import { renewScript } from './renew.lua.js'
import { textsScript } from './texts.lua.js'
import { twins } from './twins.js'

/**
 * ARGV[1] has one character per entry, the command it runs: '#' is ARGV[3], '$' is ARGV[4], and so on (see command.ts).
 * ARGV[2] has the numbers of leases, for each slot that an entry takes or gives back, in their order.
 * KEYS are the buckets of all entries, one for each policy, in their order, and two more of an entry with an id.
 */
const prepare = `
local clock = call('TIME')
local server_now = clock[1] * 1000 + floor(clock[2] / 1000)
reply[1] = server_now

local numbers = string.gmatch(ARGV[2], '%d+')
local function next_number() return numbers() + 0 end

local function command_of(text)
  local command = cjson.decode(text)
  for i = 1, #command.policies do
    local policy = command.policies[i]
    policy.twin = twins[policy.algorithm]
    policy.takes = command.verb == 'take' and policy.cost > 0
    if policy.ms then command.leases = command.verb == 'take' or command.verb == 'give' end
  end
  return command
end

-- 'a' allowed, 'd' denied, 'e' cannot be decided: then what is wrong is answered in the place of the cells.
local function decide_one(policy, bucket, now)
  local twin = policy.twin
  local a, b, c = twin.read(bucket, policy, now)
  if not a then
    answer(b)
    return 'e'
  end
  if policy.cost > 0 and not twin.admits(policy, now, a, b, c) then return policy.shadow and 'a' or 'd' end
  if policy.takes then twin.write(bucket, policy, now, a, b, c) end
  return 'a'
end

-- Looks at all buckets of an entry, then takes from all of them or from none.
local passing, as, bs, cs = {}, {}, {}, {}
local function decide_many(policies, buckets, first, now)
  local verdict = 'a'
  for i = 1, #policies do
    local policy = policies[i]
    local a, b, c = policy.twin.read(buckets[first + i], policy, now)
    if not a then
      answer(b)
      verdict = 'e'
    else
      as[i], bs[i], cs[i] = a, b, c
      passing[i] = policy.cost == 0 or policy.twin.admits(policy, now, a, b, c)
      if not passing[i] and not policy.shadow and verdict == 'a' then verdict = 'd' end
    end
  end
  if verdict == 'a' then
    for i = 1, #policies do
      local policy = policies[i]
      if passing[i] and policy.takes then
        policy.twin.write(buckets[first + i], policy, now, as[i], bs[i], cs[i])
      end
    end
  end
  return verdict
end

local function read_leases(policies)
  for i = 1, #policies do
    if policies[i].ms then policies[i].lease = next_number() end
  end
end

local function give(policies, buckets, first, now)
  local verdict = 'a'
  for i = 1, #policies do
    local policy = policies[i]
    local wrong, over = policy.twin.give(buckets[first + i], policy, now)
    if wrong then verdict = 'e' end
    answer(wrong or over or 0)
  end
  return verdict
end

`

const edits = `
local function edit(command, buckets, first, now)
  local policy = command.policies[1]
  local wrong = policy.twin[command.verb](buckets[first + 1], policy, now)
  if not wrong then return 'a' end
  answer(wrong)
  return 'e'
end
`

const main = `
local order, buckets, commands, verdicts, first = ARGV[1], KEYS, {}, {}, 0
for i = 3, #ARGV do commands[32 + i] = command_of(ARGV[i]) end
for i = 1, #order do
  local command = commands[byte(order, i)]
  local policies, now = command.policies, server_now
  grace = 0
  if command.now then now, grace = command.now, 3600000 end
  if command.leases then read_leases(policies) end
  if command.verb == 'give' then
    verdicts[i] = give(policies, buckets, first, now)
    if command.once then
      -- What was given back has not been counted: the same id may be tried again.
      try('HDEL', buckets[first + #policies + 1], command.once)
      first = first + 2
    end
  elseif command.verb == 'renew' then
    verdicts[i] = 'a'
    first = first + renew_leases(buckets, first, now)
  elseif command.verb == 'read' then
    verdicts[i] = read_texts(command, buckets, first)
    first = first + 3
  elseif command.verb == 'write' then
    verdicts[i] = write_text(command, buckets, first, now)
    first = first + 3
  elseif command.once then
    verdicts[i] = take_once(command, buckets, first, now)
    first = first + 2
  elseif command.verb ~= 'take' and command.verb ~= 'look' then
    verdicts[i] = edit(command, buckets, first, now)
  elseif policies[2] then
    verdicts[i] = decide_many(policies, buckets, first, now)
  else
    verdicts[i] = decide_one(policies[1], buckets[first + 1], now)
  end
  first = first + #policies
end
reply[2] = table.concat(verdicts)
return reply
`

const scripts = new Map<string, string>()

/** What a batch needs beyond deciding and giving back. */
export interface Extras {
  readonly once: boolean
  readonly edits: boolean
  readonly texts: boolean
  readonly renewals: boolean
}

/**
 * The script that decides many entries, each over several policies, in one atomic step. A server defines all functions of
 * a script anew at each call, so that it has the algorithms of its entries, and what else they need, and nothing more.
 */
export function scriptFor(algorithms: ReadonlySet<AlgorithmName>, extras: Extras): string {
  const { once, edits: edited, texts, renewals } = extras
  const set = [[...algorithms].sort().join(), once, edited, texts, renewals].join()
  let script = scripts.get(set)
  if (script === undefined) {
    const needed = new Set([...algorithms].sort().map((algorithm) => twins[algorithm].lua))
    const more = [
      ...(once ? [onceScript] : []),
      ...(edited ? [quotaEdits, edits] : []),
      ...(texts ? [textsScript] : []),
      ...(renewals ? [renewScript] : []),
    ]
    script = [twinPrelude, ...needed, prepare, ...more, main].map((part) => part.trim()).join('\n\n')
    scripts.set(set, script)
  }
  return script
}
