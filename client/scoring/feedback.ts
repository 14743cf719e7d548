import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { commitFile, isMissing, makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { appendLine } from '../../base/text/append-line.ts';
import type { EpochMs } from '../../base/time.ts';
import { isFamily } from '../../proto/antibody.ts';
import type { BufferFault, ExampleBuffer } from '../learning/example-buffer.ts';
import { isAlertId } from './alert.ts';
import { type AlertStore, alertFolder } from './alert-store.ts';

/** What an operator says of an alert. */
export const feedbackVerdicts = ['false-positive', 'confirmed'] as const;
export type FeedbackVerdict = (typeof feedbackVerdicts)[number];

const family = z.custom<string>(isFamily).optional();
const request = z.strictObject({ verdict: z.enum(feedbackVerdicts), by: z.string(), atMs: z.int(), family });

/** Who says what of an alert. */
export type Feedback = Readonly<{
  verdict: FeedbackVerdict;
  by: string;
  /** What a confirmed attack is called; `isFamily`. Alerts of one name become an antibody. */
  family?: string | undefined;
}>;

/**
 * Leaves feedback for the client that raised the alert; it is taken in within seconds when it runs, at its next start
 * otherwise. The newest word on an alert counts. Answers with the family that the alert had until now and has no longer, where it had one.
 */
export async function leaveFeedback(
  dataDir: string,
  id: string,
  { verdict, by, family }: Feedback,
  nowMs: EpochMs,
): Promise<Result<Readonly<{ noLonger: string | undefined }>, 'ALERT_NOT_FOUND'>> {
  const track = isAlertId(id) ? await trackOf(dataDir, id) : undefined;
  if (track === undefined) {
    return refuse(
      'ALERT_NOT_FOUND',
      `${id.slice(0, 40)}: no such alert in ${dataDir}; its id stands in the alert file`,
    );
  }
  const text = JSON.stringify({ verdict, by, atMs: nowMs, family });
  const before = [...(await confirmedFamilies(dataDir, track))].find(([, ids]) => ids.includes(id))?.[0];
  await writeFileAtomic(join(folderOf(dataDir, track), `${id}.json`), text);
  return ok({ noLonger: before === family ? undefined : before });
}

export type ApplyFaultCode = BufferFault | 'ALERT_NOT_FOUND' | 'ALERT_UNREADABLE' | 'FEEDBACK_MALFORMED';

export type AppliedFeedback = Readonly<{ id: string }> & Feedback;

/** The track that raised an alert. */
async function trackOf(dataDir: string, id: string): Promise<string | undefined> {
  for (const track of await namesIn(alertFolder(dataDir))) {
    if ((await namesIn(alertFolder(dataDir, track))).includes(`${id}.sealed`)) return track;
  }
  return undefined;
}

/**
 * Takes a track's waiting feedback in: false positives become hard examples that training replays, confirmed intrusions are kept
 * out of training and become regression cases. Each is written to `feedback.jsonl`. What cannot be applied now stays.
 */
export async function applyFeedback(
  dataDir: string,
  track: string,
  alerts: Pick<AlertStore, 'example'>,
  buffer: Pick<ExampleBuffer, 'addHard' | 'addRegression'>,
): Promise<readonly Result<AppliedFeedback, ApplyFaultCode>[]> {
  const results: Result<AppliedFeedback, ApplyFaultCode>[] = [];
  for (const id of await takenIn(folderOf(dataDir, track))) {
    const path = join(folderOf(dataDir, track), `${id}${takenSuffix}`);
    const parsed = request.safeParse(parsedLine(await readFile(path, 'utf8')));
    const example = isAlertId(id)
      ? await alerts.example(id)
      : refuse('ALERT_NOT_FOUND', `feedback on ${id.slice(0, 40)} names no alert`);
    if (!parsed.success || !example.ok) {
      results.push(example.ok ? refuse('FEEDBACK_MALFORMED', `${path} is not feedback; it was removed`) : example);
      await rm(path, { force: true });
      continue;
    }
    const { verdict, by, atMs, family } = parsed.data;
    const marked =
      verdict === 'confirmed' ? buffer.addRegression(example.value, atMs) : buffer.addHard(example.value, atMs);
    if (!marked.ok) {
      results.push(marked);
      continue;
    }
    const line = JSON.stringify({ alert: id, track, verdict, by, at: new Date(atMs).toISOString(), family });
    await appendLine(feedbackFile(dataDir), line);
    await rm(path, { force: true });
    results.push(ok({ id, verdict, by, family }));
  }
  return results;
}

/** Of a word that is being taken in: whoever leaves another meanwhile leaves it beside this one, and it is taken in next. */
const takenSuffix = '.taken';

/** Takes each word that waits out of the way of the next one on its alert. Ids of all that are taken, with what a kill left taken. */
async function takenIn(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder);
  const left = names.filter((name) => name.endsWith(takenSuffix)).map((name) => name.slice(0, -takenSuffix.length));
  const waiting = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  for (const id of waiting) {
    await commitFile(join(folder, `${id}.json`), join(folder, `${id}${takenSuffix}`), { durable: false });
  }
  return [...new Set([...left, ...waiting])].sort();
}

/** Everything that operators said of alerts, a JSON line each, oldest first. */
function feedbackFile(dataDir: string): string {
  return join(dataDir, 'feedback.jsonl');
}

const said = z.looseObject({ alert: z.string(), track: z.string(), verdict: z.enum(feedbackVerdicts), family });

/** Families of a track's confirmed alerts to the ids of those: the newest word on an alert counts. Lines of other writers are passed over. */
export async function confirmedFamilies(
  dataDir: string,
  track: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await readFile(feedbackFile(dataDir), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const words = new Map<string, string | undefined>();
  for (const line of text.split('\n')) {
    const word = said.safeParse(parsedLine(line));
    if (!word.success || word.data.track !== track) continue;
    const { alert, verdict, family: name } = word.data;
    words.set(alert, verdict === 'confirmed' ? name : undefined);
  }
  const families = new Map<string, string[]>();
  for (const [alert, name] of words) {
    if (name !== undefined) families.set(name, [...(families.get(name) ?? []), alert]);
  }
  return families;
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function folderOf(dataDir: string, track: string): string {
  return join(dataDir, 'feedback', track);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    makeFolder(folder, privateFolderMode);
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
