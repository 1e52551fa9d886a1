/**
 * A bucket: when its first entry expires at the earliest and its last at the latest, the slots held; then for each lease
 * its number, its slots, when it expires and its length. It answers with the slots held now and the latest expiry.
 */
export const concurrencyTwin = `
do
  local HEADER, HEAD = '>i6i6I4', 16
  local ENTRY, SIZE, LEASE = '>I7I2i6I3', 18, '>I7'
  local ONLY = '>i6i6I4I7I2i6I3'
  local twin = {}

  local function place_of(entries, lease)
    local wanted, from = pack(LEASE, lease), 1
    while true do
      local found = string.find(entries, wanted, from, true)
      if not found or (found - 1) % SIZE == 0 then return found end
      from = found + 1
    end
  end

  -- The slots held, the entries, and the earliest and the latest expiry; or nil and what is wrong.
  local function state_of(bucket, now)
    local raw, wrong = get(bucket)
    if raw == '' then return 0, '', now, now end
    if not raw or #raw <= HEAD or (#raw - HEAD) % SIZE ~= 0 then return nil, wrong or STRANGE end
    local first, latest, held = parse(HEADER, raw)
    local entries = string.sub(raw, HEAD + 1)
    if now < first then return held, entries, first, latest end
    local kept = {}
    held, first, latest = 0, latest, now
    for i = 1, #entries, SIZE do
      local _, slots, expires = parse(ENTRY, entries, i)
      if expires > now then
        kept[#kept + 1] = string.sub(entries, i, i + SIZE - 1)
        held, first, latest = held + slots, min(first, expires), max(latest, expires)
      end
    end
    return held, table.concat(kept), first, latest
  end

  local function save(bucket, now, held, entries, first, latest)
    if entries == '' then
      call('DEL', bucket)
    else
      keep(bucket, pack(HEADER, first, latest, held) .. entries, latest - now)
    end
  end

  -- Where the clock went back, no lease lasts longer than if it was taken now.
  local function shortened(entries, now, latest)
    local cut, first = {}, latest
    latest = 0
    for i = 1, #entries, SIZE do
      local lease, slots, expires, ms = parse(ENTRY, entries, i)
      expires = min(expires, now + ms)
      cut[#cut + 1] = pack(ENTRY, lease, slots, expires, ms)
      first, latest = min(first, expires), max(latest, expires)
    end
    return table.concat(cut), first, latest
  end

  function twin.read(bucket, policy, now)
    local held, entries, first, latest = state_of(bucket, now)
    if not held then return nil, entries end
    if latest > now + policy.ms then
      local before = entries
      entries, first, latest = shortened(entries, now, latest)
      if entries ~= before then save(bucket, now, held, entries, first, latest) end
    end
    answer_two(held, latest)
    if held == 0 then return 0 end
    return held, entries, {first, latest}
  end

  function twin.admits(policy, now, held)
    return policy.cost <= policy.quota - held
  end

  function twin.write(bucket, policy, now, held, entries, times)
    local ms, cost = policy.ms, policy.cost
    local expires = now + ms
    if held == 0 then
      keep(bucket, pack(ONLY, expires, expires, cost, policy.lease, cost, expires, ms), ms)
      return
    end
    local first, latest = min(times[1], expires), max(times[2], expires)
    save(bucket, now, held + policy.cost, entries .. pack(ENTRY, policy.lease, policy.cost, expires, policy.ms), first, latest)
  end

  function twin.give(bucket, policy, now)
    local raw = get(bucket)
    if raw and #raw == HEAD + SIZE then
      local lease, slots = parse('>I7I2', raw, HEAD + 1)
      if lease == policy.lease and slots <= policy.cost then
        call('DEL', bucket)
        return
      end
    end
    local held, entries, first, latest = state_of(bucket, now)
    if not held then return entries end
    local place = place_of(entries, policy.lease)
    if not place then return end
    local _, slots, expires, ms = parse(ENTRY, entries, place)
    local left = max(0, slots - policy.cost)
    local entry = left > 0 and pack(ENTRY, policy.lease, left, expires, ms) or ''
    entries = string.sub(entries, 1, place - 1) .. entry .. string.sub(entries, place + SIZE)
    save(bucket, now, held - slots + left, entries, first, latest)
  end

  -- Renews all leases of one bucket that a process holds, in one pass over it; held of each says whether it is from now on.
  function twin.renew(bucket, now, renewals)
    local held, entries, first, latest = state_of(bucket, now)
    if not held then return end
    local wanted, kept = {}, {}
    for i = 1, #renewals do wanted[pack(LEASE, renewals[i].lease)] = renewals[i] end
    for i = 1, #entries, SIZE do
      local entry = string.sub(entries, i, i + SIZE - 1)
      local renewal = wanted[string.sub(entry, 1, 7)]
      if renewal then
        local lease, slots = parse(ENTRY, entry)
        entry, renewal.held = pack(ENTRY, lease, slots, now + renewal.ms, renewal.ms), 1
      end
      kept[#kept + 1] = entry
    end
    for i = 1, #renewals do
      local renewal = renewals[i]
      local expires = now + renewal.ms
      if renewal.held == 0 and renewal.restore == 1 then
        if held == 0 then first = expires end
        held, renewal.held = held + renewal.cost, 1
        kept[#kept + 1] = pack(ENTRY, renewal.lease, renewal.cost, expires, renewal.ms)
      end
      if renewal.held == 1 then first, latest = min(first, expires), max(latest, expires) end
    end
    save(bucket, now, held, table.concat(kept), first, latest)
  end

  twins['concurrency'] = twin
end
`
