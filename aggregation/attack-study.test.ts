import { describe, expect, it } from 'vitest';
import { seededNumbers } from '../base/random.ts';
import { normalVectors } from './algebra/samples.ts';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { disguised } from './attack-disguise.ts';
import { type Contender, studyAttacks, toldStudy, withstood } from './attack-study.ts';
import { attacks } from './attacks/attacks.ts';
import { meanOf } from './attacks/honest.ts';
import type { AggregationPolicy } from './policy.ts';

/** Eleven updates that agree on where to go, and differ by less than that. */
const updates = normalVectors(seededNumbers('study'), 11, 40, 0.3).map((vector) => vector.map((value) => value + 1));
const contender = (name: string, rule: AggregationPolicy['rule'], f: number): Contender => ({
  name,
  policy: { f, admission: { normMax: 1e6, zeroUpdate: 'refuse' }, before: [], rule },
});
const krum = contender('krum', { kind: 'krum' }, 3);
const mean = contender('mean', { kind: 'mean' }, 0);
const median = contender('median', { kind: 'coordinateMedian' }, 3);
const bulyan = contender('bulyan', { kind: 'bulyan' }, 3);
const scene = {
  ...{ updates, inForce: krum, others: [mean, median, bulyan], liarsMax: 3, seed: 'a', context: {}, rows: [] },
  ...{ algebra: twinAlgebra(), goesOn: () => true },
};

describe('a study of attacks', () => {
  it('tells a rule that withstands its liars from one that does not, on the same updates', async () => {
    const { cells, undisturbed, triedThrough, complete, worth, ...size } = await studyAttacks(scene);
    expect(worth).toEqual({ undisturbed: undefined, silent: [undefined, undefined, undefined] }); // Nobody judges.
    const tried = { cells, triedThrough };
    expect(size).toEqual({ updateCount: 11, dimension: 40 });
    expect(complete).toBe(true);
    expect([...undisturbed.keys()]).toEqual(['krum', 'mean', 'median']); // Bulyan's guarantee needs fifteen.
    expect(undisturbed.get('mean')).toBeCloseTo(0, 6);
    expect(cells).toHaveLength(3 * 3 * Object.keys(attacks).length);
    expect(withstood(tried, 'krum')).toBe(2); // Three copies of a small step backwards are one another's neighbours.
    expect(withstood(tried, 'median')).toBe(3);
    expect(withstood(tried, 'mean')).toBe(0);
    const flip = cells.find(({ rule, attack, liars }) => rule === 'mean' && attack === 'sign flip ×4' && liars === 3);
    // Of eleven, eight send m and three −4m: the mean is (8 − 12)/11 of the honest one.
    expect(flip?.cosine).toBeCloseTo(-1, 3);
    const honestOnly = cells.filter(({ rule, attack }) => rule === 'krum' && attack === 'nan');
    expect(honestOnly.every(({ deviation, refused }) => refused === null && deviation <= 1)).toBe(true);
  });

  it('is the same again, tries no majority of liars, and ends when its time does with the rule in force first', async () => {
    const again = await studyAttacks({ ...scene, others: [] });
    expect(await studyAttacks({ ...scene, others: [] })).toEqual(again);
    const many = await studyAttacks({
      ...scene,
      updates: updates.slice(0, 6),
      inForce: median,
      others: [],
      liarsMax: 99,
    });
    expect(Math.max(...many.cells.map(({ liars }) => liars))).toBe(2);
    let left = 20;
    const cut = await studyAttacks({ ...scene, goesOn: () => left-- > 0 });
    expect(cut.complete).toBe(false);
    expect(cut.cells).toHaveLength(20);
    expect(new Set(cut.cells.map(({ rule }) => rule))).toEqual(new Set(['krum']));
    // Of two liars only the first few attacks were tried: that these failed is no evidence for two.
    expect(cut.cells.at(-1)?.liars).toBe(2);
    expect(withstood(cut, 'krum')).toBe(1);
    let none = 1;
    expect(withstood(await studyAttacks({ ...scene, goesOn: () => none-- > 0 }), 'krum')).toBe(0);
  });

  it('says what the model is worth under the rule in force: undisturbed, attacked, and with the same members silent', async () => {
    // Worth most where the model moves as all say on average.
    const wanted = meanOf(updates);
    const worth = async (aggregate: Float32Array) =>
      1 / (1 + aggregate.reduce((sum, value, at) => sum + (value - (wanted[at] ?? 0)) ** 2, 0) / aggregate.length);
    const study = await studyAttacks({ ...scene, inForce: mean, others: [krum], liarsMax: 1, worth });
    const { undisturbed, silent } = study.worth;
    const own = study.cells.filter(({ rule }) => rule === 'mean');
    const flip = own.find(({ attack }) => attack === 'sign flip ×4');
    expect(undisturbed).toBeCloseTo(1, 6);
    expect(silent).toHaveLength(1);
    // One of eleven: the mean of the other ten is as good, and one flip takes it back.
    expect(Math.abs((silent[0] ?? 0) - (undisturbed ?? 0))).toBeLessThan(0.05);
    expect(flip?.worth).toBeLessThan(0.9);
    expect(own.find(({ attack }) => attack === 'nan')?.refused === null).toBe(true);
    expect(study.cells.filter(({ rule }) => rule === 'krum').map((cell) => cell.worth)).toEqual(
      study.cells.filter(({ rule }) => rule === 'krum').map(() => undefined),
    );
    const told = toldStudy(study, 'mean');
    expect(told.rules[0]).toMatchObject({
      inForce: true,
      worth: undisturbed,
      silent: [{ liars: 1, worth: silent[0] }],
    });
    expect(told.rules[1]).toMatchObject({ inForce: false, silent: [] });
    const blind = await studyAttacks({ ...scene, others: [], liarsMax: 1, worth: async () => Number.NaN });
    expect([blind.worth.undisturbed, blind.cells[0]?.worth]).toEqual([undefined, undefined]);
  });

  it('says that a round is lost where the rule gives nothing', async () => {
    const lone = { ...scene, updates: updates.slice(0, 8), inForce: krum, others: [] };
    const study = await studyAttacks(lone);
    const { cells, undisturbed } = study;
    expect(undisturbed.get('krum')).toBeUndefined(); // Krum with f = 3 needs nine.
    const refused = cells.find(({ attack }) => attack === 'sign flip');
    expect(refused).toMatchObject({ refused: 'N_TOO_SMALL', deviation: 0, liars: 1 });
    expect(withstood(study, 'krum')).toBe(0);
  });

  it('lets liars send what passes for an honest count, where updates have a shape', async () => {
    const norm = 2;
    const counts = updates.map((update) => {
      const local = update.map((value, at) => (at < 30 ? Math.abs(value) : 0));
      const length = Math.sqrt(local.reduce((sum, value) => sum + value * value, 0));
      return local.map((value) => (value * norm) / length);
    });
    const ranges = [
      { class: 'web', ranges: [{ offset: 0, length: 30 }] },
      { class: 'db', ranges: [{ offset: 30, length: 10 }] },
    ];
    const classes = { blocks: ranges, declared: counts.map(() => ['web']) };
    const context = { base: new Float32Array(40), shape: { norm, tolerance: 0.02 }, classes };
    const study = await studyAttacks({ ...scene, updates: counts, inForce: mean, others: [], context });
    const worst = (name: string) =>
      Math.max(...study.cells.filter(({ attack }) => attack === name).map((c) => c.deviation));
    // As it was made it has another norm, would be refused, and the mean of the others would stay as it was.
    expect(worst('constant')).toBeGreaterThan(0.1);
    // A lie in the shape of the others leads the mean no farther than they lie apart.
    expect(withstood(study, 'mean')).toBe(3);
    const lie = disguised(
      Float32Array.from({ length: 40 }, (_, at) => at - 5),
      0,
      context,
    );
    expect(lie.slice(0, 6).every((value) => value === 0)).toBe(true);
    expect(lie.slice(30).every((value) => value === 0)).toBe(true);
    expect(Math.hypot(...lie)).toBeCloseTo(norm, 5);
    const nothing = new Float32Array(40).fill(-1);
    expect(disguised(nothing, 0, context)).toBe(nothing);
  });
});
