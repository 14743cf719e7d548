import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { CommandLine, spawnTestudo } from '../testing/command-line.ts';

/** A way to a port of this machine, which may be gone at once: nothing goes over it any more, and neither end hears that. */
async function wayTo(port: number) {
  const near = new Set<Socket>();
  const way = { port: 0, isGone: false, came: 0 };
  const server = createServer((socket) => {
    const far = connect(port, '127.0.0.1');
    near.add(socket.on('error', () => {}).on('data', (bytes) => way.isGone || far.write(bytes)));
    far.on('error', () => {}).on('close', () => way.isGone || socket.destroy());
    far.on('data', (bytes) => {
      way.came += bytes.byteLength;
      if (!way.isGone) socket.write(bytes);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of near) socket.destroy();
    server.close();
  });
  way.port = (server.address() as AddressInfo).port;
  return way;
}

it('audit follow ends, and says that nobody answers, where the machine of the coordinator is gone without a word', async () => {
  const line = await CommandLine.start();
  const way = await wayTo(Number(line.federation.coordinator.addresses.federation.split(':').at(-1)));
  const to = ['--credentials', line.credentials('admin'), '--address', `127.0.0.1:${way.port}`];
  const following = spawnTestudo('audit', 'follow', '--from', '1', '--json', ...to);
  // Entries have come: how a connection begins is less than this.
  await expect.poll(() => way.came, { timeout: 600_000 }).toBeGreaterThan(6_000);
  way.isGone = true;
  expect(await following).toMatchObject({ code: 3, error: expect.stringMatching(/^GRPC_UNAVAILABLE: /) });
}, 600_000);
