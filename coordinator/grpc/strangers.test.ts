import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ClientHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { type Addresses, foundCoordinator, listenAnywhere } from '../../lab/rig/coordinator-process.ts';
import { connectOperator } from '../../lab/rig/operator.ts';
import { readCredentials } from '../keys/operator-credentials.ts';
import { halfSent, rawConnection, settled } from '../testing/raw-grpc.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { strangersCaps } from './listener.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));
const enrol = '/testudo.v1.Enrolment/Enrol';

type Ready = Readonly<{ addresses: Addresses; connectionsMax: Readonly<{ enrolment: number; federation: number }> }>;

/** A coordinator process that may have so many files open, and what its operator gets from it. */
async function start(openFiles: number) {
  const folder = join(tempDir(), 'coordinator');
  await foundCoordinator(testudo, folder, { listen: listenAnywhere });
  const args = [testudo, 'coordinator', '--config', join(folder, 'coordinator.yaml')];
  const limited = `ulimit -n ${openFiles} && exec "$0" "$@"`;
  const child = spawn('sh', ['-c', limited, process.execPath, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let ready: Ready | undefined;
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!line.includes('"coordinator ready"')) continue;
    ready = JSON.parse(line) as Ready;
    break;
  }
  child.stderr.resume(); // What it says later must not fill the pipe.
  if (ready === undefined) throw new Error(`it ended instead of being ready:\n${said.join('\n')}`);
  const { addresses } = ready;
  const operator = connectOperator(unwrap(await readCredentials(join(folder, 'operator.json'))), addresses.federation);
  onTestFinished(() => operator.close());
  return {
    ...ready,
    said,
    pid: child.pid as number,
    /** Reads, writes the journal, and asks the page that an orchestrator asks. */
    async serves() {
      await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
      const wanted = { cluster: 'eu-1', lifetimeSeconds: 60, labels: [] };
      await operator.call(operator.client.createToken, wanted);
      const page = await fetch(`http://${addresses.health}/readyz`);
      return page.status;
    },
  };
}

function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** Silent sockets from many addresses of loopback; resolves when each was let in or cut. */
async function silentSockets(address: string, count: number): Promise<readonly Socket[]> {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at), Number(address.slice(at + 1))];
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = connect({ host, port, localAddress: `127.0.${1 + (index % 8)}.${1 + (index % 250)}` });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  });
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
  );
  return sockets;
}

// Each starts two processes: seconds on a quiet machine, minutes on a busy one.
describe('a stranger', () => {
  it('costs no more memory than the caps say, however much it half-sends', async () => {
    const { addresses, pid, serves } = await start(1 << 12);
    expect(await serves()).toBe(200);
    const before = residentBytes(pid);
    const sessions = Array.from({ length: 8 }, () => rawConnection(addresses.enrolment));
    const under: ClientHttp2Stream[] = [];
    const sent = new Set<ClientHttp2Stream>();
    for (const session of sessions) {
      for (let count = 0; count < 64; count++) {
        // Large ones are refused by their length, small ones are what the cap lets through.
        const bytes = count % 2 === 0 ? 1_250_000 : strangersCaps.messageBytesMax;
        const stream = halfSent(session, enrol, bytes, bytes - 1, () => sent.add(stream));
        under.push(stream.resume());
      }
    }
    // Until each is sent, was refused, or waits for the coordinator to allow it one more stream.
    const isOver = (stream: ClientHttp2Stream) => stream.closed || sent.has(stream) || stream.pending;
    while (sent.size < sessions.length || !under.every(isOver)) await nextTurn();
    for (const session of sessions) expect(await settled(session)).toBe(true);
    const perStream = strangersCaps.messageBytesMax + strangersCaps.windowBytes;
    const perConnection = strangersCaps.streamsMax * perStream + (strangersCaps.sessionMegabytesMax << 20);
    const ownBytes = 96 << 20; // What the process takes and gives back by itself, however it is called.
    const grown = residentBytes(pid) - before;
    expect(256 * perConnection, 'of all strangers at once, as configured').toBeLessThan(320 << 20);
    expect(grown).toBeLessThan(sessions.length * perConnection + ownBytes);
    expect(await serves()).toBe(200);
  });

  it('cannot take the descriptors that the coordinator works with', async () => {
    const { addresses, connectionsMax, serves, said } = await start(420);
    expect(connectionsMax).toEqual({ enrolment: 41, federation: 123, isCut: true });
    expect(said.some((line) => line.includes('open files are few'))).toBe(true);
    const silent = [
      ...(await silentSockets(addresses.enrolment, 500)),
      ...(await silentSockets(addresses.federation, 500)),
    ];
    const sessions = Array.from({ length: 40 }, () => rawConnection(addresses.enrolment, {}, '127.0.0.9'));
    for (const session of sessions) await settled(session);
    expect(await serves()).toBe(200);
    expect(await serves()).toBe(200);
    expect(silent.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(41 + 123);
  });
});
