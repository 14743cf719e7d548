import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exposureOf, type LastingCode } from '../../posture/exposure.ts';
import { madeAtMs, madeFacts, madePod } from '../testing/made-facts.ts';
import { logKey, logLaw, logOpened, logSecret, madeDueMs, madeLog } from '../testing/made-log.ts';
import { epochOf } from './lifetimes.ts';
import type { Said } from './record.ts';
import { nothingRecorded, recordLook } from './recorder.ts';
import { LogWriter, RotationLog } from './rotation-log.ts';
import { verifyLog } from './verify.ts';

const hourMs = 3_600_000;
const nothing = { begins: [], waits: [] };

const kinds = (lines: readonly string[], head?: string) =>
  verifyLog(lines, logKey.publicKey, head).findings.map(({ kind, pod }) => `${kind} ${pod ?? ''}`.trim());

describe('verifyLog', () => {
  it('finds nothing where every pod went when its draw said so, and says for how many that is proven', () => {
    const { lines, head } = madeLog(50);
    expect(verifyLog(lines, logKey.publicKey, head)).toMatchObject({ findings: [], pods: 50, proven: 50 });
  });

  it('names the one that was spared, the one that was early and the one that was late among many', () => {
    const { lines } = madeLog(300, (uid, dueMs) => {
      if (uid === 'uid-p7') return null;
      if (uid === 'uid-p11') return Math.max(madeAtMs, dueMs - 120_000);
      return uid === 'uid-p13' ? dueMs + 120_000 : dueMs;
    });
    expect(kinds(lines).sort()).toEqual(['early shop/p11', 'late shop/p13', 'spared shop/p7']);
  });

  const exposed = ['PRIVILEGED', 'HOST_PID', 'RUNS_AS_ROOT', 'ESCALATION'] as const;

  it('finds nothing where exposed pods went as much sooner as the log says that they are exposed', () => {
    const { lines, head } = madeLog(50, undefined, exposed);
    expect(verifyLog(lines, logKey.publicKey, head)).toMatchObject({ findings: [], proven: 50 });
    expect(madeDueMs('uid-p1', exposed) - madeAtMs).toBeCloseTo(
      (madeDueMs('uid-p1') - madeAtMs) / (1 + exposureOf(exposed)),
      3,
    );
  });

  it('names a pod whose spec says another exposure than the log, where somebody has its spec', () => {
    const { lines } = madeLog(3, undefined, exposed);
    const found = (codes: readonly LastingCode[]) =>
      verifyLog(lines, logKey.publicKey, undefined, new Map([['uid-p1', codes]])).findings;
    expect(found(exposed)).toEqual([]);
    expect(found([])).toMatchObject([
      { kind: 'exposure', pod: 'shop/p1', text: expect.stringContaining('its spec says nothing') },
    ]);
  });

  it('names who was picked or spared under the pretext of its exposure', () => {
    // Due by its exposure, and begun when it would be due without: the more is left of a lifetime, the later.
    const spared = madeLog(50, (uid) => madeDueMs(uid), exposed);
    const late = kinds(spared.lines).filter((finding) => finding.startsWith('late'));
    const expected = Array.from({ length: 50 }, (_, at) => `uid-p${at}`).filter(
      (uid) => madeDueMs(uid) - madeDueMs(uid, exposed) > 60_000,
    );
    expect(late).toHaveLength(expected.length);
    expect(late.length).toBeGreaterThan(40);
    // Begun as if it were exposed, and nothing was said of that.
    const picked = madeLog(50, (uid) => madeDueMs(uid, exposed));
    expect(kinds(picked.lines).filter((finding) => finding.startsWith('early')).length).toBeGreaterThan(40);
  });

  it('finds every line that was left out, put in, moved or changed, and an end that was cut off', () => {
    const { lines, head } = madeLog(3);
    for (const at of lines.keys()) {
      if (at < lines.length - 1) expect(kinds(lines.toSpliced(at, 1)), `without ${at}`).toContain('broken');
      expect(kinds(lines.toSpliced(at, 1, (lines[at] as string).replace(/"atMs":(\d)/, '"atMs":9$1')))).toContain(
        'broken',
      );
    }
    expect(kinds(lines.toSpliced(3, 2, lines[4] as string, lines[3] as string))).toContain('broken');
    expect(kinds(lines.slice(0, -1), head)).toContain('broken');
    expect(kinds(lines, head)).toEqual([]);
  });

  it('refuses a key that is not the one that was promised', () => {
    const { lines } = madeLog(3);
    const writer = new LogWriter(logKey, { sequence: lines.length, digest: null });
    const other = writer.write({ kind: 'reveal', epoch: 999_999, key: 'ab'.repeat(32) }, madeAtMs + 27 * hourMs);
    expect(kinds([...lines, other])).toContain('uncommitted');
  });

  it('proves nothing of an epoch whose key is not told yet, and says so by its count', () => {
    const { lines } = madeLog(5);
    const open = lines.filter((line) => !line.includes('"reveal"'));
    expect(verifyLog(open, logKey.publicKey)).toMatchObject({ findings: [], pods: 5, proven: 0 });
  });
});

describe('RotationLog', () => {
  it('says of a pod that went while no agent was there that it is gone: nobody spared it', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'testudo-rotation-log-')), 'rotation.log');
    onTestFinished(() => rm(dirname(path), { recursive: true }));
    const keys = { secret: logSecret, epochMs: 24 * hourMs, law: logLaw };
    const run = async (pods: ReturnType<typeof madePod>[], atsMs: number[]) => {
      const log = await RotationLog.open(path, logSecret);
      let { recorded } = log;
      await log.append([logOpened], atsMs[0] as number);
      for (const atMs of atsMs) {
        const look = recordLook(recorded, madeFacts({ pods }), { begins: [], waits: [] }, keys, atMs);
        recorded = look.recorded;
        await log.append(look.said, atMs);
      }
      await log.close();
    };
    // The agent dies while it evicts, before it could write that it does.
    await run([madePod('a')], [madeAtMs]);
    const backMs = madeAtMs + logLaw.boundMs;
    await run([], [backMs, backMs + 300_000, backMs + 600_000, madeAtMs + 26 * hourMs]);
    const verified = verifyLog((await readFile(path, 'utf8')).split('\n').slice(0, -1), logKey.publicKey);
    expect(verified.findings.filter(({ kind }) => kind !== 'gap')).toEqual([]);
    expect(verified).toMatchObject({ pods: 1, proven: 1 });
  });
});

describe('a log of an agent that knew of no posture', () => {
  it('goes on under one that does: nothing is early or late for it', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'testudo-rotation-log-')), 'rotation.log');
    onTestFinished(() => rm(dirname(path), { recursive: true }));
    const keys = { secret: logSecret, epochMs: 24 * hourMs, law: logLaw };
    const pod = madePod('a', { exposedBy: ['PRIVILEGED', 'HOST_PID', 'HOST_IPC', 'HOST_PATH'] });
    const { said } = recordLook(nothingRecorded, madeFacts({ pods: [pod] }), nothing, keys, madeAtMs);
    const old = await RotationLog.open(path, logSecret);
    const opening: Said = { kind: 'opened', law: logLaw, epochMs: 24 * hourMs, riskWeight: 20 };
    const before = said.map((one) => {
      if (one.kind !== 'seen') return one;
      const { exposedBy: _, ...rest } = one;
      return rest;
    });
    await old.append([opening, ...before], madeAtMs);
    await old.close();
    const log = await RotationLog.open(path, logSecret);
    const dueMs = madeDueMs('uid-a', pod.exposedBy);
    const look = recordLook(log.recorded, madeFacts({ pods: [pod] }), nothing, keys, madeAtMs + 1_000);
    expect(look.said).toMatchObject([{ kind: 'seen', uid: 'uid-a', exposedBy: pod.exposedBy }]);
    await log.append([logOpened, ...look.said], madeAtMs + 1_000);
    for (let atMs = madeAtMs + 200_000; atMs < dueMs; atMs += 200_000) await log.append([{ kind: 'alive' }], atMs);
    await log.append([{ kind: 'begins', uid: 'uid-a', does: 'release' }], dueMs);
    const endMs = madeAtMs + 26 * hourMs;
    const end = recordLook(look.recorded, madeFacts({ pods: [pod] }), nothing, keys, endMs).said;
    await log.append([logOpened, ...end], endMs);
    await log.close();
    const verified = verifyLog((await readFile(path, 'utf8')).split('\n').slice(0, -1), logKey.publicKey);
    expect(verified).toMatchObject({ findings: [], pods: 1, proven: 1 });
  });
});

describe('recordLook', () => {
  const keys = { secret: logSecret, epochMs: 24 * hourMs, law: logLaw };

  it('promises a key before its epoch begins, and tells it only when nobody of it can be due', () => {
    const facts = madeFacts({ pods: [madePod('a')] });
    const first = recordLook(nothingRecorded, facts, { begins: [], waits: [] }, keys, madeAtMs);
    const epoch = epochOf(madeAtMs, keys.epochMs);
    expect(first.said.flatMap((one) => (one.kind === 'epoch' ? [one.epoch] : []))).toEqual([epoch, epoch + 1]);
    const reveals = (now: number) =>
      recordLook(first.recorded, facts, { begins: [], waits: [] }, keys, now).said.filter(
        ({ kind }) => kind === 'reveal',
      );
    const overMs = (epoch + 1) * keys.epochMs + logLaw.boundMs;
    expect(reveals(overMs - 1)).toEqual([]);
    expect(reveals(overMs)).toMatchObject([{ epoch }]);
  });

  it('says each thing once: a pod, a risk, a reason that stays', () => {
    const pod = madePod('a');
    const facts = madeFacts({ pods: [pod], risks: { 'uid-a': [{ atMs: madeAtMs, risk: 1 }] } });
    const look = { begins: [], waits: [{ pod, dueMs: madeAtMs, reason: 'PDB' as const }] };
    const first = recordLook(nothingRecorded, facts, look, keys, madeAtMs);
    expect(first.said.map(({ kind }) => kind)).toEqual(['epoch', 'epoch', 'seen', 'risk', 'waits']);
    expect(recordLook(first.recorded, facts, look, keys, madeAtMs + 1_000).said).toEqual([]);
    const gone = recordLook(first.recorded, madeFacts({ pods: [] }), { begins: [], waits: [] }, keys, madeAtMs + 2_000);
    expect(gone.said).toEqual([{ kind: 'gone', uid: 'uid-a' }]);
  });
});
