/**
 * `npm run simulate -- --seed N`: one simulated day with its history; `--seeds A-B`: many, one line for each that breaks a
 * rule, and a sum; hundreds share the machine's cores. `--step 5` runs each fifth of them. `--mutation NAME` plants one of mutations/mutations.ts in the sources first; `--until-broken` ends at the first seed.
 */
import { parseArgs } from 'node:util';
import { wholeNumbers } from '../whole-numbers.ts';
import { processesFor, spread } from './spread.ts';

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
if (values.seed !== undefined) {
  const { show } = await import('./run.ts');
  const outcome = await show(wholeNumbers({ seed: values.seed }).seed, write);
  process.exitCode = outcome.violation === undefined ? 0 : 1;
} else {
  const [from, to] = (values.seeds ?? '1-20').split('-').map((seeds) => wholeNumbers({ seeds }).seeds) as [
    number,
    number?,
  ];
  const days = { from, to: to ?? from, step: Math.max(1, wholeNumbers({ step: values.step }).step) };
  const untilBroken = values['until-broken'];
  // What is planted is planted in this process.
  const processes =
    untilBroken || values.mutation !== undefined ? 1 : processesFor((days.to + 1 - days.from) / days.step);
  const run = async () => (await import('./run.ts')).runDays({ ...days, untilBroken }, write);
  const sum = processes === 1 ? await run() : await spread(days, processes, write);
  write(JSON.stringify(sum));
  process.exitCode = sum.broken === 0 ? 0 : 1;
}
