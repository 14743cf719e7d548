import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ask, reach } from './ask.ts';

const checkout = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'testudo-mutants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const name = 'tools/testing/mutation/fixture/meter.ts';

const named = (test: string) => `tools/testing/mutation/fixture/meter.asked.ts > ${test}`;

/** As Stryker's instrumenter writes it, less Babel: switches, and a note of which were passed. */
const header = `
const switches = globalThis.__stryker__;
function covers(...ids) {
  const coverage = (switches.mutantCoverage ??= { static: {}, perTest: {} });
  const { currentTestId } = switches;
  const counts = currentTestId ? (coverage.perTest[currentTestId] ??= {}) : coverage.static;
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1;
  return true;
}
function is(id) {
  if (switches.activeMutant !== id) return false;
  if (switches.hitCount !== undefined && ++switches.hitCount > switches.hitLimit) throw new Error('hit limit');
  return true;
}
`;
const changes: readonly (readonly [from: string, to: string])[] = [
  ["'metres'", "is('unit') ? '' : (covers('unit'), 'metres')"],
  [
    'value < max',
    "(is('no harm') ? value <= max : is('turned round') ? value > max : (covers('no harm', 'turned round'), value < max))",
  ],
  ['count += 1', "is('endless') ? (count += 0) : (covers('endless'), (count += 1))"],
  ['  return value;\n', "  if (is('never')) await new Promise(() => {});\n  covers('never');\n  return value;\n"],
  ['0 * value', "is('left behind') ? value : (covers('left behind'), 0 * value)"],
  ['return 1', "return is('not reached') ? 2 : (covers('not reached'), 1)"],
];

it('tells mutants that a test kills from those that do no harm, hang, stay behind, or are reached by none', async () => {
  const source = changes.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    },
    stripTypeScriptTypes(readFileSync(join(checkout, name), 'utf8')),
  );
  mkdirSync(dirname(join(folder, 'sources', name)), { recursive: true });
  writeFileSync(join(folder, 'sources', name), header + source);

  const place = { checkout, folder };
  const reached = await reach(place, ['tools/testing/mutation/fixture/meter.asked.ts']);
  expect(reached.tests.map((test) => [test.name.replace(/^.* > /, ''), Object.keys(test.hits).toSorted()])).toEqual([
    ['remembers nothing', ['left behind']],
    ['limits', ['no harm', 'turned round']],
    ['counts', ['endless']],
    ['comes later', ['never']],
  ]);
  const ids = ['unit', 'no harm', 'turned round', 'endless', 'never', 'left behind', 'not reached'];
  const fates = await ask(place, ids, reached, { isQuick: false, tell: () => undefined });
  expect(Object.fromEntries(fates)).toEqual({
    unit: { fate: 'static' },
    'no harm': { fate: 'alive' },
    'turned round': { fate: 'killed', by: named('limits'), why: expect.stringContaining('to deeply equal') },
    endless: { fate: 'killed', by: named('counts'), why: 'hit limit' },
    never: { fate: 'killed', by: named('comes later'), why: 'mutant: took too long' },
    'left behind': { fate: 'killed', by: named('remembers nothing'), why: 'expected 3 to be +0 // Object.is equality' },
    'not reached': { fate: 'unreached' },
  });
});
