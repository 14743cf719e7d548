import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { BesiegedClient, type Seen } from '../lab/testing/besieged-client.ts';
import type { HostileCall, HostileCoordinator } from '../lab/testing/hostile-coordinator.ts';
import { digestOf } from '../proto/digest.ts';
import { openFileSync } from '../proto/envelope/files/sealed-file.ts';
import { signReceipt } from '../proto/envelope/receipt.ts';
import { headerFromWire, receiptToWire } from '../proto/envelope/wire.ts';
import type { Receipt } from '../proto/generated/testudo/v1/common.ts';
import {
  FetchModelResponse,
  type RoundInvitation,
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  type UpdateHeader,
  UploadStatusResponse,
  WatchResponse,
} from '../proto/generated/testudo/v1/federation.ts';
import { faultCodeKey } from '../proto/wire-names.ts';

/** As in hostile-coordinator.test.ts: what a stolen coordinator can do to a model that comes, and to an update that goes. */
let besieged: BesiegedClient;

beforeAll(async () => {
  besieged = await BesiegedClient.start();
});

afterAll(() => besieged.close());

function invite(hostile: HostileCoordinator, ...invitations: readonly RoundInvitation[]): void {
  hostile.handlers.Watch = (call) => {
    call.say(WatchResponse, { directive: { $case: 'heartbeat', value: { nowMs: BigInt(Date.now()) } } });
    for (const value of invitations) call.say(WatchResponse, { directive: { $case: 'invitation', value } });
  };
}

type Piece = Parameters<typeof FetchModelResponse.encode>[0];

describe('a model that is not what it should be', () => {
  const whole = 16_384;
  const piece = (offset: number, chunk: Buffer, sizeBytes = BigInt(whole)): Piece => ({
    offset: BigInt(offset),
    sizeBytes,
    chunk,
  });
  /** What comes instead of the model that is wanted. */
  const cases: readonly [string, string, (wanted: Buffer) => readonly Piece[]][] = [
    ['has other bytes', 'MODEL_DIGEST_MISMATCH', () => [piece(0, Buffer.alloc(whole, 99))]],
    ['is longer than its spec', 'MODEL_CHUNK_OUT_OF_PLACE', () => [piece(0, Buffer.alloc(whole + 4))]],
    ['goes on after its end', 'MODEL_CHUNK_OUT_OF_PLACE', (wanted) => [piece(0, wanted), piece(whole, wanted)]],
    ['ends before its end', 'MODEL_TRUNCATED', (wanted) => [piece(0, wanted.subarray(0, 4_000))]],
    ['is nothing', 'MODEL_TRUNCATED', () => []],
    ['begins in its middle', 'MODEL_CHUNK_OUT_OF_PLACE', (wanted) => [piece(8_192, wanted.subarray(8_192))]],
    ['goes back', 'MODEL_CHUNK_OUT_OF_PLACE', (wanted) => [piece(0, wanted.subarray(0, 64)), piece(0, wanted)]],
    ['claims another size', 'MODEL_CHUNK_OUT_OF_PLACE', (wanted) => [piece(0, wanted, 2n ** 60n)]],
    ['comes in one message of 2 MiB', 'GRPC_RESOURCE_EXHAUSTED', () => [piece(0, Buffer.alloc(2 ** 21))]],
  ];
  it.each(cases)('%s', async (name, code, pieces) => {
    await besieged.besiege(async (hostile, seen) => {
      const wanted = Buffer.alloc(whole, name.length);
      // Once: what came may be the right bytes with something wrong about them, and the next attempt goes on from there.
      hostile.handlers.FetchModel = (call) => {
        hostile.handlers.FetchModel = () => undefined;
        for (const one of pieces(wanted)) call.say(FetchModelResponse, one);
        call.end();
      };
      invite(hostile, besieged.invitation({}, { baseBytes: wanted }));
      const { verdict } = await seen.report('refused', ({ fault }) => fault.code === code);
      expect(verdict).toBe('retry');
      expect(await besieged.bytesOnDisk('models')).toBeLessThanOrEqual(5 * whole);
    });
  });

  it('comes in empty pieces without end: none of it is kept', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const before = await besieged.bytesOnDisk('models');
      hostile.handlers.FetchModel = async (call) => {
        for (let sent = 0; sent < 20_000 && !call.stream.destroyed; sent += 1) {
          call.say(FetchModelResponse, piece(0, Buffer.alloc(0)));
          if (sent % 512 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        call.end();
      };
      invite(hostile, besieged.invitation({}, { baseBytes: Buffer.alloc(16_384, 9) }));
      await seen.report('refused', ({ fault }) => fault.code === 'MODEL_TRUNCATED');
      expect(await besieged.bytesOnDisk('models')).toBeLessThanOrEqual(before);
    });
  });

  it('is begun forty times under forty digests and never ended: one beginning is on disk', async () => {
    await besieged.besiege(async (hostile) => {
      const before = await besieged.bytesOnDisk('models');
      hostile.handlers.FetchModel = (call) => {
        call.say(FetchModelResponse, piece(0, Buffer.alloc(16_000)));
        next();
      };
      let count = 0;
      const begun = Promise.withResolvers<void>();
      const watch = Promise.withResolvers<HostileCall>();
      hostile.handlers.Watch = (call) => watch.resolve(call);
      const next = () => {
        count += 1;
        if (count > 40) return begun.resolve();
        const value = besieged.invitation({}, { baseBytes: Buffer.alloc(16_384, 100 + count) });
        void watch.promise.then((call) => call.say(WatchResponse, { directive: { $case: 'invitation', value } }));
      };
      next();
      await begun.promise;
      await expect.poll(() => besieged.bytesOnDisk('models')).toBeLessThanOrEqual(before + 2 * 16_384);
    });
  });

  it('is refused with a code of four kilobytes', async () => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.FetchModel = (call) =>
        call.end({ 'grpc-status': '7', 'grpc-message': '%1b[2J', [faultCodeKey]: 'A'.repeat(4_096) });
      invite(hostile, besieged.invitation({}, { baseBytes: Buffer.alloc(16_384, 10) }));
      const { fault } = await seen.report('refused');
      expect(fault.code).toBe('GRPC_PERMISSION_DENIED');
      expect(fault.message).not.toContain('\u001b');
    });
  });
});

function holds(receivedBytes: bigint): UploadStatusResponse {
  return { receivedBytes, receipt: undefined };
}

/** The first message of an upload. */
function headerOf(call: HostileCall): UpdateHeader {
  const { part } = SubmitUpdateRequest.decode(call.received.subarray(5, 5 + call.received.readUInt32BE(1)));
  if (part?.$case !== 'header') throw new Error('the upload does not begin with a header');
  return part.value as UpdateHeader;
}

/** The chunks of an upload, put together. */
function sealedOf(call: HostileCall): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at + 5 <= call.received.length; ) {
    const end = at + 5 + call.received.readUInt32BE(at + 1);
    const { part } = SubmitUpdateRequest.decode(call.received.subarray(at + 5, end));
    if (part?.$case === 'chunk') chunks.push(part.value);
    at = end;
  }
  return Buffer.concat(chunks);
}

describe('a receipt that proves nothing', () => {
  const receipts: readonly [string, (real: Receipt, sign: (over: object) => Receipt) => Receipt | undefined][] = [
    ['is missing', () => undefined],
    ['is signed by nobody', (real) => ({ ...real, signature: Buffer.alloc(64) })],
    ['has a signature of one byte', (real) => ({ ...real, signature: Buffer.alloc(1) })],
    ['is signed, for another round', (_, sign) => sign({ round: 'r-424242' })],
    ['is signed, for another cluster', (_, sign) => sign({ cluster: 'south' })],
    ['is signed, for another federation', (_, sign) => sign({ federation: 'other' })],
    ['is signed, for other bytes', (_, sign) => sign({ payload: digestOf(Buffer.from('x')) })],
    ['was signed for another sequence', (real) => ({ ...real, sequence: real.sequence + 1n })],
    ['has a sequence of 2^64 - 1', (real) => ({ ...real, sequence: 2n ** 64n - 1n })],
    ['names a round that climbs', (real) => ({ ...real, round: '../../r-1' })],
  ];
  it.each(receipts)('%s', async (_, forge) => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.UploadStatus = (call) => call.answer(UploadStatusResponse, holds(0n));
      hostile.handlers.SubmitUpdate = async (call) => {
        await call.heard();
        if (call.received.length === 0) return; // A client that stops says nothing.
        const { federation, track, round, cluster, payload } = unwrap(headerFromWire(headerOf(call)));
        const sign = (over: object) => {
          const said = { federation, track, round, cluster, payload, sequence: 1, acceptedAtMs: Date.now(), ...over };
          return receiptToWire(said, signReceipt(said, besieged.federation.coordinator.receiptKeys));
        };
        call.answer(SubmitUpdateResponse, { receipt: forge(sign({}), sign) });
      };
      invite(hostile, besieged.invitation());
      const { verdict } = await seen.report('refused', ({ fault }) => fault.code === 'RECEIPT_INVALID');
      expect(verdict).toBe('retry');
      expect(seen.reports('receipted')).toEqual([]);
    });
  });
});

describe('an upload that is led astray', () => {
  const delivered = (seen: Seen) => seen.reports('receipted');

  it('leaves sealed: what arrives opens with the key of the round alone, and holds nothing in the clear', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-sealed-'));
    try {
      await besieged.besiege(async (hostile, seen) => {
        hostile.handlers.UploadStatus = (call) => call.answer(UploadStatusResponse, holds(0n));
        hostile.handlers.SubmitUpdate = async (call) => {
          await call.heard();
          call.end({ 'grpc-status': '14' });
        };
        invite(hostile, besieged.invitation());
        await seen.report('refused', ({ fault }) => fault.code === 'GRPC_UNAVAILABLE');
        const call = hostile.callsOf('SubmitUpdate')[0] as HostileCall;
        const [sealedPath, plainPath] = [join(folder, 'sealed'), join(folder, 'plain')];
        await writeFile(sealedPath, sealedOf(call));
        const context = unwrap(headerFromWire(headerOf(call)));
        const { roundKeys } = besieged.federation;
        unwrap(openFileSync({ sealedPath, plainPath, context, round: roundKeys, payload: context.payload }));
        const plain = await readFile(plainPath);
        const values = new Float32Array(plain.buffer, plain.byteOffset, plain.length / 4);
        expect(values.some((value) => value !== 0)).toBe(true);
        for (const [at, value] of values.entries()) {
          if (value !== 0) expect(call.received.includes(plain.subarray(at * 4, at * 4 + 8))).toBe(false);
        }
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['one byte more than there is', (bytes: bigint) => bytes + 1n],
    ['2^64 - 1 bytes', () => 2n ** 64n - 1n],
  ])('by a status that claims %s', async (_, claim) => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.UploadStatus = (call) => {
        const { payloadBytes } = seen.reports('kept')[0] ?? { payloadBytes: 0 };
        call.answer(UploadStatusResponse, holds(claim(BigInt(payloadBytes))));
      };
      invite(hostile, besieged.invitation());
      await seen.report('refused', ({ fault }) => fault.code === 'OFFSET_MISMATCH');
      expect(hostile.callsOf('SubmitUpdate')).toEqual([]);
    });
  });

  it('by offsets that go back and forth: it sends what is asked for and waits between attempts', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const offsets = [9_000n, 0n, 16_000n, 1n, 5n];
      hostile.handlers.UploadStatus = (call) => call.answer(UploadStatusResponse, holds(offsets.shift() ?? 0n));
      hostile.handlers.SubmitUpdate = (call) => call.end({ 'grpc-status': '11', [faultCodeKey]: 'OFFSET_MISMATCH' });
      invite(hostile, besieged.invitation());
      await expect.poll(() => seen.reports('refused').length).toBeGreaterThanOrEqual(3);
      expect(seen.reports('refused').every(({ fault }) => fault.code === 'OFFSET_MISMATCH')).toBe(true);
      expect(delivered(seen)).toEqual([]);
    });
  });

  it('by an answer before the first byte', async () => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.UploadStatus = (call) => call.answer(UploadStatusResponse, holds(0n));
      hostile.handlers.SubmitUpdate = (call) => call.answer(SubmitUpdateResponse, { receipt: undefined });
      invite(hostile, besieged.invitation());
      await seen.report('refused', ({ fault }) => fault.code === 'RECEIPT_INVALID');
    });
  });

  it('by a base that is always out of date: it trains three times more and no oftener', async () => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.UploadStatus = (call) => call.end({ 'grpc-status': '10', [faultCodeKey]: 'BASE_MISMATCH' });
      invite(hostile, besieged.invitation());
      await expect.poll(() => seen.reports('refused').length).toBe(4);
      await hostile.called('UploadStatus', 4);
      expect(seen.reports('trained').length).toBe(4);
      expect(besieged.client.uplink?.phaseOf(besieged.track)).toMatchObject({ kind: 'idle', code: 'BASE_MISMATCH' });
    });
  });

  it('by a status that is well and says nothing', async () => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.UploadStatus = (call) => call.end();
      invite(hostile, besieged.invitation());
      await seen.report('refused', ({ fault }) => fault.code.startsWith('GRPC_'));
      expect(delivered(seen)).toEqual([]);
    });
  });
});
