import { attackOf } from '../../lab/hostile/schedule.ts';
import { type GetRoundResponse, RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import type { Prepared } from '../prepare.ts';
import type { Screen } from '../screen.ts';
import type { DemoRound } from './demo-round.ts';

/** A round of any track as the report has it. */
export function roundOf(
  number: number,
  { hostile }: Pick<Prepared, 'hostile'>,
  { summary, participations }: GetRoundResponse,
  seconds: number,
  auc: number,
): DemoRound {
  const named = (...fates: UpdateFate[]) => participations.filter(({ fate }) => fates.includes(fate));
  const refused = named(UpdateFate.UPDATE_FATE_REFUSED);
  const excluded = named(UpdateFate.UPDATE_FATE_EXCLUDED);
  return {
    round: number,
    accepted: summary?.acceptedCount ?? 0,
    refused: refused.map(({ cluster, code }) => ({ cluster, code })),
    selected: named(UpdateFate.UPDATE_FATE_SELECTED)
      .map(({ cluster }) => cluster)
      .sort(),
    excluded: excluded.map(({ cluster }) => cluster).sort(),
    because: [...refused, ...excluded].map(({ cluster, code, reason }) => ({ cluster, reason: `${code}: ${reason}` })),
    stragglers: named(UpdateFate.UPDATE_FATE_STRAGGLER).map(({ cluster }) => cluster),
    attacks: hostile.map((cluster, index) => ({ cluster, attack: attackOf(index, number).name })),
    seconds,
    auc,
  };
}

/** What a round is doing now. */
export function progressText(
  number: number,
  { clusters }: Pick<Prepared, 'clusters'>,
  { summary, participations }: GetRoundResponse,
): string {
  const phase = Object.entries(RoundPhase).find(([, value]) => value === summary?.phase)?.[0] ?? '';
  const delivered = participations.filter(({ fate }) => fate === UpdateFate.UPDATE_FATE_ACCEPTED);
  const names = delivered
    .map(({ cluster }) => cluster)
    .sort()
    .join(' ');
  return `round ${number} ${phase.replace('ROUND_PHASE_', '').toLowerCase()}: ${summary?.acceptedCount ?? 0} of ${clusters.size} delivered ${names}`;
}

/** A round that has ended, in a line, and a line for each cluster that was refused or excluded. */
export function tellRound(round: DemoRound, abandonedBecause: string, screen: Screen): void {
  const columns = [
    String(round.round).padStart(5),
    String(round.accepted).padStart(8),
    round.auc.toFixed(3),
    round.seconds.toFixed(1).padStart(7),
  ];
  const outcome = abandonedBecause === '' ? `${round.selected.join(' ')} selected` : `abandoned: ${abandonedBecause}`;
  screen.line(`${columns.join('  ')}  ${outcome}`);
  for (const { cluster, reason } of round.because) {
    const attack = round.attacks.find((one) => one.cluster === cluster)?.attack;
    screen.line(`${' '.repeat(32)}${cluster} ${attack === undefined ? '' : `${attack}; `}${reason}`);
  }
}
