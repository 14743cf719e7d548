import { Agent as HttpsAgent } from 'node:https';
import type { S3Client } from '@aws-sdk/client-s3';
import { Agent as HttpAgent } from '../../../base/serving/node-http.ts';
import type { BucketSettings } from './bucket-settings.ts';

export type Sdk = typeof import('@aws-sdk/client-s3');

/** Loaded only where a bucket is configured: it takes 27 MiB and an eighth of a second. */
export function loadSdk(): Promise<Sdk> {
  return import('@aws-sdk/client-s3');
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** So many requests at once; more wait their turn. */
export const connectionsMax = 32;

/**
 * A client that asks once for each call, since its caller repeats what may be repeated, and that adds no checksums of its own:
 * stores that are not Amazon's refuse them, or answer without them. Nothing of what it does is logged.
 */
export function openClient({ S3Client: Client }: Sdk, settings: BucketSettings): S3Client {
  const { endpoint, region, pathStyle, accessKeyId, secretAccessKey, ca, patienceMs } = settings;
  const shared = { keepAlive: true, maxSockets: connectionsMax };
  return new Client({
    endpoint,
    region,
    forcePathStyle: pathStyle,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 2, // Once more where the store's clock is another: the SDK then signs by the store's.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silent,
    requestHandler: {
      connectionTimeout: patienceMs,
      httpAgent: new HttpAgent(shared),
      httpsAgent: new HttpsAgent({ ...shared, ...(ca !== undefined && { ca }) }),
    },
  });
}

type Stacked = Readonly<{ middlewareStack: { add(middleware: never, options: never): void } }>;

/** What a command is answered, and what time it was at the store then, from the answer's Date. */
export async function withStoreTime<Command extends Stacked, Answer>(
  command: Command,
  send: (command: Command) => Promise<Answer>,
): Promise<Readonly<{ answer: Answer; storeTimeMs: number | undefined }>> {
  let storeTimeMs: number | undefined;
  const listen =
    (next: (args: unknown) => Promise<{ response: { headers: Record<string, string> } }>) => async (args: unknown) => {
      const result = await next(args);
      const at = Date.parse(result.response.headers.date ?? '');
      storeTimeMs = Number.isNaN(at) ? undefined : at;
      return result;
    };
  command.middlewareStack.add(listen as never, { step: 'deserialize', priority: 'low', name: 'storeTime' } as never);
  const answer = await send(command);
  return { answer, storeTimeMs };
}
