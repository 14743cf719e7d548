/**
 * One process that seals and opens off its event loop, and says what that cost it: `node envelope-child.ts PLAIN_BYTES`.
 * A process of its own, because the peak of its memory must not be another contender's. Prints one line of JSON.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { newRoundKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { EnvelopeWorker } from '../../proto/envelope/files/envelope-worker.ts';
import { sampleContext } from '../../proto/envelope/samples.ts';

/** What one job cost its process. Memory is undefined where the system has no /proc. */
export type ChildCost = Readonly<{
  seconds: number;
  extraBytes: number | undefined;
  /** Includes the 1 ms at which it is sampled. */
  loopDelayMsP99: number;
  loopDelayMsMax: number;
}>;

export type ChildReport = Readonly<{
  /** What starting the thread added for good, bytes. */
  threadBytes: number | undefined;
  sealValues: ChildCost;
  openFile: ChildCost;
  sealFile: ChildCost;
}>;

/** Resident memory now and at its peak since `resetPeak`, bytes. */
function memory(): { now: number; peak: number } | undefined {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
    return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
  } catch {
    return undefined;
  }
}

function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5'); // Linux: sets VmHWM to VmRSS.
  } catch {
    // Elsewhere there is no peak to reset and none is reported.
  }
}

async function costOf(job: () => Promise<unknown>): Promise<ChildCost> {
  resetPeak();
  const before = memory();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  await job();
  const seconds = (performance.now() - startedAt) / 1000;
  delay.disable();
  const after = memory();
  return {
    seconds,
    extraBytes: before === undefined || after === undefined ? undefined : after.peak - before.now,
    loopDelayMsP99: delay.percentile(99) / 1e6,
    loopDelayMsMax: delay.max / 1e6,
  };
}

async function measure(plainBytes: number): Promise<ChildReport> {
  const dir = mkdtempSync(path.join(tmpdir(), 'testudo-envelope-bench-'));
  const at = (name: string) => path.join(dir, name);
  const worker = new EnvelopeWorker();
  try {
    const round = newRoundKeyPair();
    const roundPublicKey = round.publicKey;
    const values = new Float32Array(plainBytes / 4);
    for (let index = 0; index < values.length; index++) values[index] = Math.sin(index);
    const before = memory();
    // The first job starts the thread; a daemon has it running already.
    const warmUp = {
      values: values.subarray(0, 1_000),
      sealedPath: at('warm'),
      context: sampleContext(4_000),
      roundPublicKey,
    };
    unwrap(await worker.sealValues(warmUp));
    unwrap(await worker.openFile({ sealedPath: at('warm'), plainPath: at('warm'), context: warmUp.context, round }));
    const after = memory();

    const context = sampleContext(plainBytes);
    const files = { sealedPath: at('sealed'), plainPath: at('plain'), context, roundPublicKey, round };
    const sealValues = await costOf(async () => unwrap(await worker.sealValues({ ...files, values })));
    const openFile = await costOf(async () => unwrap(await worker.openFile(files)));
    const plain = readFileSync(at('plain'));
    if (!plain.equals(Buffer.from(values.buffer))) throw new Error('the opened bytes are not those that were sealed');
    const sealFile = await costOf(async () => unwrap(await worker.sealFile(files)));
    const threadBytes = before === undefined || after === undefined ? undefined : after.now - before.now;
    return { threadBytes, sealValues, openFile, sealFile };
  } finally {
    await worker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(await measure(Number(process.argv[2]))));
}
