/** What somebody foretells of rotations who has read the whole log, and how uncertain their times are. */
import { seededRandom } from '../../base/random.ts';
import { epochKey, type Law, lifetimeAt, unitOf } from '../../client/response/rotation/lifetimes.ts';
import type { Report } from '../harness/report.ts';

const minuteMs = 60_000;
/** Fewer in a cell say nothing. */
const seenMin = 200;

type Life = Readonly<{ lifetimeMs: number; traits: readonly string[] }>;

/** Lives one after the other on 50 places, each with what stands in the log of it before it ends. */
function livesUnder(law: Law, count: number): Life[] {
  const secret = Buffer.alloc(32, 21);
  const random = seededRandom(21);
  const places = Array.from({ length: 50 }, () => ({ atMs: 0, before: 0 }));
  return Array.from({ length: count }, (_, at) => {
    const place = places[at % places.length] as (typeof places)[number];
    const uid = `${Math.floor(random() * 2 ** 32).toString(16)}-${at}`;
    const epoch = Math.floor(place.atMs / (24 * 60 * minuteMs));
    const lifetimeMs = lifetimeAt(unitOf(epochKey(secret, epoch), uid), law);
    const traits = [
      `before ${Math.floor((10 * place.before) / law.boundMs)}`,
      `uid ${uid[0]}`,
      `place ${at % places.length}`,
      `hour ${Math.floor(place.atMs / (60 * minuteMs)) % 24}`,
    ];
    place.atMs += lifetimeMs;
    place.before = lifetimeMs;
    return { lifetimeMs, traits };
  });
}

/**
 * The best bettor: from half of the log it learns, for each minute of age, which trait says best that a pod ends within the next
 * minute; on the other half it bets on those alone. How often it won, over how often the law itself says that it should.
 */
function bettorOver(lives: readonly Life[], law: Law): number {
  const half = lives.length / 2;
  const [read, unread] = [lives.slice(0, half), lives.slice(half)];
  const [won, expected] = [{ bets: 0 }, { bets: 0 }];
  for (let ageMs = 0; ageMs + minuteMs < law.boundMs; ageMs += minuteMs) {
    const endsNext = ({ lifetimeMs }: Life) => lifetimeMs < ageMs + minuteMs;
    const cells = new Map<string, { alive: number; ended: number }>();
    for (const life of read) {
      if (life.lifetimeMs < ageMs) continue;
      for (const trait of life.traits) {
        const cell = cells.get(trait) ?? { alive: 0, ended: 0 };
        cells.set(trait, { alive: cell.alive + 1, ended: cell.ended + Number(endsNext(life)) });
      }
    }
    const known = [...cells].filter(([, { alive }]) => alive >= seenMin);
    const best = known.sort(([, a], [, b]) => b.ended / b.alive - a.ended / a.alive)[0]?.[0];
    if (best === undefined) continue;
    const bets = unread.filter(({ lifetimeMs, traits }) => lifetimeMs >= ageMs && traits.includes(best));
    won.bets += bets.filter(endsNext).length;
    expected.bets += bets.length * hazardOf(law, ageMs, minuteMs);
  }
  return won.bets / expected.bets;
}

/** The share of those alive at an age who end within so long. */
function hazardOf(law: Law, ageMs: number, withinMs: number): number {
  const [before, after] = [shareBelow(law, ageMs), shareBelow(law, ageMs + withinMs)];
  return (after - before) / (1 - before);
}

/** F, from its inverse. */
function shareBelow(law: Law, lifetimeMs: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2;
    if (lifetimeAt(middle, law) < lifetimeMs) low = middle;
    else high = middle;
  }
  return low;
}

/** Bits, of times cut to seconds. Plug-in entropy reads low by (bins − 1) / (2 n ln 2): Miller, 1955. */
export function entropyBits(timesMs: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const ms of timesMs) {
    const second = Math.floor(ms / 1_000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  const n = timesMs.length;
  let bits = (counts.size - 1) / (2 * n * Math.LN2);
  for (const count of counts.values()) bits -= (count / n) * Math.log2(count / n);
  return bits;
}

/** Of the law itself, cut to seconds. */
function lawBits(law: Law): number {
  let bits = 0;
  for (let ms = 0; ms < law.boundMs; ms += 1_000) {
    const share = shareBelow(law, ms + 1_000) - shareBelow(law, ms);
    if (share > 0) bits -= share * Math.log2(share);
  }
  return bits;
}

export function foretelling(small: boolean, report: Report): void {
  const draws = small ? 10_000 : 100_000;
  const rows: string[][] = [];
  for (const boundMinutes of [60, 120]) {
    const law = { boundMs: boundMinutes * minuteMs, meanMs: 30 * minuteMs };
    const lives = livesUnder(law, draws);
    const [bits, wanted, bettor] = [
      entropyBits(lives.map(({ lifetimeMs }) => lifetimeMs)),
      lawBits(law),
      bettorOver(lives, law),
    ];
    const attack10 = 1 - hazardOf(law, 0, 10 * minuteMs);
    if (Math.abs(bits - wanted) > 0.3)
      throw new Error(`bound ${boundMinutes}: ${bits} bits, and the law has ${wanted}`);
    report.record({ case: `foretelling bound=${boundMinutes}`, draws, bits, lawBits: wanted, bettor, attack10 });
    rows.push([
      `bound ${boundMinutes}, mean 30`,
      bits.toFixed(2),
      wanted.toFixed(2),
      bettor.toFixed(3),
      attack10.toFixed(2),
    ]);
  }
  report.text(
    `## What can be foretold\n\n${draws} draws of the keyed function. Somebody has read half of the log to its end and knows of each pod its uid, its place, the hour and how long the one ` +
      'before it lived; for each minute of age it bets on those pods of the other half that end within the next minute by the best of what it has learnt. *Bets won* are over those that the law itself gives to a guess. ' +
      'The last column is what the law leaves to a 10-minute attack that begins at its best moment, when the pod does.',
  );
  report.table(['law', 'bits at 1 s', 'bits of the law', 'bets won', '10 min attack'], rows);
}
