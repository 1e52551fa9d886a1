import { type ComponentKind, component, isGenerated, refName, refTo, SOURCE } from './generated.js'
import { mapOperations } from './operations.js'
import { PROBLEM_TYPE } from './problem-schema.js'
import { withoutSentence } from './sentence.js'
import { entry, isTree, mapEntries, subtree, type Tree, unlessEmptied, withEntries } from './tree.js'

const KINDS: readonly ComponentKind[] = ['headers', 'responses', 'schemas']

/** The document as people wrote it. */
export function withoutGenerated(document: Tree): Tree {
  const isOurs = (kind: ComponentKind, value: unknown): boolean => {
    const name = refName(kind, value)
    return name !== undefined && isGenerated(component(document, kind, name))
  }
  const response = (value: unknown): unknown => {
    if (!isTree(value)) return value
    if (isOurs('responses', value)) return original(document, value)
    return withEntries(value, [
      ['headers', withoutOurs(value, 'headers', (header) => isOurs('headers', header))],
      [
        'content',
        withoutOurs(
          value,
          'content',
          (media, type) => type === PROBLEM_TYPE && isOurs('schemas', subtree(isTree(media) ? media : {}, 'schema')),
        ),
      ],
    ])
  }
  const operations = mapOperations(document, ({ operation }) => {
    const block = entry(operation, 'x-ratelimit')
    const responses = entry(operation, 'responses')
    return withEntries(operation, [
      ['description', withoutSentence(entry(operation, 'description'))],
      ['responses', isTree(responses) ? mapEntries(responses, response) : responses],
      ['x-ratelimit', isGenerated(block) ? undefined : block],
    ])
  })
  return withoutComponents(operations, response)
}

/** What an operation had before a copy of it was made that has the fields; nothing where the response was ours. */
function original(document: Tree, reference: Tree): unknown {
  const name = refName('responses', reference)
  const source = entry(subtree(subtree(subtree(document, 'components'), 'responses'), name ?? ''), SOURCE)
  return typeof source === 'string' ? withEntries(reference, Object.entries(refTo('responses', source))) : undefined
}

/** The `headers` or `content` of a response. */
function withoutOurs(response: Tree, name: string, isOurs: (value: unknown, name: string) => boolean): unknown {
  const all = entry(response, name)
  if (!isTree(all)) return all
  return unlessEmptied(
    all,
    mapEntries(all, (value, key) => (isOurs(value, key) ? undefined : value)),
  )
}

function withoutComponents(document: Tree, response: (value: unknown) => unknown): Tree {
  const components = entry(document, 'components')
  if (!isTree(components)) return document
  const left = mapEntries(components, (group, kind) => {
    if (!isTree(group) || !KINDS.some((one) => one === kind)) return group
    return unlessEmptied(
      group,
      mapEntries(group, (value) => {
        if (isGenerated(value)) return undefined
        return kind === 'responses' ? response(value) : value
      }),
    )
  })
  return withEntries(document, [['components', unlessEmptied(components, left)]])
}
