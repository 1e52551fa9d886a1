const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** After what has already arrived has been read, where the runtime announces that moment; otherwise after this job. Never waits. */
export const soon: (callback: () => void) => unknown = setImmediate ?? queueMicrotask
