/**
 * Adds to tables, each a hash: KEYS are their names; ARGV has for each how many seconds it is kept, the most rows, how many
 * pairs follow, and the pairs of a row and what is added to it.
 */
export const ADD_COUNTS = `local at = 1
for _, name in ipairs(KEYS) do
  local keep, most, pairs = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  local rows = redis.call('HLEN', name)
  for _ = 1, pairs do
    if rows < most or redis.call('HEXISTS', name, ARGV[at]) == 1 then
      redis.call('HINCRBY', name, ARGV[at], ARGV[at + 1])
    end
    at = at + 2
  end
  redis.call('EXPIRE', name, keep)
end
return {0, ''}`

/** What tables have: for each the length of its list, and the list of rows and numbers. */
export const READ_COUNTS = `local found = {0, ''}
for _, name in ipairs(KEYS) do
  local rows = redis.call('HGETALL', name)
  found[#found + 1] = #rows
  for _, part in ipairs(rows) do found[#found + 1] = part end
end
return found`
