// pnpm bench [decisions|bytes|client|flood|jobs|llm|slots|requests|observed|http|redis|redisTime|redisBytes|simulate ...]: ours beside the peers and the physical limit, in one run.
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { bytes } from './bytes.js'
import { client } from './client.js'
import { decisions } from './decisions.js'
import { flood } from './flood.js'
import { http } from './http.js'
import { jobs } from './jobs.js'
import { llm } from './llm.js'
import { observed } from './observed.js'
import { redis, redisBytes, redisTime } from './redis.js'
import { requests } from './requests.js'
import { simulate } from './simulate.js'
import { slots } from './slots.js'

const sections = {
  decisions,
  bytes,
  client,
  flood,
  jobs,
  llm,
  slots,
  requests,
  observed,
  http,
  redis,
  redisTime,
  redisBytes,
  simulate,
}
const asked = process.argv.slice(2)
const results = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: availableParallelism(),
  date: new Date().toISOString(),
}

for (const [name, section] of Object.entries(sections)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  console.log(`\n${name}`)
  results[name] = await section()
  console.table(results[name])
}
const out = new URL('results.json', import.meta.url)
writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`)
console.log(`\nAs JSON: ${out.pathname}`)
