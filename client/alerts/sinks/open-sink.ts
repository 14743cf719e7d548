import { readFile } from 'node:fs/promises';
import type { EpochMs } from '../../../base/time.ts';
import type { SinkConfig } from '../alerts-config.ts';
import { alertmanagerBody } from '../formats/alertmanager.ts';
import { otlpBody, rejectedByCollector } from '../formats/otlp.ts';
import { webhookBody, webhookSignature } from '../formats/webhook.ts';
import { post } from './http-post.ts';
import { ocsfSink } from './line-file.ts';
import { type Attempt, type Sink, whyOf } from './sink.ts';
import { syslogSink } from './syslog-stream.ts';

const json = { 'content-type': 'application/json', 'user-agent': 'testudo' };
export const secretBytesMin = 16;

/** The sink that a configuration names. Files of secrets are read at each attempt. */
export function openSink(config: SinkConfig, clock: () => EpochMs): Sink {
  switch (config.kind) {
    case 'webhook':
      return webhookSink(config, clock);
    case 'syslog':
      return syslogSink(config);
    case 'alertmanager':
      return {
        send: (outgoing, sender, signal) =>
          withBearer(config.bearerFile, (bearer) =>
            post(below(config.url, 'api/v2/alerts'), bearer, alertmanagerBody(outgoing, sender, clock()), signal),
          ),
      };
    case 'otlp':
      return {
        send: (outgoing, sender, signal) =>
          withBearer(config.bearerFile, (bearer) =>
            post(below(config.url, 'v1/logs'), bearer, otlpBody(outgoing, sender, clock()), signal, keptByCollector),
          ),
      };
    case 'ocsf':
      return ocsfSink(config.file);
  }
}

function webhookSink({ url, secretFile }: Extract<SinkConfig, { kind: 'webhook' }>, clock: () => EpochMs): Sink {
  return {
    async send(outgoing, sender, signal) {
      const body = webhookBody(outgoing, sender);
      const atSeconds = Math.floor(clock() / 1_000);
      const named = { ...json, 'x-testudo-alert': outgoing.alert.id, 'x-testudo-timestamp': String(atSeconds) };
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
  return typeof token === 'object' ? token : send({ ...json, authorization: `Bearer ${token}` });
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
