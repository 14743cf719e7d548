import { describe, expect, it } from 'vitest';
import { ok } from '../../../../base/fault.ts';
import { pausesAtOnce, type Said, scriptedLink } from '../../../testing/scripted-link.ts';
import { type StoredEntry, sealEntry } from '../entry.ts';
import type { JournalHead } from '../journal.ts';
import { draft } from '../journal-contract.ts';
import { noHead } from '../walk.ts';
import { openPostgresStore, walkTo } from './open-postgres.ts';
import { statementsIn } from './statements.ts';

const sql = statementsIn('testudo');
const lines = linesAfter(noHead, 3);
const [first, second, third] = lines as [StoredEntry, StoredEntry, StoredEntry];
const headOf = ({ seq, chain }: StoredEntry): JournalHead => ({ seq, chain });
const fence = {
  ...{ epoch: '4', holder: 'before', beat: '9', lease_ms: 4_000, moved_to: null },
  ...{ head_seq: '1', head_chain: first.chain },
};
const raised = { epoch: '5', head_seq: '2', head_chain: second.chain };

function linesAfter({ chain }: JournalHead, count: number): StoredEntry[] {
  const rows: StoredEntry[] = [];
  for (let at = 0; at < count; at++) {
    rows.push(sealEntry(rows.at(-1)?.chain ?? chain, { ...draft(at), seq: at + 1, epoch: 4 })[1]);
  }
  return rows;
}

type Server = Readonly<{ look: Said; names: Said; raise: Said; has: readonly StoredEntry[]; layout: Said | undefined }>;
const sound: Server = {
  ...{ look: [fence], names: [{ names: 'second' }], raise: [raised] },
  ...{ has: [first, second], layout: undefined },
};

/** A link to a server that holds these lines; `asked`: from which entry it was read, and for how many. */
function linkTo(server: Partial<Server>, isReplicated = false) {
  const { look, names, raise, has, layout } = { ...sound, ...server };
  const asked: unknown[] = [];
  const answer = (text: string, values: readonly unknown[]) => {
    if (text === sql.look) return look;
    if (text === sql.raise) return raise;
    if (text.includes("'synchronous_standby_names'")) return names;
    if (text.startsWith('SELECT version')) return layout;
    if (text !== sql.read) return undefined;
    asked.push(values);
    const [from, limit] = values as [number, number];
    return has.filter(({ seq }) => seq >= from).slice(0, limit);
  };
  return { link: scriptedLink(answer, { timers: pausesAtOnce(), isReplicated }), asked };
}

describe('who opens a journal in a database', () => {
  it('is its writer, and has checked what the one before wrote until then', async () => {
    const { link, asked } = linkTo({}, true);
    expect(await openPostgresStore(link)).toMatchObject(ok({ epoch: 5, head: headOf(second) }));
    expect(link.writer).toMatchObject({ epoch: 5 });
    expect(asked).toEqual([
      [1, 1],
      [2, 1],
    ]);
    await link.close();
  });

  it('reads no line again that it has walked while it stood by', async () => {
    const { link, asked } = linkTo({});
    const found = { head: headOf(first), epoch: 4 };
    expect(await openPostgresStore(link, found)).toMatchObject(ok({ epoch: 5, head: headOf(second) }));
    expect(asked).toEqual([[2, 1]]);
    await link.close();
  });

  it.each<[string, Partial<Server>, string, RegExp]>([
    ['a newer build made the layout', { layout: [{ version: 2 }] }, 'JOURNAL_NEWER', /layout 2/],
    ['the server lets nobody look', { look: '42501' }, 'DATABASE_UNFIT', /state 42501/],
    ['there is no fence', { look: [] }, 'JOURNAL_DAMAGED', /its row of the fence is missing/],
    ['the server does not say its standbys', { names: '42501' }, 'DATABASE_UNFIT', /state 42501/],
    ['no standby is named', { names: [{ names: '' }] }, 'JOURNAL_UNREPLICATED', /synchronous_standby_names/],
    ['it was moved', { look: [{ ...fence, moved_to: 'host b' }] }, 'JOURNAL_MOVED', /moved to host b: go on there/],
    ['another has raised it', { look: [{ ...fence, epoch: '6' }] }, 'JOURNAL_HELD', /epoch 6 took it over first/],
    ['its head went back', { look: [{ ...fence, head_seq: '0' }] }, 'JOURNAL_ROLLED_BACK', /entries 1 to 1 are gone/],
    ['the server does not let it write', { raise: '42501' }, 'DATABASE_UNFIT', /state 42501/],
    [
      'what was there before is not',
      { look: [{ ...fence, head_seq: '2', head_chain: second.chain }], has: [first], raise: '42501' },
      'JOURNAL_DAMAGED',
      /entry 2 is missing/,
    ],
    ['what came last is not there', { has: [first] }, 'JOURNAL_DAMAGED', /entry 2 is missing/],
  ])('is refused where %s', async (_, server, code, says) => {
    const { link } = linkTo(server, true);
    const refused = await openPostgresStore(link, { head: headOf(first), epoch: 4 });
    expect(refused).toMatchObject({ ok: false, fault: { code, message: expect.stringMatching(says) } });
    expect(link.writer).toBeUndefined();
    await link.close();
  });

  it('needs no standby where none is asked for', async () => {
    const { link } = linkTo({ names: [{ names: '' }] });
    expect(await openPostgresStore(link)).toMatchObject({ ok: true });
    await link.close();
  });
});

describe('a walk', () => {
  it('asks for no more than it needs, two thousand lines at a time, and hands on what it has checked', async () => {
    const many = linesAfter(noHead, 2_003);
    const { link, asked } = linkTo({ has: many });
    const taken: number[] = [];
    const end = headOf(many[2_001] as StoredEntry);
    const walked = await walkTo(link, noHead, end, (rows, at) => {
      taken.push(rows.length, at.seq);
      return ok(undefined);
    });
    expect(walked).toEqual(ok(end));
    expect(asked).toEqual([
      [1, 2_000],
      [2_001, 2],
    ]);
    expect(taken).toEqual([2_000, 2_000, 2, 2_002]);
  });

  it.each<[string, readonly StoredEntry[], JournalHead, number, RegExp]>([
    ['a line that is missing', [first, third], headOf(third), 2, /entry 2 is missing/],
    ['lines that end too early', [first, second], headOf(third), 3, /entry 3 is missing/],
    ['a line that was changed', [first, { ...second, body: '{}' }], headOf(second), 2, /chain breaks at entry 2/],
    ['another end than the fence says', lines, { seq: 3, chain: 'f' }, 3, /the fence says .* another entry 3/],
  ])('names %s', async (_, has, goal, seq, says) => {
    const fault = { code: 'JOURNAL_DAMAGED', fields: { seq }, message: expect.stringMatching(says) };
    expect(await walkTo(linkTo({ has }).link, noHead, goal)).toMatchObject({ ok: false, fault });
  });

  it('ends where what it reads is not taken', async () => {
    const { link, asked } = linkTo({ has: linesAfter(noHead, 2_003) });
    const refused = { ok: false, fault: { code: 'JOURNAL_DAMAGED', message: 'it does not follow' } } as const;
    expect(await walkTo(link, noHead, { seq: 2_003, chain: 'x' }, () => refused)).toEqual(refused);
    expect(asked).toHaveLength(1);
  });
});
