// Own process: it judges by memory and prototypes that all that runs here shares.
import { describe, expect, it } from 'vitest';
import { seededStream } from '../../../base/random.ts';
import { readCorpus } from './corpora.ts';
import { explore } from './explore.ts';
import { judge } from './judge.ts';
import { largeInputs } from './large-inputs.ts';
import { targets } from './targets/all.ts';

const inputsByDefault = 1_500;

describe.each(targets.map((target) => [target.name, target] as const))('bytes for %s', (name, target) => {
  const inputs = target.inputsInTests ?? inputsByDefault;

  it(`give a value or a typed fault, for all seeds, the corpus and ${inputs} of their mutants`, async () => {
    const random = seededStream(1, `fuzz ${name}`);
    const { findings } = await explore(target, { inputs, random, corpus: readCorpus(name) });
    expect(findings.map(({ what, input }) => `${what}\n${Buffer.from(input).toString('base64')}`)).toEqual([]);
  });

  it('give one where they are deep, long, or many of the same, too', async () => {
    const found = await Promise.all(
      largeInputs.map(async ([what, input]) => [what, (await judge(target, input))?.what] as const),
    );
    expect(found.filter(([, what]) => what !== undefined)).toEqual([]);
  });

  it('are read where they are legal', async () => {
    const kinds = await Promise.all(target.seeds().map(async (seed) => (await target.read(seed)).kind));
    expect(kinds).toContain('read');
  });
});
