import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ok } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { pausesAtOnce, type Said, scriptedLink } from '../../../testing/scripted-link.ts';
import { sealEntry } from '../entry.ts';
import { draft } from '../journal-contract.ts';
import { noHead } from '../walk.ts';
import { awaitLease, type Following, followUntilFree } from './lease.ts';
import { statementsIn } from './statements.ts';

const never = new AbortController().signal;
const sql = statementsIn('testudo');
const [first, line] = sealEntry(noHead.chain, { ...draft(0), seq: 1, epoch: 1 });
const fence = {
  ...{ epoch: '1', holder: 'other', beat: '7', lease_ms: 4_000, moved_to: null },
  ...{ head_seq: '0', head_chain: noHead.chain },
};
const withLine = { ...fence, head_seq: '1', head_chain: first.chain };
const free = { ...fence, holder: '' };

/** Answers to looks at the fence, in turn, the last of them again and again. */
function looks(...answers: Said[]) {
  let asked = 0;
  return { look: () => answers[Math.min(asked++, answers.length - 1)] as Said, asked: () => asked };
}

it('a standby that is told to stop while its database is away does not wait for it', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((closed) => gone.close(closed));
  const settings = {
    ...{ hosts: [{ host: '127.0.0.1', port }], database: 'testudo', user: 'testudo', password: '', schema: 'testudo' },
    ...{ isReplicated: false, outageMs: 3_600_000, leaseMs: 4_000 },
  };
  const stopping = new AbortController();
  const following = followUntilFree(new PostgresLink(settings, systemTimers), stopping.signal, {
    tell: () => {},
    take: () => ok(undefined),
  });
  stopping.abort();
  expect(await following).toMatchObject({
    fault: { code: 'STANDBY_STOPPED', message: expect.stringContaining('before it took over') },
  });
});

it.each([
  { lateMs: 0, answerMs: 0, count: 17, of: 'a standby that is in time' },
  { lateMs: 1_750, answerMs: 0, count: 3, of: 'one that comes late to ask, on a machine with much to do' },
  { lateMs: 60_000, answerMs: 0, count: 3, of: 'one whose machine stood still, not at its first look' },
  { lateMs: 0, answerMs: 7_000, count: 7, of: 'one whose database was slow, as for the writer' },
])('a writer is gone after a lease of silence, at look $count of $of', async ({ lateMs, answerMs, count }) => {
  const timers = pausesAtOnce(lateMs);
  const { look, asked } = looks([fence]);
  const link = scriptedLink(
    (text) => {
      if (text !== sql.look) return undefined;
      timers.nowMs += answerMs;
      return look();
    },
    { timers },
  );
  const follower = { tell: () => {}, take: () => ok(undefined) };
  expect(await followUntilFree(link, never, follower)).toEqual(ok({ head: noHead, epoch: 1 }));
  expect(asked()).toBe(count);
});

describe('a standby', () => {
  /** One whose looks and readings are answered so, and what it told and took. */
  async function follow(look: () => Said, read: () => Said = () => [line], signal = never) {
    const told: Following[] = [];
    const took: unknown[] = [];
    let ends = 0;
    const timers = pausesAtOnce();
    const answer = (text: string) => (text === sql.look ? look() : text === sql.read ? read() : undefined);
    const link = scriptedLink(answer, { timers, ended: () => void ends++ });
    const outcome = await followUntilFree(link, signal, {
      tell: (following) => void told.push(following),
      take: (rows) => {
        took.push(...rows);
        return ok(undefined);
      },
    });
    return { outcome, told, took, link, ends: () => ends, nowMs: timers.nowMs };
  }
  const head = { seq: 1, chain: first.chain };

  it('tells how far it has come, and takes over at once from who has let go', async () => {
    const { outcome, told, took } = await follow(
      looks([fence], [{ ...withLine, beat: '8' }], [{ ...withLine, holder: '' }]).look,
    );
    expect(outcome).toEqual(ok({ head, epoch: 1 }));
    expect(told).toEqual([
      { epoch: 1, head: noHead },
      { epoch: 1, head },
      { epoch: 1, head },
    ]);
    expect(took).toEqual([line]);
  });

  it('whose wait is over no longer listens to what would have ended it: the link is of who takes over', async () => {
    const stopping = new AbortController();
    const { link, ends } = await follow(looks([free]).look, undefined, stopping.signal);
    stopping.abort();
    expect(await link.repeat('SELECT 1')).toMatchObject({ kind: 'rows' });
    expect(ends()).toBe(0);
  });

  it.each<[string, Said[], Said[], string, RegExp]>([
    [
      'a journal that was moved',
      [[{ ...fence, moved_to: 'data of host b' }]],
      [],
      'JOURNAL_MOVED',
      /data of host b: go on/,
    ],
    ['a head that goes back', [[withLine], [fence]], [[line]], 'JOURNAL_ROLLED_BACK', /entries 1 to 1 are gone/],
    ['a fence that is gone', [[]], [], 'JOURNAL_DAMAGED', /its row of the fence is missing/],
    ['an entry that is missing', [[withLine]], [[]], 'JOURNAL_DAMAGED', /entry 1 is missing/],
    ['a server that refuses it a look', ['42501'], [], 'DATABASE_UNFIT', /state 42501/],
    ['a server that refuses it the lines', [[withLine]], ['42501'], 'DATABASE_UNFIT', /state 42501/],
  ])('ends at %s', async (_, fences, lines, code, says) => {
    const { outcome } = await follow(looks(...fences).look, lines.length === 0 ? undefined : looks(...lines).look);
    expect(outcome).toMatchObject({ ok: false, fault: { code, message: expect.stringMatching(says) } });
  });

  it('goes on where the database was away for too long, and counts none of that as silence', async () => {
    const away = (times: number) => Array.from({ length: times }, () => '57P03');
    // An outage of a minute is 302 questions, of which each waits for 200 ms and the last is one more.
    const { look, asked } = looks([fence], ...away(302), [fence]);
    const { outcome, nowMs } = await follow(look);
    expect(outcome).toEqual(ok({ head: noHead, epoch: 1 }));
    expect(nowMs).toBeGreaterThan(60_000);
    expect(asked()).toBe(302 + 17); // As many looks as where it was never away.
    const reading = await follow(
      looks([withLine], [withLine], [{ ...withLine, holder: '' }]).look,
      looks(...away(302), [line]).look,
    );
    expect(reading.outcome).toEqual(ok({ head, epoch: 1 }));
  });
});

describe('a start that waits for the lease', () => {
  const start = (look: () => Said, more: (text: string) => Said | undefined = () => undefined) =>
    awaitLease(scriptedLink((text) => (text === sql.look ? look() : more(text)), { timers: pausesAtOnce() }));

  it.each<[string, Said[], number]>([
    ['at once where the last writer has let go', [[free]], 1],
    ['after a lease without a beat', [[fence]], 17],
  ])('has it %s', async (_, fences, count) => {
    const { look, asked } = looks(...fences);
    expect(await start(look)).toEqual(ok(undefined));
    expect(asked()).toBe(count);
  });

  it('leaves the field to a writer that beats, by its epoch', async () => {
    const { look, asked } = looks([fence], [fence], [{ ...fence, beat: '8' }]);
    const fault = { code: 'JOURNAL_HELD', message: expect.stringContaining('epoch 1 holds it') };
    expect(await start(look)).toMatchObject({ ok: false, fault });
    expect(asked()).toBe(3);
  });

  it('is refused where there is no layout to be had, or no fence', async () => {
    const newer = await start(looks([free]).look, (text) =>
      text.startsWith('SELECT version') ? [{ version: 2 }] : undefined,
    );
    expect(newer).toMatchObject({ ok: false, fault: { code: 'JOURNAL_NEWER' } });
    expect(await start(looks('42501').look)).toMatchObject({ ok: false, fault: { code: 'DATABASE_UNFIT' } });
  });
});
