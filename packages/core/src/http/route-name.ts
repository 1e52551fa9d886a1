import { keyDigest } from '../runtime/key.js'

const LONGEST_NAME = 128

/** A limit's name by its route, as in `GET /users/:id`: printable ASCII, and shortened where it is too long for a name. */
export function routeName(route: string): string {
  const name = route.replace(/[^ -~]+/g, (text) => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')))
  if (name.length <= LONGEST_NAME) return name
  const digest = keyDigest(route) ?? ''
  return `${name.slice(0, LONGEST_NAME - digest.length - 1)}~${digest}`
}
