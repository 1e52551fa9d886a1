// Crawls a limited API as fast as its limit permits, without a single 429: node examples/client/crawl.js
import { createFetch } from '@sluice/client'
import { PAGES, startApi } from './api.js'

const server = await startApi()
const api = createFetch({ concurrency: { max: 20, queue: PAGES } })

let waits = 0
api.on('wait', () => {
  waits += 1
})

const titles = new Map()
const began = performance.now()
const timer = setInterval(show, 100)
await crawl('/pages/1')
clearInterval(timer)
show()
console.log()
server.close()

/** A page, and at the same time all that it links to. */
async function crawl(path) {
  const response = await api(`${server.url}${path}`)
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  const { title, links } = await response.json()
  titles.set(path, title)
  await Promise.all(links.map(crawl))
}

/** One line, written again and again; only once where nobody watches. */
function show() {
  if (!process.stdout.isTTY && titles.size < PAGES) return
  const seconds = (performance.now() - began) / 1_000
  const pages = `${titles.size} of ${PAGES} pages in ${seconds.toFixed(1)} s`
  const rate = (titles.size / seconds).toFixed(0)
  process.stdout.write(`\r${pages}, ${rate} a second, ${waits} waits, ${server.denied()} times 429   `)
}
