/**
 * What all Lua twins share. A twin decides as its algorithm does, with the same arithmetic on the same whole numbers
 * (both languages count in doubles), so that what it leaves in Redis is what the memory store would hold.
 *
 * It only admits and writes: the bucket's cells go back to the caller, who works out the standing from them with the
 * algorithm itself. So no wait and no remainder is computed in two languages, or on the thread that all servers share.
 *
 * A bucket is a string of whole numbers, big end first, the first of them in 6 bytes; a log is a list. A bucket of
 * another length is none of ours.
 *
 * A twin has
 * - `read(bucket, policy, now)`: answers with the cells as they are now, an impossible state mended, and returns them;
 *   or returns nil and what is wrong,
 * - `admits(policy, now, a, b, c)`: whether the policy's cost fits into those cells,
 * - `write(bucket, policy, now, a, b, c)`: takes the policy's cost; of a soft one, no more than it can owe (`policy.debt`),
 * - `give(bucket, policy, now)`: gives the policy's cost back; returns what is wrong, if anything.
 *
 * It answers with as many cells as its algorithm always has, without those that follow from `now` (remote/twins.ts); or
 * with how many there are, and then the cells.
 */
export const twinPrelude = `
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local byte, format, match, type = string.byte, string.format, string.match, type
local pack, parse = struct.pack, struct.unpack
local call, try = redis.call, redis.pcall
local STRANGE = 'it holds something that is not a bucket'
local twins = {}
-- This server's clock, a letter per entry, then what was found in each bucket.
local reply, at = {0, ''}, 2
-- In tests, where buckets follow another clock, they live an hour longer.
local grace = 0
local seconds = {}

local function answer(said)
  at = at + 1
  reply[at] = said
end

local function answer_two(a, b)
  reply[at + 1], reply[at + 2] = a, b
  at = at + 2
end

local function answer_all(cells, count)
  answer(count)
  for i = 1, count do reply[at + i] = cells[i] end
  at = at + count
end

local function get(bucket)
  local raw = try('GET', bucket)
  if type(raw) == 'table' then return nil, raw.err end
  return raw or ''
end

-- What a soft policy takes of its cost where so much is in use: as much as fits below its largest debt.
local function owed(policy, used)
  return max(0, min(policy.cost, policy.capacity + policy.debt - used))
end

-- Writes a bucket that expires, to the second above, when it is as good as fresh.
local function keep(bucket, raw, ms)
  if ms > 0 then
    local ttl = ceil((ms + grace) / 1000)
    local text = seconds[ttl]
    if not text then
      text = format('%.0f', ttl)
      seconds[ttl] = text
    end
    call('SET', bucket, raw, 'EX', text)
  else
    call('DEL', bucket)
  end
end
`
