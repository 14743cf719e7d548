/**
 * Which tests a command runs. `npm test` is for whoever works here: it ends in minutes. It leaves out what costs much, which shows a
 * whole product at work on many processes, or a campaign in its short form; and what needs images, a control plane or an object store
 * that are made for it. Nothing is left out by `npm run test:all`, nor in CI.
 */
import { keptCosts } from './kept-costs.mjs';

/** Set for vitest, whose configuration leaves out what is not among these. */
export const shortVariable = 'TESTUDO_SHORT_TESTS';

/** A file that took as much of the processor, child processes included, is long. */
const longSeconds = 6;

/**
 * `named`: what arguments name, whatever it costs; `kube`: what needs a control plane.
 *
 * @typedef {'all' | 'short' | 'named' | 'kube'} Which
 */

/**
 * @param {readonly string[]} words of the command line
 * @param {{ CI?: string | undefined }} environment
 * @returns {{ which: Which, args: readonly string[] }} args: for vitest
 */
export function whichTests([first = '', ...rest], { CI = '' }) {
  if (first === '--only-kube') return { which: 'kube', args: rest };
  const args = first === '--all' || first === '' ? rest : [first, ...rest];
  if (args.length > 0) return { which: 'named', args };
  return { which: first === '--all' || CI !== '' ? 'all' : 'short', args };
}

/** @returns {string[]} paths from the checkout */
export function longTests(costs = keptCosts()) {
  return [...costs].flatMap(([file, { processorSeconds }]) => (processorSeconds >= longSeconds ? [file] : []));
}
