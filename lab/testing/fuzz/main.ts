/**
 * `npm run campaign:fuzz -- [--target NAME]… [--inputs N] [--seed N]`: mutants of each target's seeds and corpus, by default of all
 * targets. `--explore`: what reaches a new branch is kept and mutated in turn; with `--write` the corpus becomes the fewest
 * inputs that reach as much. `--continue`: goes on where the last campaign was stopped until each target has had `--inputs` in all, and
 * keeps bench/results/fuzzing.json and docs/benchmarks/fuzzing.md after each turn; end it when you like.
 */
import { parseArgs } from 'node:util';
import { wholeNumbers } from '../../whole-numbers.ts';
import { campaign, longCampaign } from './campaign.ts';
import { targets } from './targets/all.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: [] },
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    explore: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    continue: { type: 'boolean', default: false },
  },
});
const chosen = values.target.length === 0 ? targets : targets.filter(({ name }) => values.target.includes(name));
const strange = values.target.filter((name) => !targets.some((target) => target.name === name));
if (strange.length > 0) {
  process.stderr.write(
    `no such target: ${strange.join(', ')}; there are ${targets.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}
// `judge` asks again, with places, for what is thrown.
Error.stackTraceLimit = 0;
const { explore, write } = values;
const numbers = wholeNumbers({ inputs: values.inputs, seed: values.seed });
const found = values.continue
  ? await longCampaign(chosen, numbers.inputs)
  : await campaign(chosen, { ...numbers, explore, write });
process.exitCode = found === 0 ? 0 : 1;
