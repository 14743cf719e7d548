import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../base/random.ts';
import { chainAfter, chainOrigin } from '../../coordinator/ledger/journal/entry.ts';
import { HeldLine, openLine } from '../../coordinator/testing/held-line.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { type Acknowledged, WriterProcess } from './writer.ts';

/** What is done to a writer, to its line or to its servers. */
export const deeds = [
  'writer killed',
  'writer stopped, woken after it was followed',
  'line cut',
  'line cut after some bytes of a commit',
  'answers lost, then the line',
  'commit held, delivered after it was followed',
  'commit held but for its beginning, delivered after it was followed',
  'server restarted (fast)',
  'server restarted (immediate)',
  'server killed',
  'connection terminated by the server',
  'wait for the standby cancelled',
] as const;
export type Deed = (typeof deeds)[number];

export type DeedTally = { count: number; stale: number; msMax: number };
export type History = Readonly<{
  acknowledged: number;
  broken: readonly string[];
  byDeed: Readonly<Record<Deed, DeedTally>>;
}>;

const leaseMs = 1_500;
/** Of a statement: Sync, as PostgreSQL's protocol has it. */
const lastMessageBytes = 5;

/**
 * A journal on a primary with a synchronous standby, written to by real processes while one fault after another happens, each
 * kind in turn and at a moment of the seed's choice. At the end every entry that a writer ever heard of must be there, once.
 */
export async function runHistory(faults: number, seed: number, say: (line: string) => void): Promise<History> {
  const random = seededRandom(seed);
  const primary = await PostgresServer.start();
  await primary.set('synchronous_standby_names', 'second');
  const standby = await primary.startStandby('second');
  const line = await HeldLine.open(() => primary.port);
  const direct = primary.settings({ isReplicated: true, leaseMs, outageMs: 600_000 });
  const overLine = { ...direct, hosts: [{ host: '127.0.0.1', port: line.port }] };
  const acknowledged: Acknowledged = new Map();
  const broken: string[] = [];
  const byDeed = Object.fromEntries(deeds.map((deed) => [deed, { count: 0, stale: 0, msMax: 0 }])) as Record<
    Deed,
    DeedTally
  >;
  /** Of a server that may be restarting just now, after what was done to it before. */
  const sql = async (text: string) => {
    for (;;) {
      try {
        return await primary.sql(text);
      } catch {
        await pause(50);
      }
    }
  };
  const start = (settings: typeof direct) => new WriterProcess(settings, acknowledged, broken);
  let writer = start(overLine);
  /** Another writer follows; the one before must end by the fence, whenever it hears of it. */
  const follow = async (deed: Deed, wake: (old: WriterProcess) => void) => {
    const old = writer;
    writer = start(direct); // Not over the line that the old one is held by.
    if (!(await writer.next())) broken.push(`${deed}: the successor ended with ${writer.ended}`);
    wake(old);
    await old.over();
    if (old.ended === 'EPOCH_STALE') byDeed[deed].stale++;
    else broken.push(`${deed}: the old writer ended with ${old.ended}`);
    writer.signal('SIGKILL');
    await writer.over();
    writer = start(overLine);
  };
  /** Of what is held at first, all but `less` bytes goes on at once. */
  const held = async (deed: Deed, less: number) => {
    line.mode = { toServer: 'hold', toClient: 'pass' };
    while (line.heldBytes === 0) await pause(5);
    line.deliver(less);
    await follow(deed, () => {
      line.mode = openLine;
      line.deliver();
    });
  };
  const doIt: Record<Deed, (deed: Deed) => Promise<void>> = {
    'writer killed': async () => {
      writer.signal('SIGKILL');
      await writer.over();
      writer = start(overLine);
    },
    'writer stopped, woken after it was followed': async (deed) => {
      writer.signal('SIGSTOP');
      await follow(deed, (old) => old.signal('SIGCONT'));
    },
    'line cut': async () => line.cut(),
    'line cut after some bytes of a commit': async () => line.cutAfter(1 + Math.floor(random() * 3_000)),
    'answers lost, then the line': async () => {
      line.mode = { toServer: 'pass', toClient: 'drop' };
      await pause(20);
      line.mode = openLine;
      line.cut();
    },
    'commit held, delivered after it was followed': (deed) => held(deed, Number.POSITIVE_INFINITY),
    // Without its last message alone the server has done it, and waits with its lock on the fence.
    'commit held but for its beginning, delivered after it was followed': (deed) =>
      held(deed, random() < 0.5 ? lastMessageBytes : Math.ceil(random() * 3_000)),
    'server restarted (fast)': () => primary.end('SIGINT').then(() => primary.startAgain()),
    'server restarted (immediate)': () => primary.end('SIGQUIT').then(() => primary.startAgain()),
    'server killed': () => primary.end('SIGKILL').then(() => primary.startAgain()),
    'connection terminated by the server': async () => {
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'testudo coordinator'`,
      );
    },
    'wait for the standby cancelled': async () => {
      await standby.end();
      const waits = `FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
      while ((await sql(`SELECT 1 ${waits}`)).length === 0) await pause(5);
      await sql(`SELECT pg_cancel_backend(pid) ${waits}`);
      await standby.startAgain();
    },
  };
  try {
    if (!(await writer.next())) throw new Error(`the first writer ended with ${writer.ended}`);
    for (let index = 0; index < faults; index++) {
      const deed = deeds[index % deeds.length] as Deed;
      await pause(random() * 200);
      const startedMs = performance.now();
      await doIt[deed](deed);
      // A line that is cut after some bytes stands until these have gone by: what counts is that the writer goes on.
      for (let heard = 0; heard < 2; heard++) {
        if (await writer.next()) continue;
        broken.push(`${deed}: the writer ended with ${writer.ended}`);
        writer = start(overLine);
      }
      const tally = byDeed[deed];
      tally.count++;
      tally.msMax = Math.max(tally.msMax, performance.now() - startedMs);
      if ((index + 1) % deeds.length !== 0) continue;
      say(`${index + 1} faults, ${acknowledged.size} entries, ${broken.length} broken`);
      for (const line of broken) say(`- ${line}`);
    }
    writer.signal('SIGKILL');
    await writer.over();
    broken.push(...(await lost(primary, acknowledged)));
  } finally {
    writer.signal('SIGKILL');
    await line.close();
    await standby.remove();
    await primary.remove();
  }
  return { acknowledged: acknowledged.size, broken, byDeed };
}

/** What was acknowledged and is not there, or is there otherwise; and whether the chain holds. Read as rows, not by our store. */
async function lost(primary: PostgresServer, acknowledged: Acknowledged): Promise<string[]> {
  const rows = await primary.sql('SELECT seq, body, chain FROM testudo.entries ORDER BY seq');
  const broken: string[] = [];
  let chain: string = chainOrigin;
  for (const [index, row] of rows.entries()) {
    chain = chainAfter(chain, String(row.body));
    if (Number(row.seq) !== index + 1 || row.chain !== chain) {
      return [`the chain breaks at entry ${index + 1}`];
    }
    const heard = acknowledged.get(index + 1);
    if (heard !== undefined && heard !== chain) broken.push(`entry ${index + 1} is another than was acknowledged`);
  }
  for (const seq of acknowledged.keys())
    if (seq > rows.length) broken.push(`entry ${seq} was acknowledged and is gone`);
  return broken;
}
