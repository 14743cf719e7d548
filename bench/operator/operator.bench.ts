import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withConnection } from '../../cli/operator/connection.ts';
import { statusShape } from '../../cli/overview/status-shape.ts';
import { attentionOf } from '../../coordinator/views/attention.ts';
import { statusView } from '../../coordinator/views/status.ts';
import { cachedDist } from '../../deploy/images/dist.ts';
import { startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import { checkout } from '../../tools/setup/places.mjs';
import type { Bench } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, median, secondsOf } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { foundHerd, trackNames } from './herd.ts';
import { type ProgramRun, runProgram } from './program.ts';
import { stateWithRounds } from './rounds-state.ts';
import { followQuickstart, installedBytes } from './walk.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));
const bars = { statusSeconds: 0.5, helpSeconds: 0.1, callSeconds: 0.3, commands: 6, walkSeconds: 180, megabytes: 120 };

type Cost = Pick<ProgramRun, 'seconds' | 'processorSeconds'>;
type Run = Readonly<{ kind: string; status: Cost; help: Cost; call: Cost }>;

const pageSize = 500;

/** How long an operator waits. */
export const bench: Bench = {
  name: 'operator',
  summary:
    'What an operator types and waits for: from a machine with Node alone to a first candidate, and `testudo status` for 500 clusters on three tracks.',
  async run({ small, repeat = 7 }, report) {
    const clusters = small ? 12 : 500;
    const rounds = small ? 2 : 64;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-operator-'));
    try {
      if (!small) await reportWalk(report, folder);
      const herd = await foundHerd(testudo, folder, clusters);
      const { member, addresses } = await startCoordinatorProcess({
        testudo,
        config: herd.config,
        logFile: `${folder}/log`,
      });
      try {
        const operator = { credentials: herd.credentials, address: addresses.federation };
        const others = startOthersMeter();
        const calls: number[] = [];
        await withConnection(operator, async (connection) => {
          const look = () => connection.call(connection.client.getStatus, { page: { size: pageSize, token: '' } });
          const first = await look(); // The connection's handshake is the command's, below.
          if (first.clusters.length !== clusters)
            throw new Error(`expected ${clusters} clusters, got ${first.clusters.length}`);
          for (let count = 0; count < repeat; count++) calls.push(await secondsOf(look));
        });
        const programs = { 'from sources': testudo, ...(small ? {} : { 'as a package': await packaged(folder) }) };
        const runs: Run[] = [];
        for (const [kind, program] of Object.entries(programs)) {
          const status: ProgramRun[] = [];
          const help: ProgramRun[] = [];
          const call: ProgramRun[] = [];
          const reached = ['--json', '-c', herd.credentials, '--address', addresses.federation];
          const words = [program, 'status', ...reached];
          for (let count = 0; count < repeat; count++) {
            const run = await runProgram(words);
            status.push(run);
            const rows = statusShape.parse(JSON.parse(run.out)).clusters.flatMap(({ tracks }) => tracks);
            if (rows.length !== clusters * trackNames.length) throw new Error(`expected every row, got ${rows.length}`);
            help.push(await runProgram([program, '--help']));
            call.push(await runProgram([program, 'channels', 'list', trackNames[0] ?? '', ...reached]));
          }
          runs.push({ kind, status: medians(status), help: medians(help), call: medians(call) });
        }
        const state = stateWithRounds(clusters, rounds);
        const views: number[] = [];
        for (let count = 0; count < repeat; count++) {
          views.push(await secondsOf(() => attentionOf(state, statusView(around(state)), surroundings)));
        }
        const view = median(views);
        const shape = `${clusters} clusters x ${trackNames.length} tracks`;
        report.record({ case: `status call, ${shape}`, seconds: median(calls) });
        for (const { kind, status, help, call } of runs) {
          report.record({ case: `testudo status --json, ${shape}, ${kind}`, ...status });
          report.record({ case: `testudo --help, ${kind}`, ...help });
          report.record({ case: `testudo channels list, ${kind}`, ...call });
        }
        report.record({ case: `view of ${clusters} clusters with ${rounds} rounds kept`, seconds: view });
        const busyCores = others();
        report.record({ case: 'all processes but the bench meanwhile', busyCores });
        report.text(
          `A coordinator process with ${shape}, every cluster acknowledged; a command is a process of its own, from its start to its ` +
            `end. Processor: of all its threads, which is what it takes on a machine of its own; ${busyCores ?? 'some'} cores were ` +
            `busy meanwhile, with others too. Bars: ${bars.statusSeconds} s for the look at 500 clusters, ${bars.helpSeconds} s for ` +
            `the help, ${bars.callSeconds} s for a round trip, installed.`,
        );
        const rowOf = (name: string, { seconds, processorSeconds }: Cost, bar = '') => {
          return [name, `${figure(seconds)} s`, `${figure(processorSeconds)} s`, bar];
        };
        report.table(
          ['what', 'median', 'processor', 'bar'],
          [
            ...runs.flatMap(({ kind, status, help, call }) => [
              rowOf(`\`testudo status --json\`, ${kind} (${shape})`, status, `${bars.statusSeconds} s`),
              rowOf(`\`testudo --help\`, ${kind}`, help, `${bars.helpSeconds} s`),
              rowOf(`\`testudo channels list\`, ${kind}: a round trip`, call, `${bars.callSeconds} s`),
            ]),
            [`one look, as a call on an open connection (${shape})`, `${figure(median(calls))} s`, '', ''],
            [`the view alone, with ${rounds} rounds kept of one track`, `${figure(view)} s`, '', ''],
          ],
        );
      } finally {
        await member.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Follows docs/quickstart.md, and says what it took. */
async function reportWalk(report: Report, folder: string): Promise<void> {
  const others = startOthersMeter();
  const { steps, candidate, editedFiles } = await followQuickstart(await cachedDist(), folder);
  const upToStatus = steps.slice(0, steps.findIndex(({ command }) => command === 'testudo status') + 1);
  const seconds = upToStatus.reduce((sum, step) => sum + step.seconds, 0);
  const megabytes = (await installedBytes(folder)) / 1e6;
  const busyCores = others();
  for (const { command, seconds: took } of steps) report.record({ case: `typed: ${command}`, seconds: took });
  report.record({ case: 'quickstart', commands: steps.length, seconds, editedFiles, megabytes, busyCores });
  report.text(
    `What docs/quickstart.md says, typed line by line with an empty home, an empty prefix, an empty cache and no registry: ` +
      `${steps.length} commands (bar: ${bars.commands}), ${editedFiles} files edited (0), ${figure(seconds)} s up to a look at six ` +
      `clusters after their first round (${bars.walkSeconds} s), which said "${candidate}". Installed it takes ` +
      `${figure(megabytes)} MB (${bars.megabytes}). ${busyCores ?? 'Some'} cores were busy meanwhile, with others too.`,
  );
  report.table(
    ['typed', 'took'],
    steps.map(({ command, seconds: took }) => [`\`${command}\``, `${figure(took)} s`]),
  );
}

/** The built package, with the checkout's dependencies beside it. */
async function packaged(folder: string): Promise<string> {
  const place = path.join(folder, 'dist');
  await cp(await cachedDist(), place, { recursive: true });
  await symlink(path.join(checkout, 'node_modules'), path.join(place, 'node_modules'));
  return path.join(place, 'cli', 'testudo.js');
}

function medians(runs: readonly ProgramRun[]): Cost {
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    processorSeconds: median(runs.map(({ processorSeconds }) => processorSeconds)),
  };
}

const surroundings = { nowMs: 0, freeBytes: 1, workers: undefined, gate: () => undefined, warnWithinMs: 0 };

function around(state: ReturnType<typeof stateWithRounds>) {
  return {
    state,
    connected: new Set(state.clusters.keys()),
    eligible: () => [],
    resolved: () => [],
    planned: [],
    alerts: () => [],
    sensors: () => undefined,
    response: () => undefined,
  };
}
