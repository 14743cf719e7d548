import { createHash, createHmac } from 'node:crypto';
import type { Agent, IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Agent as HttpAgent, request as httpRequest } from '../../../base/serving/node-http.ts';
import type { Timers } from '../../../base/time.ts';
import type { BucketSettings } from './bucket-settings.ts';
import { connectionsMax } from './client.ts';

/** The store's answer to a HEAD: it has no body. */
export type HeadAnswer = Readonly<{ status: number; headers: IncomingHttpHeaders }>;

/**
 * HEAD requests without the SDK, whose middleware takes six times the processor: each update costs one at its coordinator
 * and one where it was put. Signed by AWS Signature Version 4
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Rejects where no answer came.
 */
export class SignedHead {
  readonly #settings: BucketSettings;
  readonly #timers: Timers;
  readonly #url: URL;
  readonly #agent: Agent;
  #dayKey: Readonly<{ day: string; key: Buffer }> | undefined;

  constructor(settings: BucketSettings, timers: Timers) {
    this.#settings = settings;
    this.#timers = timers;
    this.#url = new URL(settings.endpoint);
    const shared = { keepAlive: true, maxSockets: connectionsMax };
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...shared, ...(settings.ca !== undefined && { ca: settings.ca }) })
        : new HttpAgent(shared);
  }

  ask(key: string, signal: AbortSignal): Promise<HeadAnswer> {
    const { host, hostname, port, protocol } = this.#url;
    const path = pathOf(this.#url, this.#settings, key);
    const headers = { host, ...this.#signed(path) };
    // An IPv6 address is written in brackets in a URL alone.
    const options = { method: 'HEAD', host: hostname.replace(/^\[|\]$/g, ''), port, path, headers, signal };
    return new Promise((resolve, reject) => {
      const sent =
        protocol === 'https:'
          ? httpsRequest({ ...options, agent: this.#agent as HttpsAgent })
          : httpRequest({ ...options, agent: this.#agent });
      sent.once('response', (response) => {
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
        response.resume();
      });
      sent.once('error', reject);
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #signed(path: string): Readonly<Record<string, string>> {
    const { region, accessKeyId } = this.#settings;
    const at = new Date(this.#timers.now()).toISOString().replace(/[-:]|\.\d+/g, ''); // 20130524T000000Z
    const day = at.slice(0, 8);
    const named = `host:${this.#url.host}\nx-amz-content-sha256:${ofNothing}\nx-amz-date:${at}\n`;
    const canonical = `HEAD\n${path}\n\n${named}\n${signedHeaders}\n${ofNothing}`;
    const scope = `${day}/${region}/s3/aws4_request`;
    const digest = createHash('sha256').update(canonical).digest('hex');
    const signature = hmac(this.#keyOf(day), `AWS4-HMAC-SHA256\n${at}\n${scope}\n${digest}`).toString('hex');
    return {
      'x-amz-content-sha256': ofNothing,
      'x-amz-date': at,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    };
  }

  #keyOf(day: string): Buffer {
    if (this.#dayKey?.day !== day) {
      const { region, secretAccessKey } = this.#settings;
      const key = [region, 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${secretAccessKey}`, day));
      this.#dayKey = { day, key };
    }
    return this.#dayKey.key;
  }
}

const signedHeaders = 'host;x-amz-content-sha256;x-amz-date';
/** SHA-256 of no bytes. */
const ofNothing = createHash('sha256').digest('hex');

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** With the bucket in the path; each part as the signature has it: everything but unreserved characters escaped. */
function pathOf({ pathname }: URL, { bucket }: BucketSettings, key: string): string {
  const parts = [bucket, ...key.split('/')].map((part) =>
    encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
  );
  return `${pathname.replace(/\/$/, '')}/${parts.join('/')}`;
}
