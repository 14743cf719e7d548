import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../digest.ts';
import { newRoundKeyPair } from '../crypto/keys.ts';
import { sealedLength } from '../format.ts';
import { codeOf, sampleContext, sealSample } from '../samples.ts';
import { EnvelopeWorker } from './envelope-worker.ts';

const round = newRoundKeyPair();
const roundPublicKey = round.publicKey;
const childPath = fileURLToPath(new URL('../testing/sealing-child.ts', import.meta.url));
let dir: string;
let worker: EnvelopeWorker;
const at = (name: string) => path.join(dir, name);
const valuesOf = (length: number) => Float32Array.from({ length }, (_, n) => n / 3);
const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-worker-'));
  worker = new EnvelopeWorker();
});
afterEach(async () => {
  await worker.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('EnvelopeWorker', () => {
  it('seals values in memory and files, and opens them, leaving values and keys as they were', async () => {
    const values = valuesOf(700_001);
    const context = sampleContext(values.byteLength);
    const sealed = unwrap(await worker.sealValues({ values, sealedPath: at('sealed'), context, roundPublicKey }));
    expect(sealed).toEqual({
      payload: digestOf(readFileSync(at('sealed'))),
      payloadBytes: sealedLength(values.byteLength),
    });
    expect(values).toEqual(valuesOf(700_001));

    const secretKey = round.secretKey.slice();
    const { payload } = sealed;
    const opened = unwrap(
      await worker.openFile({ sealedPath: at('sealed'), plainPath: at('plain'), context, round, payload }),
    );
    expect(opened).toEqual({ payload, plainBytes: values.byteLength });
    expect(readFileSync(at('plain')).equals(bytesOf(values))).toBe(true);
    expect(round.secretKey).toEqual(secretKey);

    const again = await worker.sealFile({ plainPath: at('plain'), sealedPath: at('sealed2'), context, roundPublicKey });
    expect(unwrap(again)).toEqual({
      payload: digestOf(readFileSync(at('sealed2'))),
      payloadBytes: sealed.payloadBytes,
    });
  });

  it('takes values in parts of any length, from a generator or a stream', async () => {
    const values = valuesOf(200_000);
    const context = sampleContext(values.byteLength);
    function* parts() {
      for (const [start, end] of [
        [0, 1],
        [1, 1],
        [1, 66_000],
        [66_000, 199_999],
        [199_999, 200_000],
      ]) {
        yield values.subarray(start, end);
      }
    }
    async function* stream() {
      yield* parts();
    }
    for (const given of [parts(), stream()]) {
      unwrap(await worker.sealValues({ values: given, sealedPath: at('sealed'), context, roundPublicKey }));
      unwrap(await worker.openFile({ sealedPath: at('sealed'), plainPath: at('plain'), context, round }));
      expect(readFileSync(at('plain')).equals(bytesOf(values))).toBe(true);
    }
  });

  it.each([1, 99_999, 100_001, 1_000_000])('refuses %i values where the context declares 100,000', async (length) => {
    const context = sampleContext(400_000);
    const sealed = await worker.sealValues({
      values: valuesOf(length),
      sealedPath: at('sealed'),
      context,
      roundPublicKey,
    });
    expect(codeOf(sealed)).toBe('PLAIN_LENGTH_MISMATCH');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('stops asking for values once sealing has failed', async () => {
    let asked = 0;
    const endless = function* () {
      for (; asked < 10_000; asked++) yield valuesOf(65_536);
    };
    const job = {
      values: endless(),
      sealedPath: at('no/such/folder'),
      context: sampleContext(2 ** 30),
      roundPublicKey,
    };
    expect(codeOf(await worker.sealValues(job))).toBe('STORAGE_FAILED');
    expect(asked).toBeLessThan(10);
  });

  it('leaves nothing when the values break off, and passes their error on', async () => {
    const broken = function* () {
      yield valuesOf(65_536);
      throw new Error('training was stopped');
    };
    const job = { values: broken(), sealedPath: at('sealed'), context: sampleContext(400_000), roundPublicKey };
    await expect(worker.sealValues(job)).rejects.toThrow('training was stopped');
    expect(readdirSync(dir)).toEqual([]);
    const context = sampleContext(400);
    expect(codeOf(await worker.sealValues({ ...job, values: valuesOf(100), context }))).toBe('ok');
  });

  it('leaves nothing when the values break off after the last of them either: nobody learnt of a file', async () => {
    const broken = function* () {
      yield valuesOf(100);
      throw new Error('training was stopped');
    };
    const job = { values: broken(), sealedPath: at('sealed'), context: sampleContext(400), roundPublicKey };
    await expect(worker.sealValues(job)).rejects.toThrow('training was stopped');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('brings faults back as values', async () => {
    const sample = sealSample(1_000, round);
    writeFileSync(at('sealed'), sample.sealed.subarray(1));
    const job = { sealedPath: at('sealed'), plainPath: at('plain'), context: sample.context, round };
    expect(codeOf(await worker.openFile(job))).toBe('PAYLOAD_TRUNCATED');
    expect(codeOf(await worker.openFile({ ...job, sealedPath: at('missing') }))).toBe('STORAGE_FAILED');
  });

  it('does many jobs at once on several threads, each with its own result', async () => {
    await worker.close();
    worker = new EnvelopeWorker({ threads: 2 });
    const jobs = Array.from({ length: 12 }, async (_, n) => {
      const values = valuesOf(1_000 * (n + 1));
      const context = sampleContext(values.byteLength);
      unwrap(await worker.sealValues({ values, sealedPath: at(`sealed${n}`), context, roundPublicKey }));
      unwrap(await worker.openFile({ sealedPath: at(`sealed${n}`), plainPath: at(`plain${n}`), context, round }));
      return readFileSync(at(`plain${n}`)).equals(bytesOf(values));
    });
    expect(await Promise.all(jobs)).toEqual(Array(12).fill(true));
  });

  it('finishes accepted jobs when it is closed, and refuses later ones', async () => {
    const values = valuesOf(300_000);
    const context = sampleContext(values.byteLength);
    const jobs = [0, 1, 2].map((n) => worker.sealValues({ values, sealedPath: at(`${n}`), context, roundPublicKey }));
    await Promise.all([worker.close(), worker.close()]);
    expect(readdirSync(dir).sort()).toEqual(['0', '1', '2']);
    expect((await Promise.all(jobs)).map(codeOf)).toEqual(['ok', 'ok', 'ok']);
    const late = await worker.sealValues({ values, sealedPath: at('late'), context, roundPublicKey });
    expect(late).toMatchObject({
      ok: false,
      fault: {
        code: 'WORKER_UNAVAILABLE',
        message: 'envelope worker: the worker is closed; start the job again on a live one',
      },
    });
    expect(readdirSync(dir)).not.toContain('late');
  });

  it('ends its threads when it is closed', async () => {
    const started: Worker[] = [];
    const note = (message: unknown) => started.push((message as { worker: Worker }).worker);
    subscribe('worker_threads', note);
    const context = sampleContext(400);
    unwrap(await worker.sealValues({ values: valuesOf(100), sealedPath: at('sealed'), context, roundPublicKey }));
    unsubscribe('worker_threads', note);
    const runs = () => started.map(({ threadId }) => threadId !== -1);
    expect(runs()).toEqual([true]);
    await worker.close();
    expect(runs()).toEqual([false]);
  });

  it('answers for a thread that was lost, and starts another', async () => {
    const context = sampleContext(400);
    const job = { values: valuesOf(100), sealedPath: at('sealed'), context, roundPublicKey };
    // A path that no system can take is a bug of the caller's, not a fault of the system, and ends the thread.
    const nowhere = at('a\0b');
    const open = { sealedPath: nowhere, plainPath: at('plain'), context, round };
    expect(await worker.openFile(open)).toMatchObject({
      fault: {
        code: 'WORKER_UNAVAILABLE',
        message: expect.stringMatching(
          /^envelope worker: the worker was lost \(.+\); start the job again on a live one$/,
        ),
      },
    });
    expect(codeOf(await worker.sealFile({ ...open, roundPublicKey }))).toBe('WORKER_UNAVAILABLE');
    expect(codeOf(await worker.sealValues({ ...job, sealedPath: nowhere }))).toBe('WORKER_UNAVAILABLE');
    expect(codeOf(await worker.sealValues(job))).toBe('ok');
  });

  it('leaves whole files alone behind when its process is killed in the middle', async () => {
    const context = sampleContext(4_000_000);
    for (const turns of [1, 3]) {
      const folder = at(`killed-${turns}`);
      mkdirSync(folder);
      const child = spawn(process.execPath, [childPath, folder, Buffer.from(roundPublicKey).toString('hex')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      let heard = 0;
      for await (const text of child.stdout) {
        heard += String(text).trim().split('\n').length;
        if (heard >= turns) child.kill('SIGKILL');
      }
      expect((await ended)[1]).toBe('SIGKILL');
      const names = readdirSync(folder).filter((name) => !/\.[0-9a-f]{16}\.partial$/.test(name));
      expect(names.length).toBeGreaterThanOrEqual(turns);
      for (const name of names) {
        const job = { sealedPath: path.join(folder, name), plainPath: at('plain'), context, round };
        expect(codeOf(await worker.openFile(job))).toBe('ok');
      }
    }
  });

  it.each([0, -1, 1.5, 65])('is not built with %s threads', (threads) => {
    const legal = `envelope worker: threads must be a whole number, 1 to 64; got ${threads}`;
    expect(() => new EnvelopeWorker({ threads })).toThrow(new RangeError(legal));
  });

  it('is built with as many threads as it may have, and starts none that has nothing to do', async () => {
    const large = new EnvelopeWorker({ threads: 64 });
    await large.close();
  });
});
