import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClusterId } from '../../proto/ids.ts';
import type { Actor } from '../ledger/journal/events.ts';
import { type Refusal, RefusalMeter, refusalCaps } from './refusal-meter.ts';
import { alarming } from './refusals.ts';

const cluster = (name: string): Actor => ({ kind: 'cluster', cluster: parseClusterId(name) });
const stranger = (address: string): Actor => ({ kind: 'stranger', address });
const refusal = (code: string, more: Partial<Refusal> = {}): Refusal => ({
  what: 'update',
  code,
  cause: 'why',
  alarm: alarming.has(code),
  ...more,
});

type Call = Readonly<{ actor: Actor; refusal: Refusal; afterMs: number }>;
const codes = ['ROUND_NOT_FOUND', 'HEADER_INVALID', 'RATE_LIMITED', 'SIGNATURE_INVALID', 'UPDATE_CONFLICT'] as const;
const call: fc.Arbitrary<Call> = fc.record({
  actor: fc.constantFrom(cluster('liar'), cluster('liar'), cluster('b'), stranger('192.0.2.1'), stranger('192.0.2.2')),
  refusal: fc
    .record({ code: fc.constantFrom(...codes), round: fc.nat().map((at) => `r-${at}`), cluster: fc.string() })
    .map(({ code, round, cluster }) => refusal(code, { round, cluster })),
  afterMs: fc.constantFrom(0, 0, 0, 0, 1, 400, 70_000),
});

type Written = Readonly<{ actor: Actor; code: string; alarm: boolean; stands: number; own: boolean; minute: number }>;

/** A coordinator that asks for the sums before each refusal, and at the end. */
function run(calls: readonly Call[]): Written[] {
  const meter = new RefusalMeter();
  let nowMs = 0;
  let minute = 0;
  const written: Written[] = [];
  const note = (drafts: ReturnType<RefusalMeter['flush']>, own: boolean) => {
    for (const { actor, event } of drafts) {
      written.push({ actor, code: event.code, alarm: event.alarm, stands: event.repeats + 1, own, minute });
    }
  };
  let startedMs: number | undefined;
  for (const { actor, refusal, afterMs } of calls) {
    nowMs += afterMs;
    note(meter.flush(nowMs), false);
    if (startedMs === undefined || nowMs - startedMs >= refusalCaps.windowMs) {
      startedMs = nowMs;
      minute += 1;
    }
    const draft = meter.take(actor, refusal, nowMs);
    note(draft === undefined ? [] : [draft], true);
  }
  note(meter.flush(0, true), false);
  return written;
}

describe('RefusalMeter', () => {
  it('writes or sums up each refusal exactly once, code by code, whoever sends what', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 400 }), (calls) => {
        const written = run(calls);
        for (const code of codes) {
          const refused = calls.filter(({ refusal }) => refusal.code === code).length;
          const stands = written.filter((entry) => entry.code === code).reduce((sum, { stands }) => sum + stands, 0);
          expect(stands).toBe(refused);
        }
      }),
    );
  });

  it('always writes the first alarms of a peer, whatever the others did before', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 400 }), (flood) => {
        const victim = cluster('honest');
        const others = flood.map((one) => ({ ...one, afterMs: 0 }));
        const alarms = ['UPDATE_CONFLICT', 'PAYLOAD_REUSED', 'SIGNATURE_INVALID'];
        const calls = [...others, ...alarms.map((code) => ({ actor: victim, refusal: refusal(code), afterMs: 0 }))];
        const own = run(calls).filter((entry) => entry.own && entry.actor === victim);
        expect(own.map(({ code }) => code)).toEqual(alarms);
      }),
    );
  });

  it('writes no more entries of one peer in a minute than its allowance and its alarms', () => {
    const rounds = (code: string, count: number) =>
      Array.from({ length: count }, (_, at) => ({
        actor: cluster('liar'),
        refusal: refusal(code, { round: `r-${at}`, track: `t-${at}`, cluster: `c-${at}`, payloadDigest: `${at}` }),
        afterMs: 1,
      }));
    const ordinary = Array.from({ length: 100 }, (_, at) => `CODE_${at}`);
    const calls = [...ordinary, 'SIGNATURE_INVALID', 'CLUSTER_MISMATCH'].flatMap((code) => rounds(code, 100));
    const own = run(calls).filter((entry) => entry.own);
    expect(own.filter(({ alarm }) => !alarm)).toHaveLength(refusalCaps.ofPeer);
    expect(own.filter(({ alarm }) => alarm)).toHaveLength(2 * refusalCaps.ofPeerAndCode);
  });

  it('bounds what all peers together write, and gives alarms room beside it', () => {
    const crowd = Array.from({ length: 1_000 }, (_, at) => cluster(`c-${at}`));
    const noise = crowd.map((actor) => ({ actor, refusal: refusal('HEADER_INVALID'), afterMs: 0 }));
    const alarms = crowd.map((actor) => ({ actor, refusal: refusal('UPDATE_CONFLICT'), afterMs: 0 }));
    const own = run([...noise, ...alarms]).filter((entry) => entry.own);
    expect(own.filter(({ alarm }) => !alarm)).toHaveLength(refusalCaps.inAll);
    expect(own.filter(({ alarm }) => alarm)).toHaveLength(1_000);
  });

  it('keeps all strangers to one allowance, but tells used tokens of different clusters apart', () => {
    const addresses = Array.from({ length: 500 }, (_, at) => stranger(`192.0.2.${at}`));
    const guesses = addresses.map((actor) => ({ actor, refusal: refusal('TOKEN_UNKNOWN'), afterMs: 0 }));
    const used = (of: string, count: number) =>
      addresses.slice(0, count).map((actor) => ({
        actor,
        refusal: refusal('TOKEN_USED', { cluster: of }),
        afterMs: 0,
      }));
    const own = run([...guesses, ...used('a', 100), ...used('b', 1)]).filter((entry) => entry.own);
    const count = (code: string) => own.filter((entry) => entry.code === code).length;
    expect(count('TOKEN_UNKNOWN')).toBe(refusalCaps.ofPeerAndCode);
    expect(count('TOKEN_USED')).toBe(refusalCaps.ofPeerAndCode + 1);
  });

  it('says in a sum what all of them share and nothing else', () => {
    const meter = new RefusalMeter();
    for (let count = 0; count < 12; count++)
      meter.take(cluster('liar'), refusal('ROUND_NOT_FOUND', { track: 'syscall', round: `r-${count}` }), 0);
    expect(meter.flush(refusalCaps.windowMs)).toMatchObject([
      { event: { track: 'syscall', round: null, repeats: 1, code: 'ROUND_NOT_FOUND' } },
    ]);
    expect(meter.flush(2 * refusalCaps.windowMs)).toEqual([]);
  });

  it('ends its minute when the clock goes back', () => {
    const meter = new RefusalMeter();
    for (let count = 0; count < 11; count++) meter.take(cluster('liar'), refusal('ROUND_NOT_FOUND'), 90_000);
    expect(meter.flush(90_001)).toEqual([]);
    expect(meter.flush(10_000)).toHaveLength(1);
    expect(meter.take(cluster('liar'), refusal('ROUND_NOT_FOUND'), 10_000)).toBeDefined();
  });
});
