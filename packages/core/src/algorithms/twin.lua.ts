/**
 * What all Lua twins share. A twin decides as its algorithm does, with the same arithmetic on the same whole numbers
 * (both languages count in doubles), so that what it leaves in Redis is, to the digit, what the memory store would hold.
 *
 * It only admits and writes: the bucket as it was found goes back to the caller, who works out the standing from it with
 * the algorithm itself. So no wait and no remainder is computed in two languages, or on the thread that all servers share.
 *
 * A twin is built when it is first needed, and has
 * - `read(bucket, policy, now)`: what was found, as text, then its cells as they are now, an impossible state mended;
 *   or nil and what is wrong,
 * - `room(policy, now, a, b, c)`: the units that pass, which may be below nought,
 * - `write(bucket, policy, now, a, b, c)`: takes the policy's cost,
 * - `give(bucket, policy, now)`: gives the policy's cost back; tells what is wrong, if anything.
 */
export const twinPrelude = `
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local byte, format, gmatch, match = string.byte, string.format, string.gmatch, string.match
local pack = struct.pack
local call, try = redis.call, redis.pcall
local STRANGE = 'it holds something that is not a bucket'
local grace = 0
local twins = {}

local function get(bucket)
  local raw = try('GET', bucket)
  if not raw then return '' end
  if type(raw) == 'table' then return nil, raw.err end
  return raw
end

-- Writes a bucket that expires when it is as good as fresh.
local function keep(bucket, text, ms)
  if ms > 0 then
    call('SET', bucket, text, 'PX', format('%d', ms + grace))
  else
    call('DEL', bucket)
  end
end
`
