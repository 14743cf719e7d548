import { decimalOf } from '../../base/text/number.ts';
import { table, time } from '../../base/text/table.ts';
import { plannedMax } from '../../coordinator/round/schedule/planned-rounds.ts';
import type { PlannedRound, TrackReadiness } from '../../proto/generated/testudo/v1/operator.ts';
import type { Freeze } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';
import { comingText } from './coming.ts';
import { trackOf } from './track-of.ts';

const dayMs = 86_400_000;
const notAll = `no more than ${plannedMax} rounds of all tracks are told at once, and later ones are missing; fewer --days show all`;

/** `testudo rounds plan`. */
export function planCommand() {
  return operatorCommand(
    'plan',
    'a dry run: what the schedules will open, what holds it back, who would come and who is missed',
  )
    .argument('[track]', 'of this track alone')
    .option('--days <count>', 'how far ahead, up to 366', '1')
    .action((track, options) => {
      const days = decimalOf(options.days);
      if (!(days > 0 && days <= 366)) usage(`--days: expected a number up to 366, got ${options.days}`);
      return withConnection(options, async (connection) => {
        if (track !== undefined) await trackOf(connection, track);
        const untilMs = BigInt(Math.round(Date.now() + days * dayMs));
        const planned = await connection.call(connection.client.planRounds, { untilMs });
        const isWanted = (row: Readonly<{ track: string }>) => track === undefined || row.track === track;
        const rounds = planned.rounds.filter(isWanted);
        const readiness = planned.readiness.filter(isWanted);
        for (const warning of planned.warnings) complain(`warning: ${warning}`);
        if (planned.rounds.length >= plannedMax) complain(`warning: ${notAll}`);
        if (options.json) for (const line of linesOf(rounds, readiness)) print(wireJson(line));
        else {
          for (const row of readiness) complain(`${row.track} now: ${readyText(row)}`);
          const idle = unplanned(rounds, readiness);
          const freezes = idle.length === 0 ? [] : (await connection.call(connection.client.listFreezes, {})).freezes;
          for (const row of idle) {
            complain(`${row.track}: ${unplannedText(row, days)}`);
            for (const freeze of freezes) if (holds(freeze, row.track)) complain(`${row.track}: ${freezeText(freeze)}`);
          }
          if (rounds.length > 0) print(planTable(rounds));
        }
      });
    });
}

/** One for each run, and one for each track that has none: nobody who reads them takes silence for an answer. */
function linesOf(rounds: readonly PlannedRound[], readiness: readonly TrackReadiness[]) {
  const now = new Map(readiness.map((row) => [row.track, row]));
  return [
    ...rounds.map((row) => ({ ...row, opens: true, now: now.get(row.track) ?? null })),
    ...unplanned(rounds, readiness).map((row) => ({
      track: row.track,
      atMs: 0n,
      heldBecause: '',
      opens: false,
      now: row,
    })),
  ];
}

function unplanned(rounds: readonly PlannedRound[], readiness: readonly TrackReadiness[]): readonly TrackReadiness[] {
  const has = new Set(rounds.map(({ track }) => track));
  return readiness.filter(({ track }) => !has.has(track));
}

function unplannedText({ track, schedule }: TrackReadiness, days: number): string {
  const byHand = `testudo rounds open ${track} opens one now`;
  if (schedule === '') return `it has no schedule, so that no round opens by itself; ${byHand}`;
  const by = schedule === undefined ? '' : ` (${schedule})`;
  return `its schedule${by} opens no round within ${days} ${days === 1 ? 'day' : 'days'}; ${byHand}`;
}

function holds({ tracks }: Freeze, track: string): boolean {
  return tracks.length === 0 || tracks.includes(track);
}

/** Of a track without a run that would name it: a freeze holds what an operator opens as well. */
function freezeText({ freezeId, fromMs, untilMs, reason }: Freeze): string {
  return `freeze ${freezeId} lets no round open from ${time(fromMs)} until ${time(untilMs)}, by hand neither (${reason})`;
}

function planTable(rounds: readonly PlannedRound[]): string {
  return table<PlannedRound>(rounds, [
    { title: 'TRACK', text: ({ track }) => track },
    { title: 'AT', text: ({ atMs }) => time(atMs) },
    { title: 'HELD BACK BY', text: ({ heldBecause }) => heldBecause.toLowerCase().replaceAll('_', ' ') },
  ]);
}

function readyText({ connectedCount, needed, missing }: TrackReadiness): string {
  return comingText(connectedCount, needed, missing, ', and no round can start');
}
