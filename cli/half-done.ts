import type { Fault } from '../base/fault.ts';

/** What a command has done that stays, whatever becomes of the rest; and what to type about the rest, as a sentence. */
export type Half = Readonly<{ done: string; rest: string }>;

/** Why a command ended half-way, with what was done by then: who types it again unseen may do that twice. */
export function halfDone({ done, rest }: Half, { code, message }: Fault): Fault {
  return { code: 'HALF_DONE', message: `${done}; what was to follow failed: ${code}: ${message}. ${rest}` };
}
