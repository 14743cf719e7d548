import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ok, type Result, unwrap } from '../../base/fault.ts';
import { anAlert } from '../alerts/testing/alerts.ts';
import { applyFeedback, type FeedbackVerdict, leaveFeedback } from './feedback.ts';

const track = 'syscall';
const { id } = anAlert('1');
let data: string;
let marked: string[];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'testudo-feedback-'));
  onTestFinished(() => rmSync(data, { recursive: true }));
  mkdirSync(join(data, 'alerts', track), { recursive: true });
  writeFileSync(join(data, 'alerts', track, `${id}.sealed`), '');
  marked = [];
});

const leave = async (verdict: FeedbackVerdict, by: string) =>
  unwrap(await leaveFeedback(data, id, { verdict, by }, Date.UTC(2027, 0, 1)));
const waiting = () => readdirSync(join(data, 'feedback', track));

const buffer = {
  addHard: () => {
    marked.push('hard');
    return ok(undefined);
  },
  addRegression: () => {
    marked.push('regression');
    return ok(undefined);
  },
};
/** Takes in what waits; `meanwhile` is done between the reading of a word and the moment when it is done with. */
async function apply(meanwhile: () => Promise<unknown> = async () => undefined): Promise<readonly unknown[]> {
  const example = async (): Promise<Result<unknown, never>> => {
    await meanwhile();
    return ok('example');
  };
  const words = await applyFeedback(data, track, { example }, buffer as Parameters<typeof applyFeedback>[3]);
  return words.map((word) => (word.ok ? `${word.value.verdict} ${word.value.by}` : word.fault.code));
}

describe('applyFeedback', () => {
  it('takes in a word that is left while the one before it is taken in', async () => {
    await leave('false-positive', 'ada');
    expect(await apply(() => leave('confirmed', 'eve'))).toEqual(['false-positive ada']);
    expect(await apply()).toEqual(['confirmed eve']);
    expect([await apply(), waiting(), marked]).toEqual([[], [], ['hard', 'regression']]);
    const lines = readFileSync(join(data, 'feedback.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { by: string }).by)).toEqual(['ada', 'eve']);
  });

  it('goes on with a word that a kill left half taken in, unless there is a newer one', async () => {
    await leave('false-positive', 'ada');
    const killed = apply(() => Promise.reject(new Error('killed')));
    await expect(killed).rejects.toThrow('killed');
    expect(waiting()).toEqual([`${id}.taken`]);
    expect(await apply()).toEqual(['false-positive ada']);

    await leave('false-positive', 'ada');
    await expect(apply(() => Promise.reject(new Error('killed')))).rejects.toThrow('killed');
    await leave('confirmed', 'eve');
    expect(await apply()).toEqual(['confirmed eve']);
    expect(waiting()).toEqual([]);
  });

  it('removes what is no feedback, and says so', async () => {
    await leave('confirmed', 'ada');
    writeFileSync(join(data, 'feedback', track, `${id}.json`), '{"verdict":"perhaps"}');
    writeFileSync(join(data, 'feedback', track, 'stranger.json'), '{}');
    expect(await apply()).toEqual(['FEEDBACK_MALFORMED', 'ALERT_NOT_FOUND']);
    expect([waiting(), marked]).toEqual([[], []]);
  });
});
