import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BesiegedClient, type Seen } from '../lab/testing/besieged-client.ts';
import { framed, type HostileCall, type HostileCoordinator } from '../lab/testing/hostile-coordinator.ts';
import { digestOf } from '../proto/digest.ts';
import {
  FetchModelResponse,
  type RoundInvitation,
  RoundOutcome,
  type TrainingPlan,
  WatchResponse,
} from '../proto/generated/testudo/v1/federation.ts';
import { bytesOfValues } from '../proto/layout.ts';
import { type ModelSpec, schemaDigest, specBytes } from '../proto/model-spec.ts';

/**
 * Each case: whoever stole the coordinator's certificate says something that it should not. The client says a code, works
 * for nothing, goes on scoring with its signed release, and finishes a round when the honest coordinator is back; the
 * last two are what `besiege` asserts. One client lives through all of them.
 */
let besieged: BesiegedClient;

beforeAll(async () => {
  besieged = await BesiegedClient.start();
});

afterAll(() => besieged.close());

type Directive = NonNullable<WatchResponse['directive']>;

const heartbeat = (nowMs: bigint = BigInt(Date.now())): Directive => ({ $case: 'heartbeat', value: { nowMs } });
const invited = (value: RoundInvitation): Directive => ({ $case: 'invitation', value });
const closed = (
  value: Partial<{ track: string; round: string; outcome: RoundOutcome; nextRound: string }>,
): Directive => ({
  $case: 'closed',
  value: {
    track: besieged.track,
    round: 'r-1',
    outcome: RoundOutcome.ROUND_OUTCOME_CANDIDATE,
    nextRound: '',
    ...value,
  },
});

/** On each Watch: these directives, then silence. */
function watchers(hostile: HostileCoordinator, ...directives: readonly Directive[]): void {
  hostile.handlers.Watch = (call) => {
    for (const directive of directives) call.say(WatchResponse, { directive });
  };
}

/** Refused with this code and this in its message, and nothing was fetched, trained or sent for it. */
async function refused(hostile: HostileCoordinator, seen: Seen, code: string, message: RegExp): Promise<void> {
  const { fault } = await seen.report('directiveRefused', (report) => report.fault.code === code);
  expect(fault.message).toMatch(message);
  expect(hostile.calls.map(({ method }) => method).filter((method) => /Fetch|Upload|Submit/.test(method))).toEqual([]);
  expect(seen.reports('trained')).toEqual([]);
}

describe('a plan that no policy can have', () => {
  const plans: readonly [string, Partial<TrainingPlan>][] = [
    ['no epochs', { epochs: 0 }],
    ['four billion epochs', { epochs: 2 ** 32 - 1 }],
    ['no steps', { stepsMax: 0 }],
    ['four billion steps', { stepsMax: 2 ** 32 - 1 }],
    ['batches of nothing', { batchSize: 0 }],
    ['batches of four billion', { batchSize: 2 ** 32 - 1 }],
    ['a learning rate that is no number', { learningRate: Number.NaN }],
    ['an infinite learning rate', { learningRate: Number.POSITIVE_INFINITY }],
    ['a negative learning rate', { learningRate: -0.1 }],
    ['a learning rate of 1e300', { learningRate: 1e300 }],
    ['a clip norm that is no number', { clipNorm: Number.NaN }],
    ['a negative clip norm', { clipNorm: -1 }],
    ['an infinite clip norm', { clipNorm: Number.POSITIVE_INFINITY }],
    ['noise without a clip norm', { noiseMultiplier: 1, clipNorm: 0 }],
    ['a billion times the noise', { noiseMultiplier: 1e9, clipNorm: 1 }],
    ['a pull that is no number', { proximalMu: Number.NaN }],
    ['a seed beyond 2^53', { seed: 2n ** 64n - 1n }],
  ];
  it.each(plans)('%s', async (_, plan) => {
    await besieged.besiege(async (hostile, seen) => {
      watchers(hostile, heartbeat(), invited(besieged.invitation({}, { plan })));
      await refused(hostile, seen, 'INVITATION_INVALID', /plan/);
    });
  });
});

/** A spec with everything that belongs to it made to fit, so that only the spec itself is wrong. */
function ofSpec(spec: ModelSpec, json: Uint8Array = specBytes(spec)): Partial<RoundInvitation> {
  const schema = schemaDigest(spec);
  const sizeBytes = BigInt(spec.tensors.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0));
  const digest = digestOf(Buffer.from('some model'));
  return {
    base: { track: besieged.track, version: 0n, digest, schemaDigest: schema, sizeBytes },
    spec: { canonicalJson: Buffer.from(json), schemaDigest: schema },
  };
}

describe('an invitation that is not for this client, or makes no sense', () => {
  const invitations: readonly [string, () => Partial<RoundInvitation>, RegExp][] = [
    ['to another federation', () => ({ federation: 'other' }), /not our federation/],
    ['to a track that does not run here', () => ofTrack('flow'), /not a track of ours/],
    ['of an id that climbs out of its folder', () => ({ round: '../../etc' }), /round is not an id/],
    ['of an empty round', () => ({ round: '' }), /round is not an id/],
    ['without a plan', () => ({ plan: undefined }), /must all be set/],
    ['from a base of no digest', () => ofBase({ digest: 'sha256:../../../etc/passwd' }), /digest/],
    ['from a base of another schema', () => ofBase({ schemaDigest: digestOf(Buffer.from('x')) }), /disagree/],
    ['from a base of another size', () => ofBase({ sizeBytes: 2n ** 63n }), /its spec implies/],
    [
      'for an architecture that nothing here trains',
      () => ofSpec({ ...besieged.spec, architecture: 'lure/1' }),
      /lure/,
    ],
    ['for a model of a pebibyte', () => ofSpec(besieged.spec, hugeSpec), /values in all tensors/],
    ['for a spec that is no JSON', () => ofSpec(besieged.spec, Buffer.from('{"architecture":')), /not JSON/],
    ['for a spec of brackets alone', () => ofSpec(besieged.spec, Buffer.alloc(500_000, '[')), /not JSON/],
    ['for an empty spec', () => ofSpec(besieged.spec, Buffer.alloc(0)), /2 bytes/],
    ['with a key of small order', () => ({ roundKey: Buffer.alloc(32) }), /round key/],
    ['with a key of order 8', () => ({ roundKey: orderEight }), /round key/],
    ['with a key of 31 bytes', () => ({ roundKey: Buffer.alloc(31, 9) }), /round key/],
    ['without a key', () => ({ roundKey: Buffer.alloc(0) }), /round key/],
    ['to a round that is over', () => ({ closesAtMs: BigInt(Date.now() - 60_000) }), /closed \d+ ms ago/],
    ['to a round of a thousand years', () => ({ closesAtMs: BigInt(Date.now()) + 31_536_000_000_000n }), /that long/],
    ['to a round without end', () => ({ closesAtMs: 2n ** 64n - 1n }), /beyond 2\^53/],
  ];
  const hugeSpec = Buffer.from(
    JSON.stringify({ architecture: 'a/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [2 ** 20, 2 ** 28] }] }),
  );
  /** A point of order 8 on Curve25519 (Langley, Hamburg, Turner: RFC 7748, section 7; the list is Bernstein's). */
  const orderEight = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex');
  const ofBase = (over: object) => {
    const { base } = besieged.federation.invitation({ ...besieged, baseBytes: besieged.base, round: 'r-1' });
    return { base: { ...base, ...over } as RoundInvitation['base'] };
  };
  const ofTrack = (track: string) => ({ track, ...ofBase({ track }) });

  it.each(invitations)('%s', async (_, over, message) => {
    await besieged.besiege(async (hostile, seen) => {
      watchers(hostile, heartbeat(), invited(besieged.invitation(over())));
      await refused(hostile, seen, 'INVITATION_INVALID', message);
    });
  });
});

/** Serves these bytes as every model. */
function models(hostile: HostileCoordinator, bytes: Buffer): void {
  hostile.handlers.FetchModel = (call: HostileCall) =>
    call.answer(FetchModelResponse, { offset: 0n, sizeBytes: BigInt(bytes.length), chunk: bytes });
}

describe('a model that can be fetched and cannot be trained', () => {
  it.each([
    ['holds no number', Number.NaN],
    ['is infinite', Number.NEGATIVE_INFINITY],
  ])('%s', async (_, value) => {
    await besieged.besiege(async (hostile, seen) => {
      const bytes = Buffer.from(bytesOfValues(new Float32Array(besieged.base.length / 4).fill(value)));
      models(hostile, bytes);
      watchers(hostile, heartbeat(), invited(besieged.invitation({}, { baseBytes: bytes })));
      const { fault, verdict } = await seen.report('refused');
      expect(fault).toMatchObject({ code: 'MODEL_UNUSABLE', message: expect.stringContaining('tensor evidence') });
      expect(verdict).toBe('giveUp');
      expect(hostile.callsOf('SubmitUpdate')).toEqual([]);
    });
  });

  it('has hyperparameters that do not fit its tensors', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const spec = { ...besieged.spec, hyperparameters: { ...besieged.spec.hyperparameters, slots: 2 ** 24 } };
      models(hostile, besieged.base);
      watchers(hostile, heartbeat(), invited(besieged.invitation({}, { spec })));
      const { fault } = await seen.report('refused');
      expect(fault).toMatchObject({ code: 'MODEL_UNUSABLE', message: expect.stringContaining('model spec') });
      expect(hostile.callsOf('SubmitUpdate')).toEqual([]);
    });
  });
});

describe('directives out of all order', () => {
  it('a clock at the end of time, and one at its beginning', async () => {
    for (const nowMs of [2n ** 64n - 1n, 0n]) {
      await besieged.besiege(async (hostile, seen) => {
        watchers(hostile, heartbeat(nowMs));
        await refused(hostile, seen, 'HEARTBEAT_INVALID', /clock/);
      });
    }
  });

  it('the end of rounds that it cannot know, and a next round of a mebibyte', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const ends = [{ track: 'flow' }, { track: '../x' }, { round: 'r-' }, { nextRound: 'x'.repeat(2 ** 20) }];
      watchers(hostile, heartbeat(), closed({ round: 'r-999999' }), ...ends.map(closed));
      await expect.poll(() => seen.reports('directiveRefused').length).toBe(4);
      for (const { fault } of seen.reports('directiveRefused')) {
        expect(fault.code).toBe('CLOSING_INVALID');
        expect(fault.message.length).toBeLessThan(200);
      }
    });
  });

  it('a directive without anything in it, and one of a kind that is not known', async () => {
    await besieged.besiege(async (hostile, seen) => {
      hostile.handlers.Watch = (call) => {
        call.raw(Buffer.from([0, 0, 0, 0, 0]));
        // Field 15, length-delimited, 2 bytes.
        call.raw(Buffer.from([0, 0, 0, 0, 4, 0x7a, 2, 1, 1]));
        call.say(WatchResponse, { directive: heartbeat(0n) });
      };
      await seen.report('directiveRefused');
    });
  });

  it('the same round again and again, ended and begun anew, with another base each time', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const round = besieged.invitation().round;
      const bases = Array.from({ length: 40 }, (_, at) => Buffer.alloc(besieged.base.length, at));
      const directives = bases.flatMap((baseBytes) => [
        invited(besieged.invitation({ round }, { baseBytes })),
        closed({ round }),
      ]);
      watchers(hostile, heartbeat(), ...directives);
      await expect.poll(() => seen.reports('roundClosed').length).toBe(40);
      expect(seen.reports('trained')).toEqual([]);
      // Beginnings of forty models: at most one is on disk.
      expect(await besieged.bytesOnDisk('models')).toBeLessThanOrEqual(5 * besieged.base.length);
    });
  });

  it('a round that contradicts itself while its base is fetched', async () => {
    await besieged.besiege(async (hostile, seen) => {
      const first = besieged.invitation({}, { baseBytes: Buffer.alloc(besieged.base.length, 1) });
      watchers(hostile, heartbeat(), invited(first), invited({ ...first, closesAtMs: first.closesAtMs + 1n }));
      await hostile.called('FetchModel');
      await expect.poll(() => seen.reports('invited').length).toBe(2);
      expect(seen.reports('trained')).toEqual([]);
    });
  });
});

describe('a flood', () => {
  /** Hung up on with the code; `look` sees what one stream of it brought about. */
  async function flooded(
    directive: () => Directive,
    look: (sentCount: number, seen: Seen, hostile: HostileCoordinator, countMax: number) => void,
  ): Promise<void> {
    // Before the honest coordinator goes: the stream, and its meter with it, is older than the siege by what it took to open it.
    const startedAt = performance.now();
    await besieged.besiege(async (hostile, seen) => {
      const sent = Promise.withResolvers<number>();
      hostile.handlers.Watch = async (call) => {
        // Of one stream alone: the next ones are silent.
        hostile.handlers.Watch = () => undefined;
        sent.resolve(await call.flood(() => framed(WatchResponse.encode({ directive: directive() }).finish())));
      };
      await seen.report('disconnected', ({ fault }) => fault.code === 'WATCH_FLOODED');
      // So many may come at once, and so many more with every second that it took: the stream's meter. One too many is heard
      // before it is counted.
      const countMax = 512 + (16 * (performance.now() - startedAt)) / 1_000 + 1;
      look(await sent.promise, seen, hostile, countMax);
    });
  }

  it('of heartbeats', async () => {
    await flooded(heartbeat, (sentCount) => expect(sentCount).toBeLessThan(5_000));
  });

  it('of invitations to all sorts of rounds, each of which makes the last one void', async () => {
    const baseBytes = Buffer.alloc(besieged.base.length, 3);
    await flooded(
      () => invited(besieged.invitation({}, { baseBytes })),
      (_, seen, hostile, countMax) => {
        expect(seen.reports('invited').length).toBeLessThanOrEqual(countMax);
        expect(seen.reports('trained')).toEqual([]);
        expect(hostile.callsOf('SubmitUpdate')).toEqual([]);
      },
    );
  });

  it('of invitations that make no sense: one in eight as many', async () => {
    await flooded(
      () => invited(besieged.invitation({ roundKey: Buffer.alloc(32) })),
      (_, seen, __, countMax) => expect(seen.reports('directiveRefused').length).toBeLessThanOrEqual(countMax / 8 + 1),
    );
  });
});
