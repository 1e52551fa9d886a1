import { expect, it } from 'vitest'
import { ExemptPaths } from './exempt-paths.ts'

it('what is exempt below a path is, and nothing that an app could read as another path', () => {
  const paths = new ExemptPaths()
  const isOwn = (method: string, path: string): boolean => method === 'GET' && /^(?:\/|\/api\/live)?$/.test(path)
  expect(paths.isEmpty).toBe(true)
  paths.add('/', isOwn)
  paths.add('', isOwn)
  expect(paths.cover('GET', '/api/live')).toBe(false)
  paths.add('/ops/_sluice/', isOwn)
  for (const target of ['/ops/_sluice', '/ops/_sluice/', '/ops/_sluice/api/live?x=1', '/ops/_sluice?x']) {
    expect([target, paths.cover('GET', target)]).toEqual([target, true])
    expect([target, paths.cover('POST', target)]).toEqual([target, false])
  }
  const others = ['/ops', '/ops/_sluice-2', '/OPS/_SLUICE', '/ops/_sluice/../../login', '/ops/_sluice/login']
  for (const target of [...others, '/ops/_sluice//', '/ops/_sluice/..%2F', '/ops/_sluice/\\', '/login?/ops/_sluice']) {
    expect([target, paths.cover('GET', target)]).toEqual([target, false])
  }
})

it('there are no more paths than somebody could want', () => {
  const paths = new ExemptPaths()
  for (let i = 0; i < 1_000; i++) paths.add(`/tenant-${i}/_sluice`, () => true)
  expect(paths.cover('GET', '/tenant-19/_sluice')).toBe(true)
  expect(paths.cover('GET', '/tenant-20/_sluice')).toBe(false)
})
