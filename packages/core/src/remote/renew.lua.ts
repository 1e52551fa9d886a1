/** Renews leases: a count, then for each its number, its milliseconds, its slots, and whether to hold it again if it is missing. */
export const renewScript = `
local function renew_leases(buckets, first, now)
  local count = next_number()
  for i = 1, count do
    local lease, ms, cost, restore = next_number(), next_number(), next_number(), next_number()
    local held = twins['concurrency'].renew(buckets[first + i], now, lease, ms, cost, restore)
    answer(held or 0)
  end
  return count
end
`
