import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { testsPlanted } from '../testing/run-planted.ts';
import { lineOf, simulator } from '../testing/run-simulator.ts';
import { invariantNames } from '../violation.ts';
import { mutations } from './mutations.ts';
import { edited } from './plant.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const patienceMs = 600_000;

describe('planted bugs', () => {
  it('are thirty or more, each with a name of its own, and what each changes stands in the sources once', () => {
    expect(mutations.length).toBeGreaterThanOrEqual(30);
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
    for (const { edits } of mutations) {
      for (const { file, find, replace } of edits) {
        const text = readFileSync(`${root}${file}`, 'utf8');
        expect(edited(text, find, replace, file)).not.toBe(text);
      }
    }
  });

  it('break every rule, but for those that no planted bug was seen to break yet', () => {
    const broken = new Set(mutations.flatMap((mutation) => ('breaks' in mutation ? mutation.breaks : [])));
    // A list that can only shrink: a rule that nothing breaks may be one that cannot fail.
    expect(invariantNames.filter((name) => !broken.has(name))).toEqual([
      'STALE_WRITER', // A line that is too late is out of its place as well, and that is said first.
      'ROLL_BACK_UNSEEN',
      'AGENT_RAN_UNSIGNED', // Nobody takes a set that names it: AGENT_TRUSTS_FORGED.
      'NOT_CLOSED_IN_CALM',
      'POD_TAKEN_TWICE',
      'POD_EVICTED_UNREADY', // Three guards stand behind one another.
    ]);
  });

  // Other ones whenever any source of the list changes, and the same ones until then.
  const chosen = mutations
    .filter((mutation) => 'seed' in mutation)
    .map((mutation) => ({ mutation, rank: createHash('sha256').update(rankOf(mutation.name)).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, 5)
    .map(({ mutation }) => mutation);

  it.each(chosen)(
    '$name is caught by seed $seed',
    async ({ name, seed, breaks, says = /./ }) => {
      const lines = await simulator('--mutation', name, '--seeds', `${seed}-${seed}`);
      const broken = lineOf(lines[0]);
      expect(breaks).toContain(broken.name);
      expect(broken.detail).toMatch(says);
    },
    patienceMs,
  );

  it.each(mutations.filter((mutation) => 'test' in mutation))(
    '$name is caught by $test',
    async ({ name, test, fails }) => {
      const { failed, passed } = await testsPlanted(name, test);
      expect(failed).toContain(fails);
      expect(passed).not.toEqual([]); // It was planted in what works otherwise.
    },
    patienceMs,
  );
});

/** Text that changes with the files that the mutation changes. */
function rankOf(name: string): string {
  const files = mutations.find((one) => one.name === name)?.edits.map(({ file }) => file) ?? [];
  return [name, ...files.map((file) => readFileSync(`${root}${file}`, 'utf8'))].join('\n');
}
