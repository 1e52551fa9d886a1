import { useEffect, useState } from 'preact/hooks'

/** What is looked at: a page, and all that is chosen on it. It stands in the URL behind the `#`, so that a view can be shared. */
export interface Route {
  readonly page: string
  readonly query: URLSearchParams
}

function current(): Route {
  const [page = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  return { page: page === '' ? 'overview' : page, query: new URLSearchParams(query) }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(current)
  useEffect(() => {
    const changed = (): void => setRoute(current())
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}

export function linkTo(page: string, fields: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== '')).toString()
  return `#/${page}${query === '' ? '' : `?${query}`}`
}

/** The same page with something else chosen; it does not fill the history. */
export function choose(route: Route, fields: Readonly<Record<string, string>>): void {
  const all = { ...Object.fromEntries(route.query), ...fields }
  history.replaceState(null, '', linkTo(route.page, all))
  dispatchEvent(new HashChangeEvent('hashchange'))
}
