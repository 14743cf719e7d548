import { table } from '../../base/text/table.ts';
import type { SimulateAttacksResponse, SimulatedAttack } from '../../proto/generated/testudo/v1/operator_rounds.ts';

/** One row: what the worst attack by so many liars costs the model, in points of area under the ROC curve. */
type Cost = Readonly<{ liars: number; worst: SimulatedAttack; lost: number; silent: number | undefined }>;

/**
 * What attacks cost the model, in points (hundredths of area under the ROC curve): against nobody hostile, and against the same
 * clusters silent, which is what lying bought them. Where nothing could judge, why, and what helps.
 */
export function pointsText(answer: SimulateAttacksResponse): string {
  const { judgedBy, unjudged, rules, attacks } = answer;
  const inForce = rules.find((rule) => rule.inForce);
  const worth = inForce?.worth;
  if (inForce === undefined || worth === undefined || judgedBy === '') {
    const why = unjudged === '' ? 'this coordinator does not tell' : unjudged;
    return `What the model would be worth under attack was not judged: ${why}.`;
  }
  const own = attacks.filter(({ rule, worth: told }) => rule === inForce.rule && told !== undefined);
  const counts = [...new Set(own.map(({ liars }) => liars))];
  const costs = counts.flatMap((liars): readonly Cost[] => {
    const [worst] = own.filter((cell) => cell.liars === liars).toSorted((a, b) => (a.worth ?? 0) - (b.worth ?? 0));
    if (worst?.worth === undefined) return [];
    const silence = inForce.silent.find((row) => row.liars === liars)?.worth;
    const silent = silence === undefined ? undefined : points(silence, worst.worth);
    return [{ liars, worst, lost: points(worth, worst.worth), silent }];
  });
  const head = `What the model is worth by ${judgedBy}: ${worth.toFixed(3)} with nobody hostile (area under the ROC curve).`;
  if (costs.length === 0) return `${head} No attack was tried in the time: --seconds.`;
  return [
    `${head} Points lost to the worst attack, a hundredth each:`,
    table(costs, [
      { title: 'LIARS', text: ({ liars }) => String(liars), align: 'right' },
      {
        title: 'WORST ATTACK',
        text: ({ worst: { attack, refused } }) => `${attack}${refused === '' ? '' : ' (round lost)'}`,
      },
      { title: 'AGAINST NOBODY HOSTILE', text: ({ lost }) => lost.toFixed(1), align: 'right' },
      {
        title: 'AGAINST THE SAME SILENT',
        text: ({ silent }) => (silent === undefined ? 'no such round' : silent.toFixed(1)),
        align: 'right',
      },
    ]),
  ].join('\n');
}

/** Points lost from one worth to another; never minus zero. */
function points(before: number, after: number): number {
  return Math.round((before - after) * 1_000) / 10 + 0;
}
