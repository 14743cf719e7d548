import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing } from '../../../../base/atomic-file.ts';
import { appendLine } from '../../../../base/text/append-line.ts';
import type { Check } from '../report.ts';

/** What one turn of a drill came to. */
const entry = z.object({
  at: z.iso.datetime(),
  drill: z.string().max(64),
  outcome: z.enum(['found', 'missed', 'not measurable']),
  /** What was not as expected or not measured. */
  because: z.string().max(1_000),
});

export type Entry = z.infer<typeof entry>;

/**
 * A drill finds what it tries only when every check was made and came out as expected. One thing that did not hold is a miss; one
 * that nobody could see leaves the rest worth no more than that nothing is known.
 */
export function outcomeOf(checks: readonly Check[]): Pick<Entry, 'outcome' | 'because'> {
  const of = (verdict: Check['verdict']) => checks.filter((check) => check.verdict === verdict);
  const [bad, blind] = [of('NOT as expected'), of('not measured')];
  const outcome = bad.length > 0 ? 'missed' : blind.length > 0 || checks.length === 0 ? 'not measurable' : 'found';
  const because = [...bad, ...blind].map(({ what, happened }) => `${what}: ${happened}`).join('; ');
  return { outcome, because: because.slice(0, 1_000) };
}

/** Adds one line, on the disk when it resolves; also behind one that a full disk cut short. */
export async function remember(path: string, added: Entry): Promise<void> {
  await appendLine(path, JSON.stringify(added), { durable: true });
}

/** `damaged`: lines that are no entries, such as one that a full disk cut short. */
export async function recall(path: string): Promise<Readonly<{ entries: readonly Entry[]; damaged: number }>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const entries: Entry[] = [];
  let damaged = 0;
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const read = entry.safeParse(parsed(line));
    if (read.success) entries.push(read.data);
    else damaged += 1;
  }
  return { entries, damaged };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
