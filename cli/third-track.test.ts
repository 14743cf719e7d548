import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { type HeardLine, HeardLog } from '../base/testing/heard-log.ts';
import { type RunningClient, startClient } from '../client/client.ts';
import { parseClientConfig } from '../client/config.ts';
import type { Alert } from '../client/scoring/alert.ts';
import { leaveFeedback } from '../client/scoring/feedback.ts';
import { writeModelFiles } from '../client/tracks/model-files.ts';
import { gramTableSpec, initialGramTable } from '../client/tracks/syscall/gram-table/gram-table.ts';
import { WorkloadClasses } from '../client/tracks/syscall/traces/workload-classes.ts';
import { verbSharesSpec } from '../client/tracks/testing/verb-shares/track.ts';
import { parseTrackPolicy } from '../coordinator/config/policy.ts';
import { createTrack } from '../coordinator/ledger/track-changes.ts';
import { operator, TestFederation } from '../coordinator/testing/federation.ts';
import { parseDigest, parseTrackId, type TrackId } from '../proto/ids.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../proto/layout.ts';
import { type ModelSpec, specBytes, specOfBytes } from '../proto/model-spec.ts';
import { runTestudo } from './testing/command-line.ts';

const verbs = parseTrackId('verbs');
const calls = parseTrackId('calls');
const verbShares = fileURLToPath(new URL('../client/tracks/testing/verb-shares', import.meta.url));
const callSpec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 10);

let folder: string;
const clients: RunningClient[] = [];
/** What the clients log, each line with its `cluster`. */
let heard: HeardLog;
/** Of the cluster north, and of its track verbs. */
const isOfNorth = ({ cluster, track }: HeardLine) => cluster === 'north' && track === 'verbs';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-third-'));
  heard = new HeardLog();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await rm(folder, { recursive: true, force: true });
});

/** Requests as an account makes them day by day, `deleting` of twenty to delete something. */
function requests(account: string, batches: number, deleting: number, fromMs: number): string {
  return Array.from({ length: batches * 20 }, (_, at) => {
    // Batches differ a little, or they would all be one example.
    const usual = ['get', 'list', 'watch'][(at + Math.floor(at / 20) * (at % 7)) % 3];
    const verb = at % 20 < deleting ? 'delete' : usual;
    return `${JSON.stringify({ namespace: 'shop', account, verb, atMs: fromMs + at })}\n`;
  }).join('');
}

async function startCluster(federation: TestFederation, name: string, tracks: readonly object[]) {
  await writeFile(join(folder, `${name}.token`), await federation.token(name));
  await writeFile(join(folder, `${name}.audit`), requests('checkout', 40, 0, 1_000));
  const recorded = Array.from({ length: 8 }, (_, at) => `train\t${name}\tnginx\tnormal\tn.${at}\t0 1 3 ${at} 257\n`);
  await writeFile(join(folder, `${name}.tsv`), recorded.join(''));
  const { addresses } = federation.coordinator;
  const config = {
    dataDirectory: `${name}-data`,
    coordinator: { addresses: [addresses.federation], enrolAddress: addresses.enrolment, reconnectSecondsMax: 0.2 },
    joinToken: { file: `${name}.token` },
    tracks,
    sources: [
      { kind: 'ofTrack', track: 'verbs', settings: { path: join(folder, `${name}.audit`) } },
      { kind: 'traceFile', path: `${name}.tsv` },
    ],
    scoring: { warmUp: 10, alertRate: 0.01 },
    training: { coresMax: 8, rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
    health: { listen: null },
  };
  const file = { path: join(folder, `${name}.yaml`), text: JSON.stringify(config) };
  const client = unwrap(
    await startClient(unwrap(parseClientConfig({ file })), { log: heard.log({ fields: { cluster: name } }) }),
  );
  clients.push(client);
  return client;
}

/** `share`: of the enrolled clusters, those that run the track. */
async function addTrack(
  federation: TestFederation,
  { track, spec, first, share }: Readonly<{ track: TrackId; spec: ModelSpec; first: Float32Array; share: number }>,
) {
  const { engine } = federation.coordinator;
  const policy = unwrap(
    parseTrackPolicy(`
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: ${share} }, overSelection: 1, quorum: { kind: count, updates: 1 }, collectForMs: 100000 }
training: { epochs: 30, stepsMax: 200, batchSize: 8, learningRate: 0.2 }
`),
  );
  const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(first)));
  unwrap(await createTrack(engine, operator, { track, spec, policy, modelDigest, reason: 'test' }));
}

describe('a track that is nothing but a folder and a spec', () => {
  it('goes through rounds of a real coordinator beside another one, judges, raises alerts and takes feedback', async () => {
    const federation = await TestFederation.start();
    const { engine } = federation.coordinator;
    const zeros = new Float32Array(layoutOf(verbSharesSpec).length);
    await addTrack(federation, { track: verbs, spec: verbSharesSpec, first: zeros, share: 1 });
    await addTrack(federation, { track: calls, spec: callSpec, first: initialGramTable(callSpec), share: 0.5 });
    const own = { id: verbs, folder: verbShares };
    const north = await startCluster(federation, 'north', [own, { id: calls, folder: 'syscall' }]);
    const south = await startCluster(federation, 'south', [own]);
    await heard.until(() => heard.saying('connected to a coordinator')[1]);
    // Who is asked before there is something to learn from gives the round up, and nobody opens another one.
    for (const [client, track, least] of [
      [north, verbs, 3],
      [south, verbs, 3],
      [north, calls, 8],
    ] as const) {
      while ((client.tracks.get(track)?.buffer.counts().seen ?? 0) < least)
        await new Promise((go) => setTimeout(go, 20));
    }

    unwrap(await engine.openRound(operator, { track: verbs, reason: 'test' }));
    await federation.until((state) => state.tracks.get(verbs)?.models.length === 2);
    const [, learnt] = engine.state().tracks.get(verbs)?.models ?? [];
    const bytes = unwrap(await engine.blobs.get(parseDigest(learnt?.digest ?? '')));
    const shares = unwrap(valuesOfBytes(layoutOf(verbSharesSpec), bytes));
    // get, list and watch a third each, as both clusters saw them; nobody deleted anything.
    for (const verb of [0, 1, 2]) expect(shares[verb]).toBeCloseTo(1 / 3, 1);
    expect(shares[6]).toBeCloseTo(0, 5);

    // The other track of the same client has rounds of its own, on a buffer of its own.
    unwrap(await engine.openRound(operator, { track: calls, reason: 'test' }));
    await federation.until((state) => state.tracks.get(calls)?.models.length === 2);
    expect(north.tracks.get(calls)?.buffer.counts()).toMatchObject({ seen: 8 });

    await heard.said('model scores now', isOfNorth);
    await appendFile(join(folder, 'north.audit'), requests('checkout', 20, 0, 100_000));
    await appendFile(join(folder, 'north.audit'), requests('checkout', 1, 15, 200_000));
    await heard.said('alert', isOfNorth);
    const file = join(folder, 'north-data', 'alerts.jsonl');
    const alerts = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(alerts.length).toBe(1);
    const alert = JSON.parse(alerts[0] as string) as Alert;
    expect(alert).toMatchObject({
      track: verbs,
      subject: { namespace: 'shop', workload: 'checkout' },
      detail: { counts: { delete: 15 }, carried: [{ verb: 'delete' }, {}, {}] },
    });
    expect(alert.text).toContain('surprising verbs (nats): delete');
    unwrap(await leaveFeedback(join(folder, 'north-data'), alert.id, { verdict: 'confirmed', by: 'ada' }, Date.now()));
    await heard.said('feedback taken in', isOfNorth);
    expect(north.tracks.get(verbs)?.buffer.counts()).toMatchObject({ regression: 1 });
  });

  it('is asked for by name where no folder holds it', () => {
    const parsed = parseClientConfig({
      settings: [
        'dataDirectory=/tmp/x',
        'coordinator.addresses=["127.0.0.1:1"]',
        'tracks=[telepathy, syscall, syscall]',
      ],
    });
    expect(parsed).toMatchObject({ ok: false });
    const message = parsed.ok ? '' : parsed.fault.message;
    expect(message).toContain('tracks: telepathy: telepathy holds no track.ts; built in are');
    expect(message).toContain('tracks: syscall is listed twice');
  });

  it('begins with what testudo model init writes, and scores files from the command line, by options of its own', async () => {
    const at = (name: string) => join(folder, name);
    const made = await runTestudo('model', 'init', at('first'), '--track', verbShares, '--liars', '2');
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('testudo tracks put verb-shares') });
    expect(unwrap(specOfBytes(await readFile(at('first/spec.json'))))).toEqual(verbSharesSpec);
    const first = unwrap(valuesOfBytes(layoutOf(verbSharesSpec), await readFile(at('first/model.bin'))));
    expect([...first]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    const policy = unwrap(parseTrackPolicy(await readFile(at('first/policy.yaml'), 'utf8')));
    expect(policy).toMatchObject({ aggregation: { f: 2 }, training: { epochs: 30, batchSize: 8 } });

    const shares = Float32Array.of(0.5, 0.25, 0.25, 0, 0, 0, 0, 0);
    const files = { 'spec.json': specBytes(verbSharesSpec), 'weights.bin': bytesOfValues(shares) };
    await writeModelFiles(at('model'), new Map(Object.entries(files)));
    await writeFile(at('audit'), `${requests('thief', 1, 15, 0)}{}\n${requests('checkout', 1, 0, 0)}`);
    const words = ['score', '--model', at('model'), '--input', at('audit'), '--output', '-'];
    const scored = await runTestudo(...words, '--track', verbShares);
    expect(scored).toMatchObject({ code: 0, error: '2 observations scored, 1 lines passed over\n' });
    // By hand: 15 deletes (never seen: 0.02 / 8), then get, list, watch, get, list; smoothed shares of the model.
    const nats = (share: number, seen: number) => -share * Math.log(0.98 * seen + 0.02 / 8);
    const thief = nats(15 / 20, 0) + nats(2 / 20, 0.5) + nats(2 / 20, 0.25) + nats(1 / 20, 0.25);
    const checkout = nats(7 / 20, 0.5) + nats(7 / 20, 0.25) + nats(6 / 20, 0.25);
    expect(scored.out).toBe(`shop\tthief\t${thief.toFixed(4)}\nshop\tcheckout\t${checkout.toFixed(4)}\n`);
    const own = await runTestudo(...words, '--track', verbShares, '--account', 'checkout');
    expect(own).toMatchObject({ code: 0, out: `shop\tcheckout\t${checkout.toFixed(4)}\n` });
    // A track.ts anywhere can be named; what it does not offer is refused, and nobody else takes its models.
    expect(await runTestudo('evaluate', '--track', verbShares, ...words.slice(1, 5))).toMatchObject({ code: 2 });
    expect(await runTestudo(...words)).toMatchObject({ code: 1, error: expect.stringMatching(/^MODEL_UNKNOWN: /) });
    const none = await runTestudo(...words, '--track', folder);
    expect(none).toMatchObject({ code: 2, error: expect.stringContaining('holds no track.ts') });
  });

  it('is walked through in the documentation, line by line as it stands', async () => {
    const source = await readFile(join(verbShares, 'track.ts'), 'utf8');
    const page = await readFile(new URL('../docs/adding-a-track.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string);
    // Every line of the file, in order, and nothing else.
    expect(shown.join('\n')).toBe(source);
  });
});
