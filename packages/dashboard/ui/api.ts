import { useEffect, useState } from 'preact/hooks'

/** What a page had when it was exported. */
interface Snapshot {
  readonly at: number
  readonly answers: Readonly<Record<string, unknown>>
}

const embedded = document.getElementById('snapshot')?.textContent
export const snapshot: Snapshot | undefined = embedded ? JSON.parse(embedded) : undefined

/** The latest answers, for an export. */
const answers = new Map<string, unknown>()

export async function get<T>(path: string): Promise<T> {
  if (snapshot !== undefined) {
    if (path in snapshot.answers) return snapshot.answers[path] as T
    throw new Error('This is not part of the export.')
  }
  const value: unknown = await jsonOf(await fetch(`api/${path}`, { headers: { accept: 'application/json' } }))
  answers.set(path, value)
  return value as T
}

/** Rejects with the server's own sentence, or what can be said where it has none: a proxy may answer in its place. */
async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`The server answered ${response.status}: ${text.slice(0, 200)}`)
  }
  if (!response.ok) throw new Error((value as { error?: string }).error ?? `The server answered ${response.status}.`)
  return value
}

export interface Loaded<T> {
  readonly value: T | undefined
  readonly error: string | undefined
  readonly again: () => void
}

/** Reads now, and again every so often while the page can be seen. */
export function useApi<T>(path: string | undefined, everyMs: number = 5_000): Loaded<T> {
  const [state, setState] = useState<{ path: string | undefined; value?: T; error?: string }>({ path })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (path === undefined) return
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async (): Promise<void> => {
      try {
        const value = await get<T>(path)
        if (!isOver) setState({ path, value })
      } catch (error) {
        if (!isOver)
          setState((before) => ({
            ...(before.path === path ? before : { path }),
            error: String((error as Error).message),
          }))
      }
      if (!isOver && snapshot === undefined) timer = setTimeout(() => (document.hidden ? wait() : load()), everyMs)
    }
    const wait = (): void => {
      timer = setTimeout(() => (document.hidden ? wait() : load()), everyMs)
    }
    void load()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [path, everyMs, turn])
  const isCurrent = state.path === path
  return {
    value: isCurrent ? state.value : undefined,
    error: isCurrent ? state.error : undefined,
    again: () => setTurn(turn + 1),
  }
}

/** Changes something. Rejects with a sentence. */
export async function act(body: Readonly<Record<string, unknown>>): Promise<{ before: string; after: string }> {
  const response = await fetch('api/act', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-sluice-action': '1' },
    body: JSON.stringify(body),
  })
  return (await jsonOf(response)) as { before: string; after: string }
}

/** The page as one file that needs no server: its script, its style, and what it shows. */
export async function exported(): Promise<string> {
  const read = async (selector: string, attribute: string): Promise<string> => {
    const address = document.querySelector(selector)?.getAttribute(attribute) ?? ''
    return (await fetch(address)).text()
  }
  const [script, style] = await Promise.all([read('script[src]', 'src'), read('link[rel=stylesheet]', 'href')])
  const data = JSON.stringify({ at: Date.now(), answers: Object.fromEntries(answers) })
  // Inside a script element, nothing may look like its end.
  const safe = (text: string): string => text.replaceAll('</', '<\\/').replaceAll('<!--', '<\\!--')
  const safeData = data.replaceAll('<', '\\u003c')
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${document.title}</title>` +
    `<style>${style}</style><div id="app"></div><script id="snapshot" type="application/json">${safeData}</script>` +
    `<script type="module">if(!location.hash)location.hash=${JSON.stringify(location.hash)};${safe(script)}</script></html>`
  )
}
