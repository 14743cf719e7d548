import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import type { JsonValue } from '../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { captureLimits } from './limits.ts';

/** How an agent reaches the helper of any node. */
export const helperAccess = z.strictObject({
  port: z.int().min(1).max(65_535).default(9467),
  /** PEM files: the agent's certificate and key, and the authority of the helpers. */
  certificateFile: z.string().min(1).max(4_096),
  keyFile: z.string().min(1).max(4_096),
  authorityFile: z.string().min(1).max(4_096),
  /** The name in the helpers' certificate: their addresses are the nodes'. */
  helperName: z.string().min(1).max(253).default('testudo-node-helper'),
  /** How long a pod stands still at most while it is isolated. */
  holdSeconds: z.number().min(1).max(120).default(15),
  /** Of what its processes wrote into memory; the helper's own setting bounds it. */
  memoryBytes: z.int().min(0).max(6_291_456).default(0),
});
export type HelperAccess = z.infer<typeof helperAccess>;

/** A node that does not answer must not hold up a quarantine. */
const connectMsMax = 3_000;
const answerMsMax = 30_000;

/** Asks the helper at an address (a node's). What it answers is evidence, and not believed for anything. */
export async function askHelper(
  access: HelperAccess,
  address: string,
  path: '/capture' | '/thaw',
  question: object,
  timers: Timers,
): Promise<Result<JsonValue, 'HELPER_UNREACHABLE' | 'HELPER_REFUSED'>> {
  try {
    const read = (file: string) => readFile(file, 'utf8');
    const [cert, key, ca] = await Promise.all([
      read(access.certificateFile),
      read(access.keyFile),
      read(access.authorityFile),
    ]);
    const { status, text } = await send({
      ...{ cert, key, ca, address, path },
      access,
      body: JSON.stringify(question),
      timers,
    });
    const value = JSON.parse(text) as JsonValue;
    if (status === 200) return ok(value);
    const { code = '', message = '' } = (value as { fault?: { code?: string; message?: string } }).fault ?? {};
    return refuse('HELPER_REFUSED', `${status} ${String(code).slice(0, 64)}: ${String(message).slice(0, 300)}`);
  } catch (error) {
    return refuse('HELPER_UNREACHABLE', `the node helper at ${address}:${access.port}: ${(error as Error).message}`);
  }
}

type Sent = Readonly<{
  cert: string;
  key: string;
  ca: string;
  address: string;
  path: string;
  access: HelperAccess;
  body: string;
  timers: Timers;
}>;

function send({
  cert,
  key,
  ca,
  address,
  path,
  access,
  body,
  timers,
}: Sent): Promise<Readonly<{ status: number; text: string }>> {
  return new Promise((resolve, reject) => {
    const giveUp = (what: string) => () => void asking.destroy(new Error(what));
    const connecting = timers.after(connectMsMax, giveUp(`no connection within ${connectMsMax / 1_000} s`));
    const answering = timers.after(answerMsMax, giveUp(`no answer within ${answerMsMax / 1_000} s`));
    const asking = httpsRequest(
      {
        ...{ host: address, port: access.port, path, method: 'POST', cert, key, ca, agent: false },
        ...{ servername: access.helperName, minVersion: 'TLSv1.2' as const },
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          parts.push(part);
          if (bytes > captureLimits.answerBytes + 65_536)
            response.destroy(new Error('its answer is longer than it may be'));
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
      },
    );
    asking.once('socket', (socket) => socket.once('secureConnect', () => timers.cancel(connecting)));
    asking.once('error', reject);
    asking.once('close', () => {
      timers.cancel(connecting);
      timers.cancel(answering);
    });
    asking.end(body);
  });
}
