import { fixedWindowTwin } from '../algorithms/fixed-window.lua.js'
import { meterTwin } from '../algorithms/meter.lua.js'
import { slidingLogTwin } from '../algorithms/sliding-log.lua.js'
import { slidingWindowTwin } from '../algorithms/sliding-window.lua.js'
import { subWindowsTwin } from '../algorithms/sub-windows.lua.js'
import { twinPrelude } from '../algorithms/twin.lua.js'

/**
 * ARGV[1] has one character a visit, the question it asks: '#' is ARGV[2], '$' is ARGV[3], and so on.
 * A question is a verb's letter (t takes, l looks, g gives back) and, in tests, the time in place of this server's own;
 * then ' algorithm quota window capacity parts shadow cost taken' for each of its policies.
 * KEYS are the buckets of all visits, one for each policy, in their order.
 */
const main = `
local clock = call('TIME')
local server_now = clock[1] * 1000 + floor(clock[2] / 1000)

local POLICY = ' ([%a-]+) (%d+) (%d+) (%d+) (%d+) ([01]) (%d+) (%-?%d+)'
local TAKE, GIVE = 116, 103
local built = {}

local function question_of(text)
  local question, count = {verb = byte(text)}, 0
  if byte(text, 2) ~= 32 then question.now = match(text, '^%a(%-?%d+)') + 0 end
  for name, quota, window, capacity, parts, shadow, cost, taken in gmatch(text, POLICY) do
    if not built[name] then built[name] = twins[name]() end
    count = count + 1
    question[count] = {
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
  question.count = count
  return question
end

local told, at = {server_now, ''}, 2

-- 'a' allowed, 'd' denied, 'e' cannot be told.
local function visit_one(question, bucket, now)
  local policy = question[1]
  local twin, cost = policy.twin, policy.cost
  local found, a, b, c = twin.read(bucket, policy, now)
  at = at + 1
  if not found then
    told[at] = a
    return 'e'
  end
  told[at] = found
  if cost > 0 and cost > twin.room(policy, now, a, b, c) then return policy.shadow and 'a' or 'd' end
  if cost > 0 and question.verb == TAKE then twin.write(bucket, policy, now, a, b, c) end
  return 'a'
end

-- Looks at all buckets of a visit, then takes from all of them or from none.
local function visit_many(question, first, now)
  local verdict, passing, as, bs, cs = 'a', {}, {}, {}, {}
  for i = 1, question.count do
    local policy = question[i]
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
  if verdict == 'a' and question.verb == TAKE then
    for i = 1, question.count do
      local policy = question[i]
      if passing[i] and policy.cost > 0 then
        policy.twin.write(KEYS[first + i], policy, now, as[i], bs[i], cs[i])
      end
    end
  end
  return verdict
end

local function refund(question, first, now)
  local verdict = 'a'
  for i = 1, question.count do
    local policy = question[i]
    local wrong = policy.twin.give(KEYS[first + i], policy, now)
    if wrong then verdict = 'e' end
    at = at + 1
    told[at] = wrong or ''
  end
  return verdict
end

local questions, verdicts, first = {}, {}, 0
for i = 2, #ARGV do questions[33 + i] = question_of(ARGV[i]) end
for i = 1, #ARGV[1] do
  local question = questions[byte(ARGV[1], i)]
  local now = question.now or server_now
  grace = question.now and 3600000 or 0
  if question.verb == GIVE then
    verdicts[i] = refund(question, first, now)
  elseif question.count == 1 then
    verdicts[i] = visit_one(question, KEYS[first + 1], now)
  else
    verdicts[i] = visit_many(question, first, now)
  end
  first = first + question.count
end
told[2] = table.concat(verdicts)
return told
`

/** Decides many visits, each over several policies, in one atomic step: every algorithm, one text, loaded once. */
export const script: string = [
  twinPrelude,
  fixedWindowTwin,
  slidingWindowTwin,
  subWindowsTwin,
  slidingLogTwin,
  meterTwin,
  main,
]
  .map((part) => part.trim())
  .join('\n\n')
