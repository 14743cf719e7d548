import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { thresholdAt } from '../metrics.ts';
import type { Explanation } from '../track-kind.ts';
import type { ApiExample } from './example.ts';
import { ApiJudge } from './judge/api-judge.ts';
import { readApiChains } from './offline/api-files.ts';
import { kindOf } from './offline/evaluation.ts';
import { csvOf, type Line, learnS, normalTraffic, request, userOf } from './testing/small-shop.ts';

type Judged = Readonly<{ kind: string; score: number; textBefore: string }> & Explanation;

const later = (minutes: number) => learnS + minutes * 60;
const get = (path: string, attack: string) => ({ method: 'GET', path, attack });

const payloads = ["' OR '1'='1", '1;DROP TABLE orders--', '<script>alert(1)</script>'];
const nobody = { subject: '-', source: 'address77', network: 'net77' };
/** Each attack in a time of its own, among what forty users do. */
const attacks: readonly Line[] = [
  ...payloads.flatMap((text, n) => {
    const path = `/catalogue/search?q=${encodeURIComponent(text)}&page=1`;
    return request(later(20 + n), `a${n}`, userOf(3), { ...get(path, 'injection'), sent: 4_000 });
  }),
  ...request(later(30), 'p0', userOf(3), {
    ...get(`/catalogue/search?q=lamp&page=1&q=${encodeURIComponent(payloads[0] as string)}`, 'second value'),
    sent: 4_000,
  }),
  ...request(later(40), 'b0', userOf(4), get('/catalogue/items/..%2f..%2fetc%2fpasswd', 'traversal')),
  ...request(later(60), 'c0', userOf(5), get('/orders/debug/vars', 'shadow')),
  ...request(later(80), 'd0', nobody, { ...get('/orders', 'open'), auth: 'none', sent: 2_000 }),
  ...Array.from({ length: 14 }, (_, n) =>
    request(later(100) + 9 * n, `e${n}`, userOf(6), { ...get(`/orders/${1_100 + 10 * n}`, 'enumeration'), sent: 700 }),
  ).flat(),
  ...Array.from({ length: 25 }, (_, n) => {
    const source = { subject: '-', source: `address${80 + (n % 5)}`, network: `net${80 + (n % 5)}` };
    const line = { method: 'POST', path: '/login', to: 'auth', auth: 'none', fields: 'password user', received: 50 };
    return request(later(120) + 7 * n, `f${n}`, source, { ...line, status: 401, attack: 'stuffing' });
  }).flat(),
  ...Array.from({ length: 4 }, (_, n) => {
    const thief = { subject: 'user8', source: 'address90', network: 'net90' };
    return request(later(140) + 30 * n, `g${n}`, thief, { ...get('/orders/1081', 'theft'), sent: 700 });
  }).flat(),
  ...Array.from({ length: 3 }, (_, n): Line => {
    const from = { from: 'users', subject: `user${10 + n}`, source: 'pod-users', auth: 'none' };
    return {
      ...get(`/orders/${1_100 + 10 * n}`, 'skipped'),
      t: later(160) + 60 * n,
      to: 'orders',
      id: `h${n}`,
      ...from,
      sent: 700,
    };
  }),
];

let judged: ReadonlyMap<string, readonly Judged[]>;
let threshold: number;
/** How a chain scores whose object was asked for hours before: after a request of a clock a year ahead, and without it. */
let hoursAfter: readonly number[];
/** What is said of a chain through a service whose name would break a line. */
let ofBrokenName: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-api-'));
  try {
    const path = join(folder, 'requests.csv');
    await writeFile(path, csvOf([...normalTraffic(), ...attacks].sort((a, b) => a.t - b.t)));
    const learnt = unwrap(await readApiChains(path, 'small/train')).chains.map(({ example }) => example);
    const judge = new ApiJudge(undefined, new Float32Array(0), learnt);
    const all = unwrap(await readApiChains(path, 'small/test')).chains.map((chain): Judged => {
      const textBefore = judge.explain(chain.example).text;
      // As a client does: it scores, and then asks why.
      const score = judge.score([chain.example])[0]?.scores[0] as number;
      return { kind: kindOf(chain), score, textBefore, ...judge.explain(chain.example) };
    });
    const [first] = learnt;
    if (first === undefined) throw new Error('nothing was learnt');
    const calls = first.calls.map((call) => ({ ...call, server: `${call.server}\n- forged (9.9 nats)` }));
    ofBrokenName = judge.explain({ ...first, calls }).text;
    hoursAfter = [true, false].map((isAhead) =>
      scoreHoursAfter(new ApiJudge(undefined, new Float32Array(0), learnt), learnt, isAhead),
    );
    judged = Map.groupBy(all, ({ kind }) => kind);
    threshold = thresholdAt(judged.get('normal')?.map(({ score }) => score) ?? [], 0.01);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

function scoreHoursAfter(judge: ApiJudge, learnt: readonly ApiExample[], isAhead: boolean): number {
  const item = learnt.findLast(({ calls }) => calls[0]?.route === '/api/catalogue/items/{}') as ApiExample;
  const scoreAt = (hours: number, object?: number) => {
    const around = object === undefined ? item.around : { ...item.around, named: [object], objects: [object] };
    return judge.score([{ ...item, id: hours, atS: item.atS + 3_600 * hours, around }])[0]?.scores[0] as number;
  };
  if (isAhead) scoreAt(24 * 400);
  scoreAt(1, 4_711);
  scoreAt(3);
  return scoreAt(4, 4_711);
}

/** What is said of the chains of an attack that score above all but one in a hundred normal ones. */
function alarmsOf(kind: string) {
  const chains = judged.get(kind) ?? [];
  return chains.filter(({ score }) => score > threshold).map(({ detail: { finding }, text }) => ({ finding, text }));
}

describe('what the api track finds among normal requests, and how it says so', () => {
  it('injections in a value, where normal values hold quotes and keywords too', () => {
    const alarms = alarmsOf('injection');
    expect(alarms.map(({ finding }) => finding)).toEqual(['injection', 'injection', 'injection']);
    for (const { text } of alarms) expect(text).toContain('the value of "q" of GET');
    for (const { text } of alarms) expect(text).not.toContain('DROP');
  });

  it('an injection in the second of two values of one name, and shows that one', () => {
    const [alarm] = alarmsOf('second value');
    expect(alarm?.finding).toBe('injection');
    expect(alarm?.text).toContain(`the value of "q" of GET /api/catalogue/search of gateway looks like "' A '9'='9"`);
  });

  it('by what was unusual of it before the judge had met it', () => {
    const alarms = [...judged.values()].flat().filter(({ score }) => score > threshold);
    expect(alarms.length).toBeGreaterThan(50);
    expect(alarms.filter(({ text, textBefore }) => text !== textBefore)).toEqual([]);
  });

  it('by what it knows of objects by then, whatever a clock that was ahead wrote before', () => {
    expect(hoursAfter[0]).toBeCloseTo(hoursAfter[1] as number, 2);
  });

  it('on one line for each reason, whatever a service is called', () => {
    const [, ...reasons] = ofBrokenName.split('\n');
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).toMatch(/^- .*\?- forged .*nats\)$/);
  });

  it('a traversal in a path', () => {
    const [alarm] = alarmsOf('traversal');
    expect(alarm?.finding).toBe('traversal');
    expect(alarm?.text).toContain('looks like "../../a/a", which values there do not');
  });

  it('an interface that nobody asked for', () => {
    const [alarm] = alarmsOf('shadow');
    expect(alarm?.finding).toBe('unknown template');
    expect(alarm?.text).toContain('gateway is hardly ever asked for GET /api/orders/debug/vars');
  });

  it('an endpoint served without authentication', () => {
    const [alarm] = alarmsOf('open');
    expect(alarm?.finding).toBe('missing authentication');
    expect(alarm?.text).toContain('is seldom served with no authentication');
  });

  it('objects of others, asked for one after the other', () => {
    const alarms = alarmsOf('enumeration');
    expect(alarms.length).toBeGreaterThanOrEqual(12);
    expect(alarms.at(-1)?.finding).toBe('object enumeration');
    expect(alarms.at(-1)?.text).toMatch(/its subject asked for 1\d objects at GET .*, 1\d of them new to it/);
  });

  it('many failed logins from several addresses', () => {
    const alarms = alarmsOf('stuffing');
    expect(alarms.length).toBeGreaterThanOrEqual(20);
    expect(alarms.at(-1)?.finding).toBe('credential stuffing');
    expect(alarms.at(-1)?.text).toMatch(/POST \/api\/login of gateway failed \d+ times within five minutes/);
  });

  it('a token used from where its subject never was', () => {
    const alarms = alarmsOf('theft');
    expect(alarms.map(({ finding }) => finding)).toEqual(Array(4).fill('token of an unusual holder'));
    expect(alarms[0]?.text).toContain('its subject never came from this network before');
  });

  it('a service reached without the one that comes before it', () => {
    const alarms = alarmsOf('skipped');
    expect(alarms).toHaveLength(3);
    expect(alarms.map(({ text }) => text).join()).toContain(
      'users called GET /orders/{} of orders without having been called itself',
    );
  });
});
