/**
 * The folder of a client that the build of 4e41310 left is opened and goes on: testing/fixtures/README.md.
 * Its certificate, the metadata that it trusts and the deadlines of its updates end within days: the clock here is a
 * simulated one that stands at the moment at which the folder was left. It reaches no coordinator.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../base/canonical-json.ts';
import { unwrap } from '../base/fault.ts';
import { makeLog } from '../base/log.ts';
import { SimulatedTimers } from '../base/simulation/simulated-timers.ts';
import { digestOf } from '../proto/digest.ts';
import { signingKeyPairOf } from '../proto/envelope/crypto/keys.ts';
import { verifyHeader } from '../proto/envelope/header.ts';
import type { Digest, TrackId } from '../proto/ids.ts';
import { trustedRoot } from '../proto/release/trust.ts';
import { startClient } from './client.ts';
import { type ClientConfig, parseClientConfig } from './config.ts';
import { heldModel } from './held-model.ts';
import { openTracks } from './learning/local-track.ts';
import { loadIdentity } from './link/identity-store.ts';
import { AgentStore, type HeldRelease } from './releases/agent-store.ts';
import { ReportOutbox } from './releases/reports/report-outbox.ts';
import { Outbox } from './rounds/outbox.ts';
import type { Alert } from './scoring/alert.ts';
import { AlertStore, alertFolder } from './scoring/alert-store.ts';
import { CursorStore } from './sources/cursor-store.ts';
import { loadDataKey } from './storage/data-key.ts';
import { recordKey } from './storage/sealed-record.ts';

const fixture = fileURLToPath(new URL('./testing/fixtures/north-4e41310', import.meta.url));
const expected = JSON.parse(readFileSync(`${fixture}.expected.json`, 'utf8'));
const tracks = ['syscall', 'verbs'] as TrackId[];
const verbShares = fileURLToPath(new URL('./tracks/testing/verb-shares', import.meta.url));

let parent: string;
let data: string;
let config: ClientConfig;
let dataKey: Buffer;
let timers: SimulatedTimers;

beforeEach(async () => {
  timers = new SimulatedTimers(expected.madeAtMs);
  parent = mkdtempSync(join(tmpdir(), 'testudo-stored-'));
  const archive = ['-f', `${fixture}.tar.gz`, '-C', parent];
  execFileSync('tar', ['--extract', '--gzip', '--preserve-permissions', '--no-same-owner', ...archive]);
  const path = join(parent, 'north', 'client.yaml');
  const kinds = [
    { id: 'syscall', folder: 'syscall' },
    { id: 'verbs', folder: verbShares },
  ];
  // Its coordinator, its sources and the test's own kind of track lay where nothing is now.
  const settings = ['coordinator.addresses=["127.0.0.1:1"]', 'sources=[]', `tracks=${JSON.stringify(kinds)}`];
  config = unwrap(parseClientConfig({ file: { path, text: readFileSync(path, 'utf8') }, settings }));
  data = config.dataDirectory;
  dataKey = unwrap(await loadDataKey(config.dataKey, data));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const identityOf = async () => unwrap(await loadIdentity(data, recordKey(dataKey, 'identity')));
const alertsIn = (file: string): Alert[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('what a client stored', () => {
  it('opens as its identity, to the last byte', async () => {
    const identity = await identityOf();
    const { federation, cluster, signingSeed, receiptKey } = identity;
    const plain = { ...identity, signingSeed: base64(signingSeed), receiptKey: base64(receiptKey) };
    expect({
      federation,
      cluster,
      signingKey: base64(signingKeyPairOf(signingSeed).publicKey),
      receiptKey: base64(receiptKey),
      all: digestOf(Buffer.from(canonicalJson(plain))),
    }).toEqual(expected.identity);
  });

  it('opens as examples in their parts, alerts with what raised them, and privacy spent', async () => {
    const alerts = alertsIn(join(data, 'alerts.jsonl'));
    const opened = unwrap(await openTracks(config, dataKey, timers.now()));
    for (const { id, kind, buffer, ledger } of opened.values()) {
      const { examples, unreadable } = buffer.read(['recent', 'reservoir', 'hard', 'regression']);
      expect(unreadable).toBe(0);
      const store = new AlertStore(alertFolder(data, id), '', recordKey(dataKey, 'alerts'), kind.examples);
      const raised = alerts.map(async ({ id: alert, track }) =>
        track === id ? [[alert, digestOf(kind.examples.encode(unwrap(await store.example(alert))))]] : [],
      );
      expect({
        counts: buffer.counts(),
        examples: digestOf(Buffer.concat(examples.map((one) => kind.examples.encode(one)))),
        alerts: Object.fromEntries((await Promise.all(raised)).flat()),
        epsilon: String(ledger.epsilon),
        exampleEpsilon: String(ledger.exampleEpsilon),
      }).toEqual(expected.tracks[id]);
      buffer.close();
    }
    expect([...opened.keys()]).toEqual(Object.keys(expected.tracks));
  });

  it('opens as updates on their way, signed and whole, one of them with its receipt', async () => {
    const outbox = new Outbox(join(data, 'outbox'));
    const { publicKey } = signingKeyPairOf((await identityOf()).signingSeed);
    for (const track of tracks) {
      const { kept, sequence = null } = (await outbox.restore(track)) ?? expect.fail(`nothing was kept of ${track}`);
      const { header, signature, round } = kept;
      unwrap(verifyHeader(header, signature, publicKey));
      expect(digestOf(readFileSync(outbox.sealedPath(track, round)))).toBe(header.payload);
      const { payload, exampleCount } = header;
      expect({ round, payload, exampleCount, sequence }).toEqual(expected.outbox[track]);
    }
  });

  it('opens as reports that wait, and as where each source goes on', async () => {
    expect((await ReportOutbox.open(join(data, 'agent', 'reports.json'))).waiting).toBe(expected.reportsWaiting);
    const cursors = new CursorStore(join(data, 'cursors'));
    for (const [source, position] of Object.entries(expected.cursors)) {
      expect(await cursors.load(source)).toEqual(position);
    }
    expect(readdirSync(join(data, 'cursors')).length).toBe(Object.keys(expected.cursors).length);
  });

  it('opens as trust, floors and releases, whose models are whole', async () => {
    const { state, found } = await AgentStore.open(join(data, 'agent'));
    expect(found).toEqual({ fault: undefined, isCopy: false, setAside: [] });
    const trust = state.trust ?? expect.fail('no trust');
    const said = ({ target, because }: HeldRelease) => ({ version: target.version, because });
    const held = Object.entries(state.tracks).map(([track, { live, earlier }]) => [
      track,
      { live: live && said(live), earlier: earlier.map(said) },
    ]);
    expect({
      rootVersion: trustedRoot(trust).version,
      pinsVersion: trust.accepted?.pins?.version,
      floors: trust.floors,
      expiresAtMs: state.expiresAtMs,
      tracks: Object.fromEntries(held),
    }).toEqual(expected.agent);
    for (const { live, earlier } of Object.values(state.tracks)) {
      for (const one of [live, ...earlier]) unwrap(await heldModel(data, one?.target.manifest.digest as Digest));
    }
  });
});

describe('a client that starts on what another stored', () => {
  it('runs the releases of then without a coordinator, takes waiting feedback in, and raises alerts', async () => {
    const restored: unknown[] = [];
    const client = unwrap(
      await startClient(config, {
        log: makeLog('silent'),
        timers,
        judged: true,
        onAgentEvent: (event) => {
          if (event.kind === 'restored') restored.push([event.track, event.version]);
        },
      }),
    );
    try {
      const lives = tracks.map((track) => [track, expected.agent.tracks[track].live.version]);
      expect(restored).toEqual(lives);
      const { rootVersion, pinsVersion, floors } = expected.agent;
      const view = client.agent?.view();
      const { reportsWaiting } = expected;
      expect(view).toMatchObject({
        connected: false,
        rootVersion,
        pinsVersion,
        metadataExpired: false,
        reportsWaiting,
      });
      for (const track of tracks) {
        const { live, earlier } = expected.agent.tracks[track];
        expect(view?.tracks[track]).toMatchObject({
          live,
          floor: floors[track],
          earlier: earlier.map(({ version }: { version: number }) => version),
        });
      }
      await expect.poll(() => client.readiness().checks.enrolled).toBe(true);
      const phases = () => tracks.map((track) => client.uplink?.phaseOf(track)?.kind);
      await expect.poll(phases).toEqual(['delivering', 'delivered']);
      await expect.poll(() => client.tracks.get('syscall' as TrackId)?.buffer.counts().hard).toBe(1);
      expect(alertsIn(join(data, 'alerts.jsonl')).length).toBe(2);
      const one = { namespace: 'shop', account: 'checkout', verb: 'get', atMs: 300_000 };
      const requests = (...counts: number[]) => ({ ...one, first: one, last: one, counts });
      const normal = await client.observe('verbs' as TrackId, [
        requests(7, 6, 7, 0, 0, 0, 0, 0),
        requests(2, 2, 1, 0, 0, 0, 15, 0),
      ]);
      expect(normal.length).toBe(1);
      expect(alertsIn(join(data, 'alerts.jsonl')).at(-1)).toMatchObject({
        track: 'verbs',
        modelVersion: expected.agent.tracks.verbs.live.version,
        detail: { counts: { delete: 15 } },
      });
    } finally {
      await client.close();
    }
    expect(readFileSync(join(data, 'feedback.jsonl'), 'utf8')).toContain('"verdict":"false-positive"');
  });

  it('runs them on a year later, when everything that was signed has expired', async () => {
    const yearLater = new SimulatedTimers(expected.madeAtMs + 366 * 86_400_000);
    const client = unwrap(await startClient(config, { log: makeLog('silent'), timers: yearLater }));
    const view = client.agent?.view();
    await client.close();
    expect(view).toMatchObject({ metadataExpired: true, lastFault: { code: 'METADATA_EXPIRED' } });
    for (const track of tracks) {
      const { version } = expected.agent.tracks[track].live;
      expect(view?.tracks[track]).toMatchObject({ live: { version }, floor: expected.agent.floors[track] });
    }
  });
});
