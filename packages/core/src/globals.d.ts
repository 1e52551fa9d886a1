/** What core uses of every JavaScript runtime, Node or not: this and nothing else. */
declare const performance: { now(): number }
declare function setTimeout(callback: () => void, ms: number): number | { unref(): void }
declare function clearTimeout(timer: number | { unref(): void } | undefined): void
