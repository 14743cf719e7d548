import { table } from '../../base/text/table.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { knowledgeOf } from '../../coordinator/config/track-knowledge.ts';
import { ClusterStatus } from '../../proto/generated/testudo/v1/operator.ts';
import type {
  SimulateAttacksResponse,
  SimulatedAttack,
  SimulatedRule,
} from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { specOfBytes } from '../../proto/model-spec.ts';
import { orExit, usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { roundFrom } from '../operator/arguments.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { allClusters } from '../operator/known-names.ts';
import { operatorCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { pointsText } from './simulated-points.ts';
import { trackOf } from './track-of.ts';

const deadlineMs = 1_200_000;

/** `testudo simulate`: f chosen by evidence. */
export function simulateCommand() {
  return operatorCommand(
    'simulate',
    "try every known attack on a round's own updates, on the coordinator's machine; nothing leaves it",
  )
    .argument('<track>')
    .argument('[round]', 'the newest whose inputs the policy keeps, unless given')
    .option('-r, --reason <text>', 'why; goes into the audit log')
    .option('--recorded', "on what recorded clusters would have sent, under the track's policy, on this machine")
    .option('--liars <count>', "up to so many of the round's members lie; one more than the policy's f unless given")
    .option('--seed <text>', 'decides which members lie', '')
    .option('--seconds <count>', 'then it ends with what it has; at most 900', '120')
    .action((track, name, options) => {
      const { reason = '', seed } = options;
      const liarsMax = options.liars === undefined ? 0 : countFrom('--liars', options.liars, 50);
      const secondsMax = countFrom('--seconds', options.seconds, 900);
      const round = name === undefined ? '' : roundFrom(name);
      if (options.recorded && name !== undefined) usage('--recorded: there is no round in it to name');
      if (!options.recorded && reason === '') usage('-r: say why; opening what clusters sent goes into the audit log');
      return withConnection(options, async (connection) => {
        const limits = { liarsMax, seed, secondsMax };
        const request = { track, round, reason, ...limits };
        const answer = options.recorded
          ? await recorded(connection, track, limits)
          : await connection.call(connection.client.simulateAttacks, request, deadlineMs);
        print(options.json ? wireJson(answer) : simulationText(track, answer));
      });
    });
}

async function recorded(
  connection: OperatorConnection,
  name: string,
  limits: Readonly<{ liarsMax: number; seed: string; secondsMax: number }>,
): Promise<SimulateAttacksResponse> {
  const { settings } = await trackOf(connection, name);
  const spec = orExit(specOfBytes(Buffer.from(settings.spec?.canonicalJson ?? new Uint8Array())));
  const { aggregation } = orExit(parseTrackPolicy(settings.policyJson, knowledgeOf(spec, undefined)));
  const clusters = await allClusters(connection);
  const members = clusters.filter(({ status }) => status === ClusterStatus.CLUSTER_STATUS_ENROLLED).length;
  const { simulateRecorded } = await import('./simulate-recorded.ts');
  return orExit(await simulateRecorded({ policy: aggregation, members, ...limits }));
}

function countFrom(option: string, text: string, most: number): number {
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > most) usage(`${option}: 1 to ${most}, got ${text}`);
  return count;
}

/** What is said to people: the verdict first, then the attacks on the rule in force, then how others would have stood. */
export function simulationText(track: string, answer: SimulateAttacksResponse): string {
  const { round, updateCount, dimension, f, rules, attacks, complete, durationMs } = answer;
  const inForce = rules.find((rule) => rule.inForce);
  const own = attacks.filter(({ rule }) => rule === inForce?.rule);
  const tried = Math.max(0, ...own.map(({ liars }) => liars));
  const size = `${round} of ${track}: ${updateCount} updates of ${dimension} values, f ${f}, ${inForce?.rule ?? 'no rule'}`;
  const took = `tried in ${(Number(durationMs) / 1_000).toFixed(1)} s`;
  return [
    `${size}; ${took}${complete ? '' : '; the time ended before all was tried: --seconds'}`,
    verdict(own, inForce?.withstood ?? 0, f),
    '',
    pointsText(answer),
    '',
    'By how far the aggregate is led from the honest mean; 1 is the honest update farthest from it.',
    table(attackRows(own), [
      { title: 'ATTACK', text: ({ attack }) => attack },
      ...Array.from({ length: tried }, (_, at) => ({
        title: `${at + 1} ${at === 0 ? 'LIAR' : 'LIARS'}`,
        text: ({ cells }: AttackRow) => cellText(cells.get(at + 1)),
        align: 'right' as const,
      })),
    ]),
    '',
    'The same attacks against other rules, with the same f:',
    table(rules, [
      { title: 'RULE', text: ({ rule, inForce: now }) => `${rule}${now ? ' (in force)' : ''}` },
      { title: 'WITHSTANDS', text: ({ withstood }) => `${withstood}`, align: 'right' },
      { title: 'WITHOUT LIARS', text: ({ undisturbed }) => undisturbed?.toFixed(2) ?? 'nothing', align: 'right' },
      { title: `WORST WITH ${f || 1}`, text: (rule) => worstText(rule, attacks, f || 1) },
    ]),
  ].join('\n');
}

function verdict(own: readonly SimulatedAttack[], withstood: number, f: number): string {
  const held =
    withstood === 0
      ? 'This round withstands no liar'
      : `This round withstands ${withstood} ${withstood === 1 ? 'liar' : 'liars'}`;
  // Attacks that failed before the time ended are no evidence of so many liars, neither for nor against them.
  const beyond = worstOf(
    own.filter((cell) => cell.liars === withstood + 1 && (cell.refused !== '' || cell.deviation > 1)),
  );
  if (beyond === undefined && withstood === 0) return 'Nothing can be said: not every attack was tried with one liar.';
  if (beyond === undefined) return `${held}, which is as many as every attack was tried with.`;
  const lost = beyond.refused !== '';
  const gain = lost
    ? `would stop the round (${beyond.refused})`
    : `would lead the model ${beyond.deviation.toFixed(1)} times as far from the honest as the farthest of them is` +
      (beyond.cosine < 0 ? ', and backwards' : '');
  const advice = withstood < f ? ` The policy says f ${f}: with these updates it promises more than it holds.` : '';
  return `${held}; with ${withstood + 1}, "${beyond.attack}" ${gain}.${advice}`;
}

type AttackRow = Readonly<{ attack: string; cells: ReadonlyMap<number, SimulatedAttack> }>;

function attackRows(own: readonly SimulatedAttack[]): AttackRow[] {
  const names = [...new Set(own.map(({ attack }) => attack))];
  return names.map((attack) => ({
    attack,
    cells: new Map(own.filter((cell) => cell.attack === attack).map((cell) => [cell.liars, cell])),
  }));
}

function cellText(cell: SimulatedAttack | undefined): string {
  if (cell === undefined) return '';
  if (cell.refused !== '') return 'round lost';
  return `${cell.deviation.toFixed(2)}${cell.cosine < 0 ? ' backwards' : ''}`;
}

function worstOf(cells: readonly SimulatedAttack[]): SimulatedAttack | undefined {
  return cells.find(({ refused }) => refused !== '') ?? cells.toSorted((a, b) => b.deviation - a.deviation)[0];
}

function worstText({ rule }: SimulatedRule, attacks: readonly SimulatedAttack[], liars: number): string {
  const worst = worstOf(attacks.filter((cell) => cell.rule === rule && cell.liars === liars));
  return worst === undefined ? 'not tried' : `${cellText(worst)} (${worst.attack})`;
}
