import { readFile } from 'node:fs/promises';
import type { EpochMs } from '../../time.ts';
import type { SinkConfig } from '../delivery-config.ts';
import { rejectedByCollector } from '../formats/otlp.ts';
import { webhookSignature } from '../formats/webhook.ts';
import type { Deliverable, Wording } from '../outgoing.ts';
import { post } from './http-post.ts';
import { ocsfSink } from './line-file.ts';
import { type Attempt, type Sink, whyOf } from './sink.ts';
import { syslogSink } from './syslog-stream.ts';

const json = { 'content-type': 'application/json', 'user-agent': 'testudo' };
export const secretBytesMin = 16;

/** The sink that a configuration names. Files of secrets are read at each attempt. */
export function openSink<Item extends Deliverable>(
  config: SinkConfig,
  wording: Wording<Item>,
  clock: () => EpochMs,
): Sink<Item> {
  switch (config.kind) {
    case 'webhook':
      return webhookSink(config, wording, clock);
    case 'syslog':
      return syslogSink(config, wording);
    case 'alertmanager':
      return {
        send: (outgoing, sender, signal) =>
          withBearer(config.bearerFile, (bearer) =>
            post(below(config.url, 'api/v2/alerts'), bearer, wording.alertmanager(outgoing, sender, clock()), signal),
          ),
      };
    case 'otlp':
      return {
        send: (outgoing, sender, signal) =>
          withBearer(config.bearerFile, (bearer) =>
            post(
              below(config.url, 'v1/logs'),
              bearer,
              wording.otlp(outgoing, sender, clock()),
              signal,
              keptByCollector,
            ),
          ),
      };
    case 'ocsf':
      return ocsfSink(config.file, wording);
  }
}

function webhookSink<Item extends Deliverable>(
  { url, secretFile }: Extract<SinkConfig, { kind: 'webhook' }>,
  wording: Pick<Wording<Item>, 'webhook'>,
  clock: () => EpochMs,
): Sink<Item> {
  return {
    async send(outgoing, sender, signal) {
      const body = wording.webhook(outgoing, sender);
      const atSeconds = Math.floor(clock() / 1_000);
      const named = { ...json, 'x-testudo-alert': outgoing.item.id, 'x-testudo-timestamp': String(atSeconds) };
      if (secretFile === undefined) return post(url, named, body, signal);
      const secret = await secretIn(secretFile);
      if (typeof secret === 'object') return secret;
      if (Buffer.byteLength(secret) < secretBytesMin) {
        return { kind: 'later', why: `${secretFile}: a key of at least ${secretBytesMin} bytes is needed` };
      }
      const signature = webhookSignature(Buffer.from(secret), atSeconds, body);
      return post(url, { ...named, 'x-testudo-signature': signature }, body, signal);
    },
  };
}

async function withBearer(
  file: string | undefined,
  send: (headers: Readonly<Record<string, string>>) => Promise<Attempt>,
): Promise<Attempt> {
  if (file === undefined) return send(json);
  const token = await secretIn(file);
  if (typeof token === 'object') return token;
  // Checked here: the refusal of a header by `fetch` repeats its value.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    return { kind: 'later', why: `${file}: expected a token alone, on one line, without spaces` };
  }
  return send({ ...json, authorization: `Bearer ${token}` });
}

/** Without the line break that editors leave at its end. */
async function secretIn(file: string): Promise<string | Attempt> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    return { kind: 'later', why: `${file}: ${whyOf(error)}` };
  }
}

function keptByCollector(answer: string): Attempt {
  const rejected = rejectedByCollector(answer);
  return rejected === 0 ? { kind: 'delivered' } : { kind: 'refused', why: 'the collector rejected the record' };
}

function below(url: string, path: string): string {
  return `${url.replace(/\/+$/, '')}/${path}`;
}
