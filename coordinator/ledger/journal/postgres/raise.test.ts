import { expect, it } from 'vitest';
import { pausesAtOnce, type Said, scriptedLink } from '../../../testing/scripted-link.ts';
import { raise } from './raise.ts';
import { fenceIn } from './rows.ts';
import { statementsIn } from './statements.ts';

const outageMs = 60_000;
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

/** What the server answers an attempt with, and one who then looks at the fence. */
type Answers = Readonly<{ attempts: readonly Said[]; look?: Said }>;

/** An attempt at a database that answers so, the last of them again and again. */
async function raised({ attempts, look = [] }: Answers) {
  const sql = statementsIn('testudo');
  let asked = 0;
  const timers = pausesAtOnce();
  const answer = (text: string, values: readonly unknown[]) => {
    if (text === sql.look) return look;
    if (text !== sql.raise) return undefined;
    expect(values).toEqual([4, 'before', 'mine', 4_000]);
    return attempts[Math.min(asked++, attempts.length - 1)] ?? [];
  };
  const outcome = await raise(scriptedLink(answer, { timers }), fenceIn(seen), 'mine');
  return { outcome, asked, nowMs: timers.nowMs };
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
  ['asks again where the line was cut', { attempts: [new Error('cut'), [row]] }, writer],
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
