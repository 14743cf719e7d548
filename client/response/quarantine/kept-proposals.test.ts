import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { madeAtMs, madePod } from '../testing/made-facts.ts';
import { KeptProposals } from './kept-proposals.ts';
import type { Order } from './orders.ts';
import type { Asked, Seen, SeenSuspect } from './seen.ts';

const now = madeAtMs;
const minute = 60_000;
const asks: Asked = { action: 'isolate', keepForMs: minute, untilMs: now + 15 * minute, tracks: ['syscall'] };

function seenOf(suspects: Readonly<Record<string, SeenSuspect['state']>>): Seen {
  const all = Object.entries(suspects).map(([name, state]) => ({
    ...{ pod: madePod(name), workload: 'web', risk: 2, alerts: 2, state, because: '' },
    ...(state === 'waits' && { asks }),
  }));
  return { isBlind: false, suspects: all, quarantined: [] };
}

const word = (kind: Order['kind'], name: string): Order => ({
  ...{ kind, uid: `uid-${name}`, by: 'ada', reason: 'looked at it', atMs: now },
});
const told = (kept: KeptProposals) =>
  Object.fromEntries(kept.all.map(({ pod, decided }) => [pod, decided === null ? 'waits' : decided.outcome]));

/** What an agent says once it was ended, however that was, and started again on its folder. */
async function startedAgain(kept: KeptProposals, file: string) {
  await kept.close();
  return KeptProposals.open(file, (cause) => expect.fail(cause));
}

it('whoever approved or declined one before the agent was started again learns what came of it, by whose word', async () => {
  const file = join(tempDir(), 'proposals.json');
  const first = KeptProposals.open(file, (cause) => expect.fail(cause));
  first.look(seenOf({ one: 'waits', two: 'waits', three: 'waits' }), [], now);
  first.look(
    seenOf({ one: 'begun', two: 'quiet', three: 'waits' }),
    [word('approve', 'one'), word('decline', 'two')],
    now + 1,
  );
  expect(told(first)).toEqual({ one: 'approved', two: 'declined', three: 'waits' });
  const second = await startedAgain(first, file);
  expect(told(second)).toEqual({ one: 'approved', two: 'declined' });
  expect(second.all[0]?.decided).toMatchObject({ by: 'ada', reason: 'looked at it' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // A day later nobody asks any more.
  second.look(seenOf({}), [], now + 86_400_002);
  expect(told(second)).toEqual({ three: 'gone' });
  await second.close();
});

it('what waited when the agent ended is nobody’s to declare gone before its alerts can have been heard again', async () => {
  const file = join(tempDir(), 'proposals.json');
  const first = KeptProposals.open(file, (cause) => expect.fail(cause));
  const names = ['heard', 'approved', 'begun', 'never'];
  first.look(seenOf(Object.fromEntries(names.map((name) => [name, 'waits']))), [], now);
  const second = await startedAgain(first, file);
  second.look({ ...seenOf({}), isBlind: true }, [], now + 1);
  second.look(seenOf({}), [], now + 2); // No alert has been heard yet.
  expect(told(second)).toEqual({});
  const third = await startedAgain(second, file); // Again, before anything was heard.
  third.look(seenOf({ heard: 'waits', begun: 'begun' }), [word('approve', 'approved')], now + minute);
  expect(told(third)).toEqual({ heard: 'waits', approved: 'approved', begun: 'enforced' });
  expect(third.all.find(({ pod }) => pod === 'heard')?.sinceMs).toBe(now); // It has waited all along.
  third.look(seenOf({ heard: 'waits' }), [], now + 15 * minute);
  expect(told(third)).toMatchObject({ never: 'gone' });
  await third.close();
});

it('a file that nobody can read or write is told of, and keeps no agent from its work', async () => {
  const folder = tempDir();
  const file = join(folder, 'proposals.json');
  for (const bytes of ['{', '{"format":"testudo/response-proposals/1","proposals":[{}]}', '7']) {
    writeFileSync(file, bytes);
    const causes: string[] = [];
    const kept = KeptProposals.open(file, (cause) => void causes.push(cause));
    expect(causes).toEqual([expect.stringContaining('is not read')]);
    kept.look(seenOf({ one: 'waits' }), [], now);
    expect(told(await startedAgain(kept, file))).toEqual({});
  }
  const blocked = join(folder, 'blocked');
  const causes: string[] = [];
  const kept = KeptProposals.open(join(blocked, 'proposals.json'), (cause) => void causes.push(cause));
  writeFileSync(blocked, '');
  kept.look(seenOf({ one: 'waits' }), [], now);
  await kept.close();
  expect(causes).toEqual([expect.stringContaining('is not written')]);
  expect(told(kept)).toEqual({ one: 'waits' });
});
