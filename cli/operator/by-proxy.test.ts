import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { connectOperator } from '../../lab/rig/operator.ts';
import { CommandLine } from '../testing/command-line.ts';

const testudo = fileURLToPath(new URL('../testudo.mjs', import.meta.url));

/** A proxy that leads whoever asks for coordinator.example to this machine, and nobody elsewhere; what it was asked for. */
async function proxy(): Promise<Readonly<{ port: number; asked: string[] }>> {
  const asked: string[] = [];
  const server: Server = createServer();
  server.on('connect', ({ url = '' }, socket) => {
    asked.push(url);
    const [host, port] = url.split(':');
    if (host !== 'coordinator.example') return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const there = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(there).pipe(socket);
    });
    for (const [one, other] of [
      [socket, there],
      [there, socket],
    ] as const)
      one.on('error', () => other.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, asked };
}

it('goes by the proxy that the environment names, but not to this machine, and says which one let nobody through', async () => {
  const line = await CommandLine.start();
  const { port, asked } = await proxy();
  const credentials = line.credentials('admin');
  const own = line.federation.coordinator.addresses.federation;
  const ask = async (address: string) => {
    const words = [testudo, 'clusters', 'list', '--credentials', credentials, '--address', address];
    const environment = { ...process.env, https_proxy: `http://who:secret@127.0.0.1:${port}` };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...words], { env: environment });
    const [error, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { code: code as number, error };
  };
  expect(await ask(own)).toEqual({ code: 0, error: '' });
  expect(asked).toEqual([]);

  const named = `coordinator.example:${own.split(':').at(-1)}`;
  expect(await ask(named)).toEqual({ code: 0, error: '' });
  expect(asked).toEqual([named]);

  // As `testudo up` asks who is connected.
  vi.stubEnv('https_proxy', `http://127.0.0.1:${port}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const operator = connectOperator(unwrap(await readCredentials(credentials)), own);
  onTestFinished(() => operator.close());
  const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 1, token: '' } });
  expect({ clusters, asked }).toEqual({ clusters: [], asked: [named] });

  const refused = await ask('elsewhere.example:7442');
  expect(refused.code).toBe(3);
  expect(refused.error).toMatch(
    new RegExp(`^GRPC_UNAVAILABLE: .*https_proxy names, 127\\.0\\.0\\.1:${port}, .*no_proxy`),
  );
  expect(refused.error).not.toContain('secret');
}, 600_000);
