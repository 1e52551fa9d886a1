/** What the paragraph begins with that is generated. */
const BEGINNING = '**Rate limit:** '

/** The paragraph, wherever it stands in a description. */
const PARAGRAPH = /(?:^|\n\n)\*\*Rate limit:\*\* (?:(?!\n\n)[\s\S])*?(?=\n*$|\n\n)/

/** A description with the paragraph about limits at its end. */
export function withSentence(description: unknown, words: string): unknown {
  const paragraph = `${BEGINNING}${words}`
  if (description === undefined || description === null || description === '') return paragraph
  // What is no text is somebody's mistake, and stays.
  if (typeof description !== 'string') return description
  // A block of YAML ends with a line break.
  const text = description.replace(/\n+$/, '')
  return `${text}\n\n${paragraph}${description.slice(text.length)}`
}

/** A description as it was before; `undefined` where nothing else was in it. */
export function withoutSentence(description: unknown): unknown {
  if (typeof description !== 'string' || !PARAGRAPH.test(description)) return description
  const left = description.replace(PARAGRAPH, '').replace(/^\n+/, '')
  return left === '' ? undefined : left
}
