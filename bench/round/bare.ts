import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { secure } from '../../coordinator/testing/cluster.ts';
import { FederationClient, type SubmitUpdateRequest } from '../../proto/generated/testudo/v1/federation.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';

export type BareServer = Readonly<{
  /** Resolves when the server has answered: it has read, and dropped, everything. */
  send(parts: Iterable<NonNullable<SubmitUpdateRequest['part']>>): Promise<void>;
  close(): void;
}>;

type Ready = Readonly<{ port: number; ca: string; cert: string; key: string }>;

/** A process with a grpc-js server over mTLS that does nothing with what it gets, and a client of it. */
export async function startBareServer(): Promise<BareServer> {
  const script = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { port, ...tls } = await new Promise<Ready>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the bare server ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as Ready));
  });
  const client = new FederationClient(`127.0.0.1:${port}`, secure(tls), {
    'grpc.ssl_target_name_override': coordinatorServerName,
  });
  return {
    send: (parts) =>
      new Promise((resolve, reject) => {
        const stream = client.submitUpdate((error) => (error === null ? resolve() : reject(error)));
        void (async () => {
          for (const part of parts) {
            if (!stream.write({ part })) await new Promise((drained) => stream.once('drain', drained));
          }
          stream.end();
        })();
      }),
    close() {
      client.close();
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    },
  };
}
