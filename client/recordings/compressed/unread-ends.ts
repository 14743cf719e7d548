/**
 * Which inputs were not read to their end, of everything that is read on behalf of one call. Readers hand on what came
 * before the end; whoever answers for the whole (a command line, with its exit code) asks here, and no reader between has to pass it on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const asked = new AsyncLocalStorage<Map<string, string>>();

/** What `run` answers, and for each input that ended before its end the reason. Calls beside each other hear nothing of one another. */
export async function noticingUnreadEnds<Answer>(
  run: () => Promise<Answer>,
): Promise<Readonly<{ answer: Answer; unread: ReadonlyMap<string, string> }>> {
  const unread = new Map<string, string>();
  return { answer: await asked.run(unread, run), unread };
}

/**
 * Why an input of this call was not read to its end, a sentence's part, and which; undefined so far, or where nobody asked. For what leaves
 * a file behind that others go on from: that had better not be made of half of what it was to be made of.
 */
export function unreadEndSoFar(): Readonly<{ path: string; why: string }> | undefined {
  const [first] = asked.getStore() ?? [];
  return first && { path: first[0], why: first[1] };
}

/** Streams of text that came to an end without a line's end. */
const unended = new WeakSet<object>();

export function noticeUnendedLine(source: object): void {
  unended.add(source);
}

/** Said of a text of which the last line makes no sense, where that line has no end either: it was cut off. Other writers end none. */
export function noticeCutLine(source: object): void {
  if (unended.has(source)) noticeUnreadEnd(source, 'its last line is cut off');
}

export function noticeUnreadEnd(source: unknown, cause: unknown): void {
  const { path } = source as Readonly<{ path?: unknown }>;
  const why = cause instanceof Error ? cause.message : String(cause);
  asked.getStore()?.set(typeof path === 'string' ? path : 'the input', why);
}
