/** Renews leases: a count, then for each its number, its milliseconds, its slots, and whether to hold it again if it is missing. */
export const renewScript = `
local function renew_leases(buckets, first, now)
  local count = next_number()
  local renewals, by_bucket, order = {}, {}, {}
  for i = 1, count do
    local lease, ms, cost, restore = next_number(), next_number(), next_number(), next_number()
    local bucket = buckets[first + i]
    renewals[i] = { lease = lease, ms = ms, cost = cost, restore = restore, held = 0 }
    if not by_bucket[bucket] then
      by_bucket[bucket] = {}
      order[#order + 1] = bucket
    end
    table.insert(by_bucket[bucket], renewals[i])
  end
  for i = 1, #order do twins['concurrency'].renew(order[i], now, by_bucket[order[i]]) end
  for i = 1, count do answer(renewals[i].held) end
  return count
end
`
