import type { Outgoing, Sender } from '../outgoing.ts';

/** What became of one attempt. */
export type Attempt = Readonly<
  | { kind: 'delivered' }
  /** Nobody there, or no time: again later; `afterMs` where the sink said when. */
  | { kind: 'later'; why: string; afterMs?: number }
  /** It will never be taken as it is. */
  | { kind: 'refused'; why: string }
>;

/** Somewhere alerts go. */
export type Sink<Item> = Readonly<{
  /** Never rejects: what goes wrong is an attempt's outcome. `signal` ends it, also when it takes too long. */
  send(outgoing: Outgoing<Item>, sender: Sender, signal: AbortSignal): Promise<Attempt>;
}>;

export function whyOf(error: unknown): string {
  const { cause, message, code } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  return (cause?.code ?? code ?? cause?.message ?? message ?? String(error)).slice(0, 200);
}
