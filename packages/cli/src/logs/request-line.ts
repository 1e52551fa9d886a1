/** The method and path of `GET /search?q=1 HTTP/1.1`; both empty where the client sent something else. */
export interface RequestTarget {
  readonly method: string
  readonly path: string
}

const NONE: RequestTarget = { method: '', path: '' }

/** The most distinct request lines that are remembered: most traffic repeats a few. */
const MOST_REMEMBERED = 20_000

/** Reads request lines, and remembers those that it has read. */
export class RequestLines {
  #known = new Map<string, RequestTarget>()

  read(text: string): RequestTarget {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const target = parse(text)
    if (this.#known.size >= MOST_REMEMBERED) this.#known = new Map()
    this.#known.set(text, target)
    return target
  }
}

function parse(text: string): RequestTarget {
  const first = text.indexOf(' ')
  if (first < 0) return NONE
  const method = text.slice(0, first)
  if (!/^[A-Za-z]+$/.test(method)) return NONE
  const last = text.lastIndexOf(' ')
  const url = last > first && text.startsWith('HTTP/', last + 1) ? text.slice(first + 1, last) : text.slice(first + 1)
  return { method: method.toUpperCase(), path: pathOf(url) }
}

/** The path of a request's target: without its query, and without the origin that proxies see. */
export function pathOf(url: string): string {
  const path = /^[a-z]+:\/\//i.test(url) ? url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/' : url
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}
