/** What of a request's body the model is given. */
export interface RequestInput {
  readonly texts: readonly string[]
  /** Tokens of what is not text: the frames of messages, names in schemas, tokens that were sent as numbers. */
  readonly otherTokens: number
  /** Images, clips and files, by reference or as base64. */
  readonly attachments: number
}

/** Each message is framed by its role and separators. */
const MESSAGE_TOKENS = 4

/** What stands beside the prompt, at the top of a body. */
const SETTINGS: ReadonlySet<string> = new Set([
  ...['model', 'user', 'metadata', 'stream', 'stream_options', 'service_tier', 'safety_identifier', 'safetySettings'],
  ...['prompt_cache_key', 'prompt_cache_retention', 'previous_response_id', 'conversation', 'include', 'modalities'],
  ...['encoding_format', 'reasoning', 'reasoning_effort', 'verbosity', 'truncation', 'logit_bias', 'container'],
  ...['generationConfig', 'generation_config', 'cachedContent', 'tool_choice', 'betas', 'anthropic_version'],
])

/** Texts that name things, and that a model is not given as they are. */
const LABELS: ReadonlySet<string> = new Set([
  ...['type', 'role', 'id', 'call_id', 'tool_call_id', 'tool_use_id', 'detail', 'media_type', 'mime_type', 'mimeType'],
  ...['cache_control', 'status', 'signature', 'encrypted_content', 'thoughtSignature'],
])

/** Parts of a format: their names are no tokens. Any other name is, as that of a property in a tool's schema. */
const FORMAT: ReadonlySet<string> = new Set([
  ...[
    'messages',
    'content',
    'parts',
    'text',
    'tools',
    'function',
    'functions',
    'parameters',
    'input_schema',
    'tool_calls',
  ],
  ...['system', 'systemInstruction', 'system_instruction', 'contents', 'input', 'instructions', 'prompt', 'name'],
  ...[
    'description',
    'arguments',
    'source',
    'properties',
    'items',
    'strict',
    'functionDeclarations',
    'json_schema',
    'schema',
  ],
  ...['output', 'summary', 'thinking', 'response_format', 'format', 'data'],
])

const ATTACHED: ReadonlySet<unknown> = new Set([
  ...['image_url', 'input_image', 'image', 'input_audio', 'audio', 'video', 'video_url', 'media', 'image_file'],
])
const ATTACHED_AS: ReadonlySet<string> = new Set(['inlineData', 'inline_data', 'fileData'])

/** Where a file stands as text; elsewhere, what looks like one is text to the model. */
const FILES: ReadonlySet<string> = new Set(['file_data', 'b64_json', 'url'])

/** More than a body can have that any parser lets through: an app's own body may contain itself. */
const MOST_PARTS = 2_000_000

/**
 * Collects what counts of a parsed body, whatever its shape, so that nothing is free because it is not known here. Without
 * recursion: a body may be nested as deeply as its sender likes.
 */
export function requestInput(body: unknown): RequestInput {
  const input = new Collected()
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    // At the top, numbers and flags are settings.
    for (const [name, value] of Object.entries(body)) {
      if (!SETTINGS.has(name) && (typeof value === 'string' || typeof value === 'object')) input.add(value)
    }
  } else input.add(body)
  input.collect()
  return input
}

class Collected implements RequestInput {
  readonly texts: string[] = []
  otherTokens = 0
  attachments = 0
  readonly #open: object[] = []
  /** Parts of attachments, which are counted already: what is text in them is text all the same. */
  readonly #attached: object[] = []

  add(value: unknown, open: object[] = this.#open): void {
    if (typeof value === 'string') {
      if (value !== '') this.texts.push(value)
    } else if (typeof value === 'object' && value !== null) open.push(value)
    else if (typeof value === 'number') this.otherTokens++
  }

  collect(): void {
    for (let left = MOST_PARTS; left > 0; left--) {
      const next = this.#open.pop()
      if (next !== undefined) {
        if (Array.isArray(next)) for (const item of next) this.add(item)
        else this.#addRecord(next as Readonly<Record<string, unknown>>)
        continue
      }
      const part = this.#attached.pop()
      if (part === undefined) return
      for (const value of Object.values(part)) if (!isReference(value)) this.add(value, this.#attached)
    }
  }

  #addRecord(record: Readonly<Record<string, unknown>>): void {
    if (ATTACHED.has(record['type'])) {
      this.attachments++
      this.#attached.push(record)
      return
    }
    if (record['role'] !== undefined) this.otherTokens += MESSAGE_TOKENS
    for (const name in record) {
      const value = record[name]
      // What is longer is no label, whatever it is called.
      if (LABELS.has(name) && (typeof value !== 'string' || value.length <= LONGEST_LABEL)) {
        if (typeof value === 'object') this.add(value)
      } else if (ATTACHED_AS.has(name) || isFile(name, value, record['type'])) {
        this.attachments++
        if (typeof value === 'object' && value !== null) this.#attached.push(value)
      } else {
        if (!FORMAT.has(name)) this.otherTokens += 1 + Math.ceil(name.length / 4)
        this.add(value)
      }
    }
  }
}

const LONGEST_LABEL = 128

/** A file as text, or its address: without spaces, and in letters that everybody has. */
function isReference(value: unknown): boolean {
  return (
    typeof value === 'number' || (typeof value === 'string' && !value.includes(' ') && !/[^\x20-\x7e\s]/.test(value))
  )
}

function isFile(name: string, value: unknown, type: unknown): boolean {
  if (typeof value !== 'string' || !isReference(value)) return false
  if (type === 'base64') return name === 'data'
  return FILES.has(name) && (name !== 'url' || value.startsWith('data:'))
}
