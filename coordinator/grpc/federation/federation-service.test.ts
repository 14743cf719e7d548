import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import type { FetchModelResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import { faultOf, type TestCluster } from '../../testing/cluster.ts';
import { TestFederation, track } from '../../testing/federation.ts';

const values = 150_000; // Three chunks.

async function fetch(member: TestCluster, digest: string, offset = 0n): Promise<Buffer | string> {
  const pieces: Buffer[] = [];
  try {
    let expected = offset;
    let size: bigint | undefined;
    for await (const response of member.client.fetchModel({ digest, offset }) as AsyncIterable<FetchModelResponse>) {
      expect(response.offset).toBe(expected);
      expect(response.sizeBytes).toBe(size ?? response.sizeBytes);
      size = response.sizeBytes;
      expected += BigInt(response.chunk.byteLength);
      pieces.push(response.chunk);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    const fault = faultOf(error as never);
    return fault.ok ? '' : fault.fault.code;
  }
}

describe('FetchModel', () => {
  it('gives a model whole or from an offset, the same bytes to all, and no other blob to anyone', async () => {
    const federation = await TestFederation.start({ values });
    const [a, b] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster];
    const { base } = await a.invitation();
    const digest = base?.digest as string;
    const [whole, again] = (await Promise.all([fetch(a, digest), fetch(b, digest)])) as [Buffer, Buffer];
    expect(`sha256:${createHash('sha256').update(whole).digest('hex')}`).toBe(digest);
    expect(again.equals(whole)).toBe(true);
    for (const offset of [1, 262_144, 300_001, 4 * values]) {
      const rest = (await fetch(a, digest, BigInt(offset))) as Buffer;
      expect(rest.equals(whole.subarray(offset))).toBe(true);
    }
    expect(await fetch(a, digest, BigInt(4 * values + 1))).toBe('OFFSET_BEYOND_END');
    expect(await fetch(a, 'nonsense')).toBe('MODEL_UNKNOWN');
    const { payloadDigest } = unwrap(await a.submit(new Float32Array(values).fill(0.01)));
    expect(await federation.coordinator.engine.blobs.has(payloadDigest as never)).toBe(true);
    expect(await fetch(b, payloadDigest)).toBe('MODEL_UNKNOWN'); // Another cluster's sealed update.
  });
});

describe('FetchModel under load', () => {
  const manyValues = 2_000_000; // 31 messages; grpc-js reads 16 of them ahead.

  /** A fetch that is under way and whose reader has stopped reading. */
  async function stalledFetch(member: TestCluster, digest: string) {
    const stream = member.client.fetchModel({ digest, offset: 0n });
    const fault = new Promise<string>((resolve) => {
      stream.on('error', (error) => {
        const outcome = faultOf(error as never);
        resolve(outcome.ok ? '' : outcome.fault.code);
      });
    });
    await new Promise((resolve) => stream.once('readable', resolve));
    return { stream, fault };
  }

  it('refuses a cluster one fetch too many, and everyone when all places are taken, until one is free', async () => {
    const settings = ['fetches.atOnceMax=2', 'fetches.perClusterMax=1', 'fetches.waitingMax=0'];
    const federation = await TestFederation.start({ values: manyValues, settings });
    const [a, b, c] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster, TestCluster];
    const digest = (await a.invitation()).base?.digest as string;
    const ofA = await stalledFetch(a, digest);
    expect(await fetch(a, digest)).toBe('FETCHES_BUSY');
    const ofB = await stalledFetch(b, digest);
    expect(await fetch(c, digest)).toBe('FETCHES_BUSY');
    ofA.stream.cancel();
    let served = await fetch(c, digest);
    while (served === 'FETCHES_BUSY') served = await fetch(c, digest); // The hang-up is still on its way.
    expect((served as Buffer).byteLength).toBe(4 * manyValues);
    ofB.stream.cancel();
    expect(await federation.refusals()).toContain('FETCHES_BUSY');
  });

  it('cuts a reader that has stopped reading, and others go on', async () => {
    const settings = ['fetches.atOnceMax=1', 'fetches.perClusterMax=1', 'uploads.idleSecondsMax=1'];
    const federation = await TestFederation.start({ values: manyValues, settings });
    const [a, b] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster];
    const digest = (await a.invitation()).base?.digest as string;
    const stalled = await stalledFetch(a, digest);
    const waited = (await fetch(b, digest)) as Buffer; // Waits for its turn.
    expect(waited.byteLength).toBe(4 * manyValues);
    stalled.stream.resume();
    expect(await stalled.fault).toBe('PEER_TOO_SLOW');
  });
});

describe('Watch', () => {
  it('has a bounded number of streams of one cluster, and of all', async () => {
    const settings = ['watches.atOnceMax=2', 'watches.perClusterMax=1'];
    const federation = await TestFederation.start({ settings });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
    await a?.watch([track]);
    const again = await federation.reconnect(a as TestCluster);
    await again.watch(['another']);
    expect(await again.watchFault).toBe('WATCHES_BUSY');
    await b?.watch([track]);
    await c?.watch([track]);
    expect(await c?.watchFault).toBe('WATCHES_BUSY');
    expect(federation.coordinator.engine.connected().has('a' as never)).toBe(true);
    expect(federation.coordinator.engine.connected().has('c' as never)).toBe(false);
  });

  it('keeps the newest stream of a cluster and track, and tells it what is open', async () => {
    const federation = await TestFederation.start();
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const again = await federation.reconnect(a);
    again.received.length = 0;
    await again.watch([track]);
    expect(await a.watchFault).toBe('STREAM_REPLACED');
    expect((await again.invitation()).round).toBe('r-1');
    expect(federation.coordinator.engine.connected().has('a' as never)).toBe(true);
  });

  it('refuses lists of tracks that are none', async () => {
    const federation = await TestFederation.start();
    const a = await federation.enrol('a');
    for (const tracks of [[], ['Syscall'], ['x', 'x'], Array.from({ length: 17 }, (_, at) => `t${at}`)]) {
      await a.watch(tracks);
      expect(await a.watchFault).toBe('REQUEST_INVALID');
    }
  });

  it('is told to come back later when the coordinator stops', async () => {
    const federation = await TestFederation.start();
    const a = await federation.enrol('a');
    await a.watch([track]);
    await federation.coordinator.close();
    expect(await a.watchFault).toBe('DRAINING');
  });
});

describe('health', () => {
  it('says that it lives, that it is ready, and counts; nothing else is served', async () => {
    const federation = await TestFederation.start();
    await federation.enrol('a');
    const at = `http://${federation.coordinator.addresses.health}`;
    const get = async (path: string, method = 'GET') => {
      const response = await globalThis.fetch(`${at}${path}`, { method });
      return { code: response.status, text: await response.text() };
    };
    expect(await get('/healthz')).toMatchObject({ code: 200 });
    expect(await get('/readyz')).toMatchObject({ code: 200, text: 'ready\n' });
    const { text } = await get('/metrics');
    expect(text).toContain('testudo_call_seconds_count{method="/testudo.v1.Enrolment/Enrol",code="OK"} 1');
    expect(text).toMatch(/testudo_journal_fsync_seconds_count [1-9]/);
    expect(await get('/etc/passwd')).toMatchObject({ code: 404 });
    expect(await get('/metrics', 'POST')).toMatchObject({ code: 405 });
  });
});
