import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { unwrap } from '../../base/fault.ts';
import { MemoryBlobStore } from '../../coordinator/blobs/memory-blob-store.ts';
import type { Engine } from '../../coordinator/rounds/engine.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { figure, processorSecondsOf, secondsOf, secondsText } from '../harness/measure.ts';
import { piecesOf } from '../harness/pieces.ts';
import type { CaseLine, Report } from '../harness/report.ts';
import { foundCrowd, type Invitation, openCrowd, storedUpdate, track } from './crowd.ts';
import { type UploadLine, uploadName, uploadPiece, uploadSizes, uploadsPage } from './uploads/page.ts';
import { measureUploads, type UploadSize } from './uploads/uploads.ts';
import { type WatchLine, watchesPage, watchName, watchPiece, watchSizes } from './watches/page.ts';
import { measureWatches, type WatchSize } from './watches/watches.ts';

/** Enrolled clusters, and how many of them a round wants. */
const crowds = [
  [1_000, 1_000],
  [5_000, 5_000],
  [10_000, 10_000],
  [100_000, 500],
] as const;
/** Measured first and not told: a coordinator runs for weeks, and its first thousand updates are compiled as they come. */
const warmUp = [1_000, 1_000] as const;
const bars = { acceptSeconds: 1e-4, startSeconds: 5 };
/** Updates on their way at once: the journal syncs several together. */
const atOnce = 64;

type Figures = Readonly<{
  enrolled: number;
  cohort: number;
  openSeconds: number;
  acceptSeconds: number;
  /** The longest turn of the event loop while a snapshot was written. */
  snapshotTurnSeconds: number;
  startSeconds: number;
  rssMiB: number;
}>;

const { measurePiece, keptPiece } = piecesOf('scale');
const members = 'members';
const smallCrowd = [60, 40] as const;
const smallWatch: WatchSize = { clients: 12, processes: 1 };
const smallUpload: UploadSize = { doors: 1, clients: 3, values: 1_000, rounds: 1 };

/** What a federation's size costs the one process that writes the journal, and what stands in front of it. */
export const bench: Bench = {
  name: 'scale',
  summary:
    'One coordinator with 1,000 to 100,000 members: opening a round, accepting its updates and starting again, with bytes and mathematics left out; clients by the thousand that watch at a door; and what an update costs at doors and behind them.',
  run,
};

async function run({ small, only }: BenchOptions, report: Report): Promise<void> {
  if (small) {
    await measureMembers([smallCrowd], report);
    await measureUpload(smallUpload, report);
    return measureWatch(smallWatch, report);
  }
  if (only === undefined || members.includes(only)) {
    await measurePiece(
      members,
      async (piece) => {
        await inFolder((folder) => measured(folder, ...warmUp));
        await measureMembers(crowds, piece);
      },
      report,
    );
  }
  for (const size of watchSizes) {
    if (only !== undefined && !watchName(size).includes(only)) continue;
    await measurePiece(watchPiece(size), (piece) => measureWatch(size, piece), report);
  }
  for (const size of uploadSizes) {
    if (only !== undefined && !uploadName(size).includes(only)) continue;
    await measurePiece(uploadPiece(size), (piece) => measureUpload(size, piece), report);
  }
  if (only === undefined || only === 'page') writePage(report);
}

async function measureMembers(sizes: readonly (readonly [number, number])[], report: Report): Promise<void> {
  for (const [enrolled, cohort] of sizes) {
    const name = `${enrolled.toLocaleString('en')} enrolled, ${cohort.toLocaleString('en')} in the round`;
    report.record({ case: name, ...(await inFolder((folder) => measured(folder, enrolled, cohort))) });
  }
}

async function measureWatch(size: WatchSize, report: Report): Promise<void> {
  const figures = await inFolder((folder) => measureWatches(folder, size));
  report.record({ case: watchName(size), ...size, ...figures, load: os.loadavg()[1] });
}

async function measureUpload(size: UploadSize, report: Report): Promise<void> {
  const figures = await inFolder((folder) => measureUploads(folder, size));
  report.record({ case: uploadName(size), ...size, ...figures, load: os.loadavg()[1] });
}

function writePage(report: Report): void {
  const kept = keptPiece(members);
  const lines = (kept?.cases ?? []) as unknown as (CaseLine & Figures)[];
  for (const line of lines) report.record(line);
  membersPage(report, lines, kept?.commit ?? 'none');
  const watches = keptLines<WatchLine>(watchSizes.map(watchPiece), report);
  watchesPage(report, watches, watchSizes.filter((size) => keptPiece(watchPiece(size)) === undefined).map(watchName));
  const uploads = keptLines<UploadLine>(uploadSizes.map(uploadPiece), report);
  uploadsPage(
    report,
    uploads,
    uploadSizes.filter((size) => keptPiece(uploadPiece(size)) === undefined).map(uploadName),
  );
}

/** The cases of what was measured of these parts, each with its commit. */
function keptLines<Line extends CaseLine>(names: readonly string[], report: Report): readonly Line[] {
  const lines = names.flatMap((name) => {
    const piece = keptPiece(name);
    return piece === undefined ? [] : piece.cases.map((line) => ({ ...line, commit: piece.commit }) as unknown as Line);
  });
  for (const line of lines) report.record(line);
  return lines;
}

async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-scale-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

async function measured(folder: string, enrolled: number, cohort: number): Promise<Figures> {
  const blobs = new MemoryBlobStore();
  const engine = await openCrowd(folder, blobs);
  const names = await foundCrowd(engine, enrolled, cohort);
  const invitations = new Map<ClusterId, Invitation>();
  const invited = Promise.withResolvers<void>();
  const openSeconds = await processorSecondsOf(async () => {
    for (const name of names) {
      engine.join(name, [track], (directive) => {
        if (directive.kind !== 'invitation') return;
        invitations.set(name, directive);
        if (invitations.size === cohort) invited.resolve();
      });
    }
    unwrap(await engine.openRound({ kind: 'operator', name: 'ada', role: 'admin' }, { track, reason: 'bench' }));
    await invited.promise;
  });
  const headers: UpdateHeader[] = [];
  for (const [name, invitation] of invitations) headers.push(await storedUpdate(engine, name, invitation));
  const acceptSeconds = await processorSecondsOf(async () => {
    for (let from = 0; from < headers.length; from += atOnce) {
      await Promise.all(
        headers.slice(from, from + atOnce).map(async (header) => {
          unwrap(engine.checkUpdate(header));
          unwrap(await engine.acceptUpdate(header, signature));
        }),
      );
    }
  });
  checkAccepted(engine, cohort);
  const rssMiB = process.memoryUsage.rss() / 2 ** 20;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await engine.close(); // Writes a snapshot.
  delay.disable();
  let again: Engine | undefined;
  const startSeconds = await secondsOf(async () => {
    again = await openCrowd(folder, blobs);
  });
  checkAccepted(again as Engine, cohort);
  await again?.close();
  return {
    ...{ enrolled, cohort, openSeconds, acceptSeconds: acceptSeconds / cohort, rssMiB },
    ...{ snapshotTurnSeconds: delay.max / 1e9, startSeconds },
  };
}

const signature = new Uint8Array(64);

function checkAccepted(engine: Engine, cohort: number): void {
  const phase = [...(engine.state().tracks.get(track)?.rounds.values() ?? [])].at(-1)?.phase;
  const accepted = phase !== undefined && 'accepted' in phase ? phase.accepted : [];
  const distinct = new Set(accepted.map(({ cluster }) => cluster)).size;
  if (phase?.kind !== 'aggregating' || accepted.length !== cohort || distinct !== cohort) {
    throw new Error(`expected a round that aggregates ${cohort} updates, got ${phase?.kind} of ${accepted.length}`);
  }
}

function membersPage(report: Report, all: readonly Figures[], commit: string): void {
  report.text(
    `A real engine on a real journal of the disk, after a first round that is not counted; processor time of all threads, for each update its check, its acceptance and its entry. Bars: ${secondsText(bars.acceptSeconds)} to accept, ${bars.startSeconds} s to start. Commit ${commit}.`,
  );
  report.table(
    [
      'enrolled',
      'in the round',
      'open and invite',
      'accept, each',
      'longest turn while a snapshot is written',
      'start again',
      'RSS',
    ],
    all.map((one) => [
      one.enrolled.toLocaleString('en'),
      one.cohort.toLocaleString('en'),
      secondsText(one.openSeconds),
      secondsText(one.acceptSeconds),
      secondsText(one.snapshotTurnSeconds),
      secondsText(one.startSeconds),
      `${figure(one.rssMiB)} MiB`,
    ]),
  );
}
