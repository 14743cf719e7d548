import { setFlagsFromString } from 'node:v8';

/**
 * Memory before speed, for a process that is a guest where it runs: V8's young generation stays as it is now (it would grow to 32 MiB),
 * and old garbage is collected once it has grown by a fifth. Call it before anything large is loaded.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}

/**
 * Processor time before memory, for a process that bytes flow through: old garbage is collected once it is twice what lives. V8 counts
 * buffers among what grows, though there is nothing in them to mark. With its own limit, some 24 MB above what lives, a coordinator
 * marked its 34 MB twice for 24 MB of updates, and that was a third of what a round took. Call it at the start.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
