import { textTokens } from './text-tokens.js'

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

  add(value: unknown): void {
    if (typeof value === 'string') {
      if (value !== '') this.texts.push(value)
    } else if (typeof value === 'object' && value !== null) this.#open.push(value)
    else if (typeof value === 'number') this.otherTokens++
  }

  collect(): void {
    let left = MOST_PARTS
    for (let next = this.#open.pop(); next !== undefined && left > 0; next = this.#open.pop()) {
      left--
      if (Array.isArray(next)) for (const item of next) this.add(item)
      else this.#addRecord(next as Readonly<Record<string, unknown>>)
    }
  }

  #addRecord(record: Readonly<Record<string, unknown>>): void {
    const { type } = record
    if (ATTACHED.has(type)) {
      this.attachments++
      return
    }
    if (record['role'] !== undefined) this.otherTokens += MESSAGE_TOKENS
    for (const name in record) {
      const value = record[name]
      // What is longer is no label, whatever it is called.
      if (LABELS.has(name) && (typeof value !== 'string' || value.length <= LONGEST_LABEL)) {
        if (typeof value === 'object') this.add(value)
        continue
      }
      if (ATTACHED_AS.has(name) || (typeof value === 'string' && isFile(name, value, type))) {
        this.attachments++
        continue
      }
      if (!FORMAT.has(name)) this.otherTokens += textTokens(name) + 1
      this.add(value)
    }
  }
}

const LONGEST_LABEL = 128

/** Base64 has no spaces, and only letters that everybody has. */
function isFile(name: string, text: string, type: unknown): boolean {
  if (text.includes(' ') || /[^\x20-\x7e\s]/.test(text)) return false
  if (type === 'base64') return name === 'data'
  return FILES.has(name) && (name !== 'url' || text.startsWith('data:'))
}
