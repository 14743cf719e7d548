import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { seededNumbers } from '../../base/random.ts';
import { serviceTask } from '../../lab/data/service-task.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import type { Behaviour } from './behaviours.ts';
import { costPart, costRules, measureCost } from './cost.ts';
import { federated, type Setting } from './federation.ts';
import { dated, isKept, keepPiece, keptPiece, keptPieces } from './kept.ts';
import { networkParts } from './network-parts.ts';
import { writePage } from './page.ts';
import { costly, linearParts, type Part, settingOf } from './parts.ts';
import { deploymentOf, type RuleName } from './rules.ts';
import { tableParts } from './table-parts.ts';

export const bench: Bench = {
  name: 'robustness',
  summary:
    'What rules make of a federation whose clients differ and of which some attack it, knowing the rule or not: balanced accuracy of a small model of recorded system calls, tables that count, and a small LSTM.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  if (options.small) return checkDirection(report);
  const parts = [...linearParts(), ...tableParts(), ...networkParts()];
  // Cells that take as long as ten others come last: what is cut short has some of everything.
  for (const isCostly of [false, true]) {
    for (const part of parts) {
      if (part.isInstalled?.() === false) continue; // What was kept of it is on the page all the same.
      for (const rule of part.rules) {
        const isWanted = (behaviour: string) =>
          costly.includes(behaviour) === isCostly &&
          (options.only?.split('|').some((text) => `${part.name} ${rule} under ${behaviour}`.includes(text)) ?? true);
        await measurePiece(part, rule, isWanted, report);
      }
    }
  }
  if (costRules.some((rule) => !isKept(costPart, rule)) && (options.only === undefined || options.only === 'cost'))
    await measureCost(report);
  if (options.only !== undefined && options.only !== 'page') return; // A page of some pieces only would stand in the place of the whole.
  introduce(report);
  writePage(parts, keptPieces(), report);
}

/** Whatever the piece lacks. It is kept after each behaviour, so that what was cut short goes on where it was. */
async function measurePiece(
  part: Part,
  rule: string,
  isWanted: (behaviour: string) => boolean,
  report: Report,
): Promise<void> {
  const cells = [...(keptPiece(part.name, rule)?.cells ?? [])];
  const elsewhere = keptPiece(part.sameAs(rule) ?? '', rule)?.cells ?? [];
  const lacking = part
    .behavioursOf(rule)
    .filter((each) => isWanted(each) && ![...cells, ...elsewhere].some(({ behaviour }) => behaviour === each));
  for (const behaviour of lacking) {
    const cell = dated(await part.measure(rule, behaviour));
    cells.push(cell);
    report.record({ case: `${part.name}: ${rule} under ${behaviour}`, ...cell });
    await keepPiece({ part: part.name, rule, cells });
  }
}

function introduce(report: Report): void {
  report.text(
    'Linear model: clients train a softmax regression, `services × features` weights: which of 12 services made this trace? Each client holds traces ' +
      'of two services at most. Figures are balanced accuracy, percent, mean over seeds; guessing gives 8. Attackers see every honest update of the round; ' +
      '“silent” means that they send nothing, and attacks are held against that. “tailored” runs the rule itself on what it might send, each round; “class kill” pushes down the ' +
      'service that fewest clients have; “drift” adds a little every round; a “sleeper” attacks in the last third; a “backdoor” teaches that reverse shells are normal work of another ' +
      'service (success: share of unseen ones that pass). The sample holds ten traces of a service, from a cluster that does not take part. ' +
      'A track with a sample has “blind by contrast” by default; “trusted weights” alone hears of services that the sample does not hold by evidence. Where it holds all of them both are the same. ' +
      '“One attack set” is a gate before every round’s model, and a single honest cluster whose attack set has ten traces of the backdoor’s family: what the gate holds is given up, so that accuracy shows what that costs. ' +
      'Where it covers half of the services, “two-faced” liars work honestly in all that it sees and lie in the blocks that it does not hold: of what they learnt the opposite (kill), or ' +
      'that all other such services are this one (swallow); no bar was set for them. Rules that use no sample give the same whatever it covers, so what was measured once stands in every table of the same n and f; ' +
      'one that cannot run on what is left without the liars’ updates has no “silent”.\n\n' +
      'The last column says which seeds a row is a mean of: what is, or was, a default is measured on more of them than what only stands beside it, and rows on one seed differ by chance by some points. ' +
      'The service with fewest test traces has 34: one trace of it is 0.25 points of one seed, 0.05 of five.\n\n' +
      'Tables and the LSTM: clusters are halves of recorded ones, figures are areas under the ROC curve, attacks against normal work. What passes is counted of the family’s traces that are found ' +
      'while liars are silent, at one false alarm in twenty; of a rule that cannot run without their updates, while they are honest. Trusted weights are not for tables, whose loss on a sample has no gradient, ' +
      'nor are samples in batches: a table counts a sample as one more holder. The LSTM predicts the next call with 16 cells, in six rounds of 20 steps; its backdoor teaches the family as normal work of all ' +
      'that liars run, and the class that is killed is the one that fewest honest clusters have. Ten of the family’s traces in the attacked classes, which are not judged, are one honest attack set. “Attacks told apart” moves what trusted weights gave to where the model tells the sample’s attacks from its normal work (`tellApart`), as the default of a network with a sample does; who raises “doubt” pushes the loss of those attacks up, so that the sample looks mistaken and nothing is moved; “by quasi-Newton” it goes there by other steps (`search: quasiNewton`), which get farther, where a policy asks for it.',
  );
}

/**
 * The direction of the bucketing paper's first table (Karimireddy, He, Jaggi, ICLR 2022): nobody attacks, clients
 * differ, and Krum alone loses what mixing before it recovers; and what a sample adds under attack. Throws where it does
 * not come out.
 */
async function checkDirection(report: Report): Promise<void> {
  const task = serviceTask(seededNumbers('robustness'));
  const setting: Setting = {
    ...settingOf(20, 3, 'all'),
    rounds: 12,
    training: { steps: 5, batchSize: 16, learningRate: 4 },
  };
  const algebra = twinAlgebra();
  const accuracyOf = async (rule: RuleName, behaviour: Behaviour) => {
    const { accuracy } = await federated(task, setting, deploymentOf(rule, 3), behaviour, algebra, '1');
    report.record({ case: `${rule} under ${behaviour}`, accuracy });
    return accuracy;
  };
  const [mean, krum, mixed] = [
    await accuracyOf('mean', 'none'),
    await accuracyOf('krum', 'none'),
    await accuracyOf('mixing + krum', 'none'),
  ];
  if (!(krum < mean - 0.2 && mixed > krum + 0.2)) {
    throw new Error(
      `Krum should lose on clients that differ, and mixing recover: ${JSON.stringify({ mean, krum, mixed })}`,
    );
  }
  const [silent, today, trusted] = [
    await accuracyOf('trusted weights', 'silent'),
    await accuracyOf('today: mixing + multi-krum', 'min-sum'),
    await accuracyOf('trusted weights', 'min-sum'),
  ];
  if (!(trusted > silent - 0.03 && today < trusted - 0.1)) {
    throw new Error(`a sample should hold what distances lose: ${JSON.stringify({ silent, today, trusted })}`);
  }
}
