import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { pausesAtOnce, scriptedLink } from '../../testing/scripted-link.ts';
import { openPostgresJournal } from './open-journal.ts';
import { statementsIn } from './postgres/statements.ts';
import { noHead } from './walk.ts';

const sql = statementsIn('testudo');

/** A link to a journal that another coordinator holds; `beats`: for so many looks. */
function held(beats: number) {
  let beat = 0;
  const head = { head_seq: '0', head_chain: noHead.chain };
  return scriptedLink(
    (text) => {
      if (text === sql.raise) return [{ epoch: '2', ...head }];
      if (text !== sql.look) return undefined;
      beat = Math.min(beat + 1, beats);
      return [{ epoch: '1', holder: 'other', beat: String(beat), lease_ms: 4_000, moved_to: null, ...head }];
    },
    { timers: pausesAtOnce() },
  );
}

it('a journal in a database that another holds is left to him while he beats, and taken once he does not', async () => {
  const refused = await openPostgresJournal(held(1_000));
  expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_HELD' } });
  const journal = unwrap(await openPostgresJournal(held(1)));
  expect(journal.epoch).toBe(2);
  await journal.close();
});

it('who has waited for it as a standby waits no more', async () => {
  const journal = unwrap(await openPostgresJournal(held(1_000), { head: noHead, epoch: 1 }));
  expect(journal.epoch).toBe(2);
  await journal.close();
});
