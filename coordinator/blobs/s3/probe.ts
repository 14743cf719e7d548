import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { Bucket } from './bucket.ts';
import { type BucketFaultCode, startFault, statusIn } from './bucket-faults.ts';
import type { BucketSettings, StoreHabits } from './bucket-settings.ts';
import { loadSdk, openClient, type Sdk, withStoreTime } from './client.ts';

/** Amazon's own limit: beyond it requests are refused, where nobody corrects them. */
const skewMsMax = 15 * 60_000;

export type Found = StoreHabits & Readonly<{ bucket: Bucket; isVersioned: boolean }>;

/** Opens a bucket and tries it: what must work is refused by name where it does not, what stores differ in is found out. */
export async function openBucket(settings: BucketSettings, timers: Timers): Promise<Result<Found, BucketFaultCode>> {
  const sdk = await loadSdk();
  const client = openClient(sdk, settings);
  const key = `${settings.prefix}probe/${randomUUID()}`;
  const deadline = new AbortController();
  const timer = timers.after(settings.patienceMs * 4, () => deadline.abort());
  try {
    const tried = await tryOut(sdk, timers, {
      at: { Bucket: settings.bucket, Key: key },
      send: (command) => client.send(command as never, { abortSignal: deadline.signal }) as never,
    });
    if (!tried.ok) {
      client.destroy();
      return tried;
    }
    const { isVersioned, ...habits } = tried.value;
    const bucket = new Bucket({ settings, client, sdk, timers, habits });
    return ok({ ...habits, isVersioned, bucket });
  } catch (error) {
    client.destroy();
    return deadline.signal.aborted
      ? refuse(
          'BLOB_IO',
          `the store of blobs at ${settings.endpoint} does not answer; start it, or mend blobs.s3.endpoint`,
        )
      : startFault(error, settings);
  } finally {
    timers.cancel(timer);
  }
}

type Place = Readonly<{
  at: Readonly<{ Bucket: string; Key: string }>;
  send: <Answer>(command: object) => Promise<Answer>;
}>;

async function tryOut(
  { PutObjectCommand, GetObjectCommand, HeadObjectCommand, DeleteObjectCommand, GetBucketVersioningCommand }: Sdk,
  timers: Timers,
  { at, send }: Place,
): Promise<Result<StoreHabits & Readonly<{ isVersioned: boolean }>, BucketFaultCode>> {
  const text = `testudo ${at.Key}`;
  await send(new PutObjectCommand({ ...at, Body: text }));
  try {
    const { answer, storeTimeMs } = await withStoreTime(new HeadObjectCommand(at), (command) =>
      send<{ ContentLength?: number }>(command),
    );
    if (storeTimeMs !== undefined && Math.abs(storeTimeMs - timers.now()) > skewMsMax) {
      const told = new Date(storeTimeMs).toISOString();
      return refuse('BLOB_CLOCK', `by the store's clock it is ${told}; set this machine's clock, or the store's`);
    }
    const { Body } = await send<{ Body: Readable }>(new GetObjectCommand(at));
    const given: Buffer[] = [];
    for await (const chunk of Body) given.push(Buffer.from(chunk));
    if (answer.ContentLength !== Buffer.byteLength(text) || Buffer.concat(given).toString() !== text) {
      return refuse('BLOB_IO', 'the store of blobs does not give back what was put; use another store');
    }
    const keepsFirst = await isRefused(() => send(new PutObjectCommand({ ...at, Body: text, IfNoneMatch: '*' })));
    const other = createHash('sha256').update('other bytes').digest('base64');
    const checksBytes = await isRefused(() => send(new PutObjectCommand({ ...at, Body: text, ChecksumSHA256: other })));
    return ok({ keepsFirst, checksBytes, isVersioned: await isVersioned() });
  } finally {
    await send(new DeleteObjectCommand(at));
  }

  /** Unknown to some stores and forbidden to some keys: then nobody is told. */
  async function isVersioned(): Promise<boolean> {
    const asked = send<{ Status?: string }>(new GetBucketVersioningCommand({ Bucket: at.Bucket }));
    return (await asked.catch(() => ({ Status: undefined }))).Status === 'Enabled';
  }
}

/** True where the store says no; false where it did it all the same, and where it does not know the question. */
async function isRefused(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return false;
  } catch (error) {
    const status = statusIn(error) ?? 500;
    return status === 412 || status === 400;
  }
}
