import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { patienceMs } from '../../access/pace.ts';
import { type UploadCaps, UploadGate } from './upload-gate.ts';

const caps: UploadCaps = { atOnceMax: 2, perPeerMax: 1, waitingMax: 1, attemptsMax: 2 };
const never = new AbortController().signal;
const upload = (peer: string, payload = 'p') => ({ peer, round: 'syscall/r-1', payload });

describe('UploadGate', () => {
  it('lets uploads in up to the cap, then in the order in which they came', async () => {
    const gate = new UploadGate(caps);
    const leaveA = unwrap(await gate.enter(upload('a'), never));
    unwrap(await gate.enter(upload('b'), never));
    let entered = false;
    const waiting = gate.enter(upload('c'), never).then((result) => {
      entered = true;
      return result;
    });
    await Promise.resolve();
    expect(entered).toBe(false);
    expect(await gate.enter(upload('d'), never)).toMatchObject({ ok: false, fault: { code: 'UPLOADS_BUSY' } });
    leaveA();
    expect((await waiting).ok).toBe(true);
  });

  it('counts one peer alone, and frees its place when it leaves', async () => {
    const gate = new UploadGate(caps);
    const leave = unwrap(await gate.enter(upload('a'), never));
    expect(await gate.enter(upload('a'), never)).toMatchObject({ ok: false, fault: { code: 'UPLOADS_BUSY' } });
    leave();
    expect((await gate.enter(upload('a'), never)).ok).toBe(true);
  });

  it('forgets who hung up while waiting', async () => {
    const gate = new UploadGate({ ...caps, atOnceMax: 1 });
    const leave = unwrap(await gate.enter(upload('a'), never));
    const abort = new AbortController();
    const waiting = gate.enter(upload('b'), abort.signal);
    abort.abort();
    expect(await waiting).toMatchObject({ ok: false, fault: { code: 'CALL_CANCELLED' } });
    leave();
    expect((await gate.enter(upload('b'), never)).ok).toBe(true);
  });

  it('bounds the payloads that a peer begins in a round, but not how often it resumes one', async () => {
    const gate = new UploadGate(caps);
    for (const payload of ['p', 'q', 'p', 'q', 'q']) unwrap(await gate.enter(upload('a', payload), never))();
    expect(await gate.enter(upload('a', 'r'), never)).toMatchObject({ ok: false, fault: { code: 'UPLOADS_BUSY' } });
    unwrap(await gate.enter(upload('b', 'r'), never))();
    gate.forgetRound('syscall/r-1');
    expect((await gate.enter(upload('a', 'r'), never)).ok).toBe(true);
  });
});

describe('patienceMs', () => {
  const pace = { idleMsMax: 20_000, graceMs: 30_000, bytesPerSecondMin: 1000 };

  it('waits the idle time of a fast upload, less of one that lags, not at all of one that is too slow', () => {
    expect(patienceMs(pace, 0, 0)).toBe(20_000);
    expect(patienceMs(pace, 1_000_000, 500_000)).toBe(20_000);
    expect(patienceMs(pace, 10_000, 35_000)).toBe(5_000);
    expect(patienceMs(pace, 10_000, 40_000)).toBe(0);
    expect(patienceMs(pace, 10_000, 99_000)).toBe(0);
  });
});
