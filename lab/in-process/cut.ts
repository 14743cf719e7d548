import { type Fault, refuse } from '../../base/fault.ts';

/** Why a call within the process ends when its connection closes, or who made it gives it up. */
export const stopped: Fault<'STOPPED'> = refuse('STOPPED', 'the connection was closed').fault;

/** Aborts, with a fault as the reason, as soon as one of the signals does: what a door does to a call that it cuts. */
export function cutBy(...signals: readonly AbortSignal[]): AbortSignal {
  const cut = new AbortController();
  for (const signal of signals) {
    signal.addEventListener('abort', () => cut.abort(stopped), { once: true, signal: cut.signal });
    if (signal.aborted) cut.abort(stopped);
  }
  return cut.signal;
}
