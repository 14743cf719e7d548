import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { type Antibody, antibodyBytes } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import type { PlaceScores } from '../tracks/place-scores.ts';
import type { Explanation, TrackScorer } from '../tracks/track-kind.ts';
import { logRatio } from './log-ratio.ts';
import { countsOf, makeAntibody } from './make-antibody.ts';
import { quantile } from './normal-tail.ts';
import { Panel } from './panel.ts';
import { vaccinate } from './vaccinated-scorer.ts';
import { vaccinationTexts } from './vaccination-text.ts';
import { Weighed } from './weighed.ts';

const head = {
  federation: parseFederationId('herd'),
  track: parseTrackId('syscall'),
  cluster: parseClusterId('a'),
  family: 'reverse-shell',
  madeAtMs: 0,
  expiresAtMs: 1,
};

/** Examples with `count` features each out of `from` … `to`, and those that all have. */
function examples(
  seed: number,
  many: number,
  { from, to, count, always = [] }: { from: number; to: number; count: number; always?: readonly number[] },
): Uint32Array[] {
  const random = seededRandom(seed);
  return Array.from({ length: many }, () => {
    const features = new Set(always);
    while (features.size < count + always.length) features.add(from + Math.floor(random() * (to - from)));
    return Uint32Array.from(features);
  });
}

const attackRuns = [900_001, 900_002, 900_003, 900_004, 900_005, 900_006];
const atHome = examples(1, 60, { from: 0, to: 300, count: 40 });
const elsewhere = examples(2, 60, { from: 1_000, to: 1_300, count: 40 });
const attacksThere = examples(3, 8, { from: 1_000, to: 1_300, count: 20, always: attackRuns });
const attackHere = examples(4, 1, { from: 0, to: 300, count: 20, always: attackRuns })[0] as Uint32Array;

function made(confirmed: readonly Uint32Array[], normal: readonly Uint32Array[]): Antibody {
  const antibody = makeAntibody(head, confirmed, normal);
  if (antibody === undefined) throw new Error('nothing tells these apart');
  return antibody;
}

describe('makeAntibody', () => {
  it('keeps what confirmed examples have, each feature in its share', () => {
    const { features, shares, examples: many } = made(attacksThere, elsewhere);
    expect(many).toBe(8);
    expect([...features]).toEqual(expect.arrayContaining(attackRuns));
    for (const run of attackRuns) expect(shares[features.indexOf(run)]).toBe(255);
    // What normal examples have as well is kept in its share: that an attack does it more rarely tells it apart too.
    const inAttacks = countsOf(attacksThere);
    expect(features.length).toBe(inAttacks.size);
    for (const [at, feature] of features.entries()) {
      expect(shares[at]).toBe(Math.round(((inAttacks.get(feature) ?? 0) / 8) * 255));
    }
  });

  it('makes none of what is normal', () => {
    expect(makeAntibody(head, [elsewhere[0] as Uint32Array], [elsewhere[0] as Uint32Array])).toBeUndefined();
  });

  it('blurs counts where noise is asked for', () => {
    const noisy = makeAntibody(head, attacksThere, elsewhere, { noise: 1, random: seededRandom(5) });
    expect(noisy?.shares).not.toEqual(made(attacksThere, elsewhere).shares);
  });
});

describe('Weighed', () => {
  it('gives every antibody the sum of its features, whatever else is in the panel', () => {
    const antibodies = [
      made(attacksThere, elsewhere),
      made(attacksThere.slice(0, 2), elsewhere),
      made(elsewhere, atHome),
    ];
    const weighed = new Weighed(antibodies, atHome);
    const counts = countsOf(atHome);
    for (const example of [attackHere, ...atHome.slice(0, 5), Uint32Array.of(7_777_777)]) {
      const expected = antibodies.map(({ features, shares, examples: of }) => {
        let sum = 0;
        for (const feature of example) {
          const at = features.indexOf(feature);
          const [share, count] = [at < 0 ? 0 : (shares[at] as number) / 255, counts.get(feature) ?? 0];
          if (share > 0 || count > 0) sum += logRatio({ count: share * of, of }, { count, of: atHome.length });
        }
        return sum / example.length ** 0.7;
      });
      const scores = [...weighed.scores(example)];
      for (const [which, score] of scores.entries()) expect(score).toBeCloseTo(expected[which] as number, 9);
    }
  });
});

describe('Panel', () => {
  it('finds in one workload what was confirmed in another, and flags nothing that is normal', async () => {
    const panel = await Panel.open([made(attacksThere, elsewhere)], atHome, 0.01);
    expect(panel.vaccinations[0]?.refused).toBeUndefined();
    expect(panel.risk(attackHere)?.risk).toBeGreaterThan(1);
    const unseen = examples(9, 200, { from: 0, to: 300, count: 40 });
    expect(unseen.filter((one) => (panel.risk(one)?.risk ?? 0) > 1).length).toBeLessThanOrEqual(4);
  });

  it('refuses a poisoned antibody that describes what the workload does anyway', async () => {
    // A liar who knows a rival's work makes it of that, and says that nobody else does such things.
    const poisoned = made(atHome, elsewhere);
    const panel = await Panel.open([poisoned, made(attacksThere, elsewhere)], atHome, 0.01);
    expect(panel.vaccinations.map(({ refused }) => refused)).toEqual(['looks-normal', undefined]);
    expect(panel.risk(attackHere)?.antibody.examples).toBe(8);
    // Elsewhere, where nobody does that, it is taken and flags nothing normal either.
    const other = await Panel.open([poisoned], elsewhere, 0.01);
    expect(elsewhere.filter((one) => (other.risk(one)?.risk ?? 0) > 1).length).toBeLessThanOrEqual(1);
  });

  it('flags no more of what is normal by a poisoned antibody that it takes', async () => {
    const poisoned = made(examples(11, 20, { from: 0, to: 300, count: 40 }), elsewhere);
    const panel = await Panel.open([poisoned], atHome, 0.01);
    const unseen = examples(12, 400, { from: 0, to: 300, count: 40 });
    expect(unseen.filter((one) => (panel.risk(one)?.risk ?? 0) > 1).length).toBeLessThanOrEqual(8);
  });

  it('hears the same evidence less where a confirmed example would show more of it', async () => {
    const small = made(attacksThere, elsewhere);
    const more = Array.from({ length: 60 }, (_, at) => 950_000 + at);
    const large = {
      ...small,
      features: Uint32Array.from([...small.features, ...more]),
      shares: Uint8Array.from([...small.shares, ...more.map(() => 255)]),
    };
    const [whole, part] = await Promise.all([small, large].map((one) => Panel.open([one], atHome, 0.01)));
    const same = (panel: Panel | undefined) => panel?.risk(attackHere)?.risk ?? Number.NaN;
    expect(same(part)).toBeGreaterThan(0);
    expect(same(part)).toBeLessThan(0.95 * same(whole));
  });

  it('does not go by one confirmed trace or two', async () => {
    const panel = await Panel.open([made(attacksThere.slice(0, 2), elsewhere)], atHome, 0.01);
    expect(panel.vaccinations[0]?.refused).toBe('few-examples');
  });

  it('waits until there is something to try antibodies on', async () => {
    const panel = await Panel.open([made(attacksThere, elsewhere)], atHome.slice(0, 9), 0.01);
    expect(panel.vaccinations[0]?.refused).toBe('learning');
    expect(panel.risk(attackHere)).toBeUndefined();
  });

  /** Of an attack that looks somewhat like the work here: by a share of .003 it may flag, as many as it takes .003 in all. */
  const subtle = made(examples(3, 60, { from: 0, to: 240, count: 40 }), elsewhere);
  const refusals = async (antibodies: readonly Antibody[]) =>
    (await Panel.open(antibodies, atHome, 0.003)).vaccinations.map(({ refused }) => refused);

  it('takes nothing from an antibody for others that flag nothing, however many', async () => {
    expect(await refusals([subtle])).toEqual([undefined]);
    const idle = Array.from({ length: 63 }, (_, at) =>
      made(examples(100 + at, 5, { from: 5_000_000 + 1_000 * at, to: 5_000_900 + 1_000 * at, count: 30 }), elsewhere),
    );
    expect(await refusals([...idle, subtle])).toEqual([...idle, subtle].map(() => undefined));
  });

  it('uses of many copies the first ones, until all of them together could flag too much', async () => {
    const copies = Array.from({ length: 63 }, (_, at) => ({ ...subtle, family: `copy-${at}` }));
    const found = await refusals([subtle, ...copies]);
    const used = found.filter((refused) => refused === undefined).length;
    expect(used).toBeGreaterThan(1);
    expect(used).toBeLessThan(64);
    expect(found).toEqual(found.map((_, at) => (at < used ? undefined : 'looks-normal')));
    const { vaccinations } = await Panel.open([subtle, ...copies], atHome, 0.003);
    // Each takes from what the next may flag.
    expect(vaccinations[1]?.level).toBeGreaterThan(vaccinations[0]?.level as number);
  });
});

describe('vaccinationTexts', () => {
  it('says of each antibody who uses it and who refused it why', async () => {
    const antibodies = [
      made(atHome, elsewhere),
      made(attacksThere, elsewhere),
      made(attacksThere.slice(0, 2), elsewhere),
    ];
    const tried = async (normal: readonly Uint32Array[]) => (await Panel.open(antibodies, normal, 0.01)).vaccinations;
    const workloads = ['nginx', 'redis', 'php', 'node', 'git'];
    const home = await tried(atHome);
    const texts = vaccinationTexts(
      new Map([...workloads.map((name) => [name, home] as const), ['new', await tried([])]]),
    );
    const [first, second, third] = antibodies.map((one) => digestOf(antibodyBytes(one)).slice(7, 19));
    expect(texts).toEqual([
      `antibody reverse-shell of a (${first}, 60 examples): refused for nginx, redis, php, node and 1 more (it describes what is normal there); ` +
        'refused for new (too few normal examples to try it on)',
      `antibody reverse-shell of a (${second}, 8 examples): used for nginx, redis, php, node and 1 more; refused for new (too few normal examples to try it on)`,
      `antibody reverse-shell of a (${third}, 2 examples): refused for nginx, redis, php, node and 2 more (too few examples confirm it)`,
    ]);
    expect(vaccinationTexts(new Map())).toEqual([]);
  });
});

describe('vaccinate', () => {
  /** A model that finds long examples unusual, and nothing else: 0 in the middle of normal ones, and hardly any of them above 1. */
  const lengths = (): TrackScorer<Uint32Array> => ({
    score: (some): PlaceScores[] => some.map((one) => ({ groups: ['nginx'], scores: Float64Array.of(unusual(one)) })),
    explain: (): Explanation => ({ detail: { from: 'the model' }, text: 'long' }),
    close() {},
  });
  const unusual = ({ length }: Uint32Array) => (length - 34.5) / 4.5;
  const normal = atHome.map((one, at) => one.subarray(0, 30 + (at % 10)));
  const known = { antigensOf: (one: Uint32Array) => one };

  it('adds to the scores of the model what antibodies say, on their own scale', async () => {
    const open = async () => lengths();
    const { scorer, vaccinations } = await vaccinate(open, known, [made(attacksThere, elsewhere)], normal);
    expect(vaccinations.get('nginx')?.map(({ refused }) => refused)).toEqual([undefined]);
    const score = (one: Uint32Array) => scorer.score([one])[0]?.scores[0] ?? Number.NaN;
    expect(unusual(attackHere)).toBeLessThan(-1); // 26 features long: usual to the model.
    expect(score(attackHere)).toBeGreaterThan(2);
    expect(score(examples(8, 1, { from: 0, to: 300, count: 200 })[0] as Uint32Array)).toBeGreaterThan(2);
    expect(normal.filter((one) => score(one) > 1).length / normal.length).toBeLessThan(0.05);
    expect(scorer.explain(attackHere, 0)).toMatchObject({
      text: expect.stringMatching(/^looks like reverse-shell, which a confirmed in 8 examples .*\nlong$/),
      detail: { from: 'the model', antibody: { family: 'reverse-shell', cluster: 'a' } },
    });
    expect(scorer.explain(normal[0] as Uint32Array, 0)).toEqual({ detail: { from: 'the model' }, text: 'long' });
  });

  it('weighs what antibodies say against the scale that scores of the kind have, whatever the spread in this cluster', async () => {
    const tenfold = (): TrackScorer<Uint32Array> => ({
      ...lengths(),
      score: (some) => some.map((one) => ({ groups: ['nginx'], scores: Float64Array.of(10 * unusual(one)) })),
    });
    const antibodies = [made(attacksThere, elsewhere)];
    const ones = await vaccinate(async () => lengths(), known, antibodies, normal);
    const tens = await vaccinate(async () => tenfold(), { ...known, scoreRange: 10 }, antibodies, normal);
    const scores = (scorer: TrackScorer<Uint32Array>, factor: number) =>
      scorer.score([attackHere, ...normal]).map((one) => (one.scores[0] as number) / factor);
    for (const [at, score] of scores(tens.scorer, 10).entries()) {
      expect(score).toBeCloseTo(scores(ones.scorer, 1)[at] as number, 10);
    }
    // Fewer normal examples, of which none is long: the same attack scores as before, since nothing is divided by their spread.
    const alike = normal.filter(({ length }) => length < 34);
    const narrow = await vaccinate(async () => lengths(), known, antibodies, alike);
    const long = examples(23, 1, { from: 0, to: 300, count: 80 })[0] as Uint32Array;
    const [wide = Number.NaN, close = Number.NaN] = [ones, narrow].map(
      ({ scorer }) => scorer.score([long])[0]?.scores[0],
    );
    expect(close).toBe(wide);
  });

  it('lets no more normal examples pass what its own normal ones teach, where an antibody flags what is normal', async () => {
    // A liar who knows what is normal here says it of an attack of its own, so that examples as it says them stand out.
    const learnt = examples(20, 400, { from: 0, to: 300, count: 34 });
    const told = [...attackRuns, ...Array.from({ length: 70 }, (_, at) => at)];
    const rest = made(attacksThere, elsewhere);
    const poisoned = {
      ...rest,
      features: Uint32Array.from(told.sort((a, b) => a - b)),
      shares: new Uint8Array(told.length).fill(255),
    };
    const alarms = async (antibodies: readonly Antibody[]) => {
      const { scorer, vaccinations } = await vaccinate(async () => lengths(), known, antibodies, learnt);
      const unseen = examples(21, 2_000, { from: 0, to: 300, count: 34 });
      const scores = unseen.map((one) => scorer.score([one])[0]?.scores[0] as number);
      // The first half teaches the threshold, as scores of what happens do.
      const limit = quantile(
        scores.slice(0, 1_000).sort((a, b) => a - b),
        0.99,
      );
      const share = scores.slice(1_000).filter((score) => score > limit).length / 1_000;
      return { share, refused: vaccinations.get('nginx')?.map(({ refused }) => refused) };
    };
    const lied = await alarms([rest, poisoned]);
    expect(lied.refused?.[1]).toBeUndefined(); // It is taken, and so has to be borne.
    expect(lied.share).toBeLessThanOrEqual(0.02);
  });

  it('passes over an antibody of examples larger than any could be, as if nobody had offered it', async () => {
    // A liar who names whatever anybody does, so that all that is new somewhere looks like it.
    const everything = Uint32Array.from({ length: 2_000 }, (_, at) => at);
    const rest = made(attacksThere, elsewhere);
    const poisoned = { ...rest, features: everything, shares: new Uint8Array(everything.length).fill(255) };
    const ran = async (antibodies: readonly Antibody[]) => {
      const { scorer, vaccinations } = await vaccinate(async () => lengths(), known, antibodies, normal);
      const unseen = [...examples(22, 100, { from: 0, to: 2_000, count: 34 }), ...normal, attackHere];
      return { scores: scorer.score(unseen), refused: vaccinations.get('nginx')?.map(({ refused }) => refused) };
    };
    const honest = await ran([rest]);
    const lied = await ran([rest, poisoned, poisoned, poisoned]);
    expect(lied.refused).toEqual([undefined, 'oversized', 'oversized', 'oversized']);
    expect(lied.scores).toEqual(honest.scores);
  });

  it('lets the model say what it said before, and closes it when its antibodies cannot be tried', async () => {
    const closed: string[] = [];
    const open = (name: string) => ({
      ...lengths(),
      remarks: () => ['one is learning'],
      close: () => void closed.push(name),
    });
    const antibodies = [made(attacksThere, elsewhere)];
    const { scorer } = await vaccinate(async () => open('first'), known, antibodies, normal);
    expect(scorer.remarks?.()).toEqual([
      'one is learning',
      expect.stringMatching(/^antibody reverse-shell of a \([0-9a-f]{12}, 8 examples\): used for nginx$/),
    ]);
    const broken = () => {
      throw new Error('no features');
    };
    closed.length = 0;
    const tried = vaccinate(async () => open('second'), { antigensOf: broken }, antibodies, normal);
    await expect(tried).rejects.toThrow(/no features/);
    expect(closed).toEqual(['second']);
  });

  it('leaves the model as it is without antibodies, and where none is used', async () => {
    const refused = [made(attacksThere.slice(0, 2), elsewhere)];
    for (const antibodies of [[], refused]) {
      const { scorer } = await vaccinate(async () => lengths(), known, antibodies, normal);
      expect(scorer.score([attackHere])[0]?.scores[0]).toBe(unusual(attackHere));
    }
  });
});
