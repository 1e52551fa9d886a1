/** What core uses of every JavaScript runtime, Node or not: this and nothing else. */
declare const performance: { now(): number }
declare function setTimeout(callback: () => void, ms: number): number | { unref(): void }
declare function clearTimeout(timer: number | { unref(): void } | undefined): void
declare function queueMicrotask(callback: () => void): void
declare class TextEncoder {
  encode(text: string): Uint8Array
}
declare const crypto: {
  subtle: { digest(name: 'SHA-1', data: Uint8Array): Promise<ArrayBuffer> }
  randomUUID(): string
}
interface ImportMeta {
  readonly url: string
}
