import { expect, it } from 'vitest';
import { systemTimers } from '../../../../base/system-timers.ts';
import type { Timers } from '../../../../base/time.ts';
import type { Driver, Row } from '../../../postgres/driver.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { raise } from './raise.ts';
import { fenceIn } from './rows.ts';
import { statementsIn } from './statements.ts';

const outageMs = 60_000;
const fit = { standby: false, fsync: 'on', pages: 'on', encoding: 'UTF8', version: 150_000 };
const seen = {
  epoch: '4',
  holder: 'before',
  beat: '9',
  lease_ms: 4_000,
  moved_to: null,
  head_seq: '6',
  head_chain: 'ab',
};
const mine = { ...seen, epoch: '5', holder: 'mine' };

/** What the server answers an attempt with, and one who then looks at the fence: rows, or the state of a refusal. */
type Answers = Readonly<{ attempts: readonly (readonly Row[] | string)[]; look?: readonly Row[] | string }>;

/** An attempt at a database that answers so, the last of them again and again. */
async function raised({ attempts, look = [] }: Answers) {
  const sql = statementsIn('testudo');
  let nowMs = 0;
  let asked = 0;
  const timers: Timers = {
    ...systemTimers,
    monotonicMs: () => nowMs,
    after(delayMs, act) {
      if (delayMs < 1_000) {
        nowMs += delayMs; // Between two attempts. An answer is waited for as long as it takes.
        setImmediate(act);
      }
      return systemTimers.after(0, () => {});
    },
  };
  const answer = (given: readonly Row[] | string): readonly Row[] => {
    if (typeof given !== 'string') return given;
    throw Object.assign(new Error(`state ${given}`), { code: given });
  };
  const driver: Driver = async () => ({
    ...{ connect: async () => {}, end: async () => {}, onNotice: () => {}, onEnd: () => {}, destroy: () => {} },
    async query(text, values) {
      if (text === sql.look) return answer(look);
      if (text !== sql.raise) return [fit];
      expect(values).toEqual([4, 'before', 'mine', 4_000]);
      return answer(attempts[Math.min(asked++, attempts.length - 1)] ?? []);
    },
  });
  const settings = {
    ...{ hosts: [{ host: 'database', port: 5_432 }], database: 'testudo', user: 'testudo', password: '' },
    ...{ schema: 'testudo', isReplicated: false, outageMs, leaseMs: 4_000 },
  };
  const outcome = await raise(new PostgresLink(settings, timers, driver), fenceIn(seen), 'mine');
  return { outcome, asked, nowMs };
}

const writer = { ok: true, value: { writer: { epoch: 5, holder: 'mine' }, head: { seq: 6, chain: 'ab' } } };
const held = {
  ok: false,
  fault: { code: 'JOURNAL_HELD', message: expect.stringContaining('another start was faster') },
};
const row = { epoch: '5', head_seq: '6', head_chain: 'ab' };

it.each<[string, Answers, unknown]>([
  ['has what its attempt gives', { attempts: [[row]] }, writer],
  [
    'has what an attempt gave whose answer was lost: the fence bears its name',
    { attempts: ['57P01', []], look: [mine] },
    writer,
  ],
  ['leaves the field to another start', { attempts: [[]], look: [{ ...mine, holder: 'other' }] }, held],
  ['and to nobody where there is no fence', { attempts: [[]] }, held],
  ['asks again where the server settled nothing', { attempts: ['57P03', '08006', [row]] }, writer],
])('who raises a fence %s', async (_, answers, expected) => {
  const { outcome, asked } = await raised(answers);
  expect(outcome).toMatchObject(expected as object);
  expect(asked).toBe(answers.attempts.length);
});

it('who raises a fence and is refused is so at once, in the attempt and in the look after it', async () => {
  const refused = await raised({ attempts: ['42501'] });
  expect(refused.outcome).toMatchObject({ ok: false, fault: { code: 'DATABASE_UNFIT' } });
  expect([refused.asked, refused.nowMs < 1_000]).toEqual([1, true]);
  const blind = await raised({ attempts: [[]], look: '42501' });
  expect(blind.outcome).toMatchObject({ ok: false, fault: { code: 'DATABASE_UNFIT' } });
  expect(blind.asked).toBe(1);
});

it('who raises a fence of a server that never settles anything gives up once the outage is too long', async () => {
  const { outcome, asked, nowMs } = await raised({ attempts: ['57P03'] });
  expect(outcome.ok).toBe(false);
  expect(asked).toBeGreaterThan(10);
  expect(nowMs).toBeGreaterThanOrEqual(outageMs);
});
