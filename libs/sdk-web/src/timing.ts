/** Time as the SDK uses it, in one place so that tests can own it. */
export type Timer = ReturnType<typeof setTimeout>;

/** setTimeout counts in 32 bits; a longer wait is cut, and its owner looks at the clock again. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Run in a later task, behind every promise reaction that is due. A message channel, because timers of hidden pages wait for a second. */
export function nextTask(run: () => void): void {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    channel.port1.close();
    run();
  };
  channel.port2.postMessage(0);
}

/** Resolves after `ms` milliseconds. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A random UUID; `crypto.randomUUID` is missing on pages without TLS. */
export function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
