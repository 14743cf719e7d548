/**
 * `npm run model [-- --epochs N] [--depth N] [--fault NAME]`: every state that a round, its coordinators and its receipts can come to; with
 * `--fault`, the shortest way to what that bug breaks.
 */
import { parseArgs } from 'node:util';
import { wholeNumbers } from '../whole-numbers.ts';
import { check } from './check.ts';
import { plantedFaults, roundModel } from './round-model.ts';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '3' },
    depth: { type: 'string', default: '1000' },
    fault: { type: 'string' },
  },
});
const fault = plantedFaults.find((name) => name === values.fault);
if (values.fault !== undefined && fault === undefined) {
  process.stderr.write(`no such fault: ${values.fault}; there are ${plantedFaults.join(', ')}\n`);
  process.exit(2);
}
const bounds = wholeNumbers({ epochs: values.epochs, depth: values.depth });
const began = performance.now();
const { states, depth, isWhole, broken } = check(roundModel({ epochsMax: bounds.epochs, fault }), bounds.depth);
const seconds = ((performance.now() - began) / 1_000).toFixed(1);
const extent = isWhole ? 'all there are' : `within ${depth} actions`;
process.stdout.write(`${states} states, ${extent}, up to ${depth} actions deep, ${seconds} s\n`);
if (broken !== undefined) {
  process.stdout.write(`broken: ${broken.invariant}\n${broken.actions.map((action) => `  ${action}\n`).join('')}`);
}
process.exitCode = broken === undefined ? 0 : 1;
