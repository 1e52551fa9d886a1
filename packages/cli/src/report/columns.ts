/** One column of a table for the terminal or Markdown. */
export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly isRight?: boolean
}

export type Row = readonly string[]

/** Columns as wide as their longest value, two spaces apart. */
export function textTable(columns: readonly Column[], rows: readonly Row[], indent = ''): string {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (row: Row): string =>
    (indent + row.map((cell, i) => padded(cell, widths[i] ?? 0, columns[i]?.isRight === true)).join('  ')).trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)].join('\n')
}

export function markdownTable(columns: readonly Column[], rows: readonly Row[]): string {
  const line = (row: Row): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map(({ isRight }) => (isRight === true ? '---:' : '---'))
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n')
}

function padded(text: string, width: number, isRight: boolean): string {
  return isRight ? text.padStart(width) : text.padEnd(width)
}
