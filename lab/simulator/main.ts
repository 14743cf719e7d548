/**
 * `npm run simulate -- --seed N`: one simulated day with its history; `--seeds A-B`: many, one line for each that breaks a
 * rule. `--step 5` runs each fifth of them. `--mutation NAME` plants one of mutations/mutations.ts in the sources first; `--until-broken` ends at the first seed.
 */
import { parseArgs } from 'node:util';
import { wholeNumbers } from '../whole-numbers.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    step: { type: 'string', default: '1' },
    mutation: { type: 'string' },
    'until-broken': { type: 'boolean', default: false },
  },
});
const write = (line: string) => void process.stdout.write(`${line}\n`);

if (values.mutation !== undefined) {
  // Before any of what it changes is loaded.
  const { plant } = await import('./mutations/plant.ts');
  plant(values.mutation);
}
const { runMany, show } = await import('./run.ts');
if (values.seed !== undefined) {
  const outcome = await show(wholeNumbers({ seed: values.seed }).seed, write);
  process.exitCode = outcome.violation === undefined ? 0 : 1;
} else {
  const [from, to] = (values.seeds ?? '1-20').split('-').map((seeds) => wholeNumbers({ seeds }).seeds) as [
    number,
    number?,
  ];
  const { step } = wholeNumbers({ step: values.step });
  const broken = await runMany({ from, to: to ?? from, step, untilBroken: values['until-broken'] }, write);
  process.exitCode = broken === 0 ? 0 : 1;
}
