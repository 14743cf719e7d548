import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { antibodiesFile, antibodyBytes } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { distinctAntigens } from '../antibodies/distinct-antigens.ts';
import { makeAntibody } from '../antibodies/make-antibody.ts';
import { parseClientConfig } from '../config.ts';
import { ExampleBuffer } from '../learning/example-buffer.ts';
import { openTracks } from '../learning/local-track.ts';
import { createMetrics } from '../observability/metrics.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import { traceAntigens } from '../tracks/syscall/traces/antigens.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { trackKind } from '../tracks/syscall/track.ts';
import { moduleOfKind } from '../tracks/track-kinds.ts';
import { LiveScoring } from './live-scoring.ts';
import { nameOf, type ScoringModel } from './score-protocol.ts';
import { Scorer, scoringHere } from './scoring-thread.ts';

const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
const calls =
  (...more: number[]) =>
  (at: number) =>
    Uint16Array.from([
      2,
      0,
      0,
      3,
      ...more,
      2,
      ...(at % 3 === 0 ? [0, 0] : [0]),
      3,
      ...new Array<number>(at % 5).fill(1),
      231,
    ]);
const [normal, attack] = [calls(8, 9), calls(41, 42, 33, 33, 59)];
const buffer = { recent: 100, reservoir: 100, hard: 10, regression: 10 };
const atMs = 5_000;
const normalTraces = Array.from({ length: 40 }, (_, at) => ({ workload: 'nginx', calls: normal(at) }));
const metrics = createMetrics();

let folder: string;
let release: ScoringModel;
let brought: Readonly<{ digest: ScoringModel['digest']; path: string }>;
let antibody: Readonly<{ digest: ScoringModel['digest']; path: string }>;
const scorers: Scorer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-held-'));
  const file = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(folder, name), bytes);
    return { digest: digestOf(bytes), path: join(folder, name) };
  };
  const opened = unwrap(ExampleBuffer.open(join(folder, 'e.db'), Buffer.alloc(32, 1), trackKind.examples, buffer));
  unwrap(opened.add(normalTraces, 1));
  opened.close();
  const head = {
    ...{ federation: parseFederationId('herd'), track: parseTrackId('syscall'), cluster: parseClusterId('eu') },
    ...{ family: 'reverse_shell', madeAtMs: 1, expiresAtMs: atMs + 1 },
  };
  const antigens = (of: (at: number) => Uint16Array) =>
    distinctAntigens(Array.from({ length: 20 }, (_, at) => traceAntigens(of(at))));
  const made = makeAntibody(head, antigens(attack), antigens(normal));
  if (made === undefined) throw new Error('nothing tells the attack from what is normal');
  antibody = await file('antibody.json', antibodyBytes(made));
  brought = await file('antibodies.jsonl', antibodiesFile([antibodyBytes(made)]));
  const weights = await file('weights.bin', bytesOfValues(initialGramTable(spec)));
  release = {
    ...{ kindModule: moduleOfKind('syscall') as string, spec, version: 1, digest: weights.digest },
    ...{ weightsPath: weights.path, antibodies: brought, bufferPath: join(folder, 'e.db') },
    ...{ bufferSizes: buffer, dataKey: Buffer.alloc(32, 1) },
  };
});

afterAll(async () => {
  await Promise.all(scorers.map((scorer) => scorer.close()));
  await rm(folder, { recursive: true, force: true });
});

/** What its calibration says, and whether an alert on the attack would name the antibody. */
async function ran(model: ScoringModel, nowMs = atMs) {
  const scorer = new Scorer(scoringHere());
  scorers.push(scorer);
  const { remarks } = unwrap(await scorer.load(model, nowMs));
  unwrap(await scorer.swap(nameOf(model)));
  const why = unwrap(await scorer.explain(nameOf(model), { workload: 'nginx', calls: attack(1) }, 0));
  return { remarks: remarks.join('\n'), isFound: why.text.includes('looks like reverse_shell') };
}

describe('antibodies that operators hold a cluster to', () => {
  it('are those of the release where there is no pin', async () => {
    const { remarks, isFound } = await ran(release);
    expect(isFound).toBe(true);
    expect(remarks).toContain('antibody reverse_shell of eu (');
    expect(remarks).not.toContain('is held');
  });

  it('are not used where a pin says so, and the model is another one by name', async () => {
    const held = { ...release, heldAntibodies: [{ digest: antibody.digest, because: 'pin p1 (ada: false alarms)' }] };
    expect(nameOf(held)).not.toBe(nameOf(release));
    const { remarks, isFound } = await ran(held);
    expect(isFound).toBe(false);
    expect(remarks).toMatch(/reverse_shell of eu \([0-9a-f]{12}\) is held out of use: pin p1 \(ada: false alarms\)/);
  });

  it('stay in use past their end, and where the release does not bring them', async () => {
    const late = atMs + 9;
    expect(await ran(release, late)).toMatchObject({
      isFound: false,
      remarks: expect.stringContaining('have expired'),
    });
    const heldAntibodies = [{ ...antibody, because: 'pin p2 (ada: still needed)' }];
    const { antibodies: _, ...without } = release;
    expect(await ran(without)).toMatchObject({ isFound: false });
    for (const model of [
      { ...release, heldAntibodies },
      { ...without, heldAntibodies },
    ]) {
      expect(await ran(model, late)).toMatchObject({
        isFound: true,
        remarks: expect.stringContaining('is held in use: pin p2'),
      });
    }
  });
});

describe('an antibody that ends while what it came with runs', () => {
  it('is used no more, and is used again where the clock that ended it is set back', async () => {
    const timers = new ShiftedTimers(0);
    // By this clock it has a minute left.
    timers.byMs = atMs + 1 - 60_000 - timers.now();
    const text = JSON.stringify({ dataDirectory: folder, coordinator: { addresses: ['127.0.0.1:1'] } });
    const config = unwrap(parseClientConfig({ file: { path: join(folder, 'client.yaml'), text } }));
    const local = unwrap(await openTracks(config, release.dataKey, 1)).get(parseTrackId('syscall'));
    if (local === undefined) throw new Error('the track was not opened');
    onTestFinished(() => local.buffer.close());
    unwrap(local.buffer.add(normalTraces, 1));
    const log = makeLog('silent');
    const onRisk = () => undefined;
    const scoring = new LiveScoring({
      config,
      track: local,
      dataKey: Buffer.alloc(32, 1),
      onRisk,
      metrics,
      log,
      timers,
    });
    onTestFinished(() => scoring.close());
    scoring.start();
    await scoring.install(release);
    const until = async (expected: string) => {
      while (!scoring.remarks.join('\n').includes(expected)) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await until('used for nginx');
    timers.byMs += 3_600_000;
    await until('have expired and are passed over: 1');
    expect(scoring.remarks.join('\n')).not.toContain('used for nginx');
    timers.byMs -= 3_600_000;
    await until('used for nginx');
    expect(scoring.remarks.join('\n')).not.toContain('expired');
  });
});
