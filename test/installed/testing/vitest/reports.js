import { createFetch } from '@sluice/client'

export function createReports(url) {
  const api = createFetch()
  const report = async (id) => (await api(`${url}/reports/${id}`)).json()
  return { all: (count) => Promise.all(Array.from({ length: count }, (_, id) => report(id))) }
}
