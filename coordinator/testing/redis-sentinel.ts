import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import { RedisServer } from './redis-server.ts';
import { tempDir } from './temp-dir.ts';

/** Three real Sentinels over a primary and its replica, all of which want one password, until the test ends. */
export async function startSentinels({
  name = 'my_master.1',
  password = 'a password for tests alone',
  ports = [] as readonly number[],
} = {}) {
  const locked = password === '' ? [] : ['--requirepass', password, '--masterauth', password];
  const primary = await RedisServer.start(...locked);
  const portOf = ({ url }: RedisServer) => Number(new URL(url).port);
  const replica = await RedisServer.start(...locked, '--replicaof', '127.0.0.1', String(portOf(primary)));
  const own = [...ports, ...(await lastingPorts(3 - ports.length))];
  const clients = await Promise.all(own.map((port) => startSentinel(port, name, portOf(primary), password)));
  // What they know of each other and of the replica, they hear within seconds.
  const told = async (client: Redis) => {
    const [replicas, others] = await Promise.all([
      client.call('SENTINEL', 'replicas', name),
      client.call('SENTINEL', 'sentinels', name),
    ]);
    return (replicas as unknown[]).length === 1 && (others as unknown[]).length === own.length - 1;
  };
  for (const client of clients) while (!(await told(client))) await setTimeout(50);
  const isReplaced = async () => {
    for (const client of clients) {
      const port = async () => (await client.call('SENTINEL', 'get-master-addr-by-name', name)) as [string, string];
      while ((await port())[1] !== String(portOf(replica))) await setTimeout(50);
    }
  };
  const url = `redis://${password === '' ? '' : `:${encodeURIComponent(password)}@`}${name}`;
  return { place: { url, sentinels: own.map((port) => `127.0.0.1:${port}`) }, primary, replica, isReplaced };
}

async function startSentinel(port: number, name: string, primary: number, password: string): Promise<Redis> {
  const folder = tempDir();
  const file = join(folder, 'sentinel.conf'); // It writes there what it learns.
  const locks = password === '' ? [] : [`requirepass "${password}"`, `sentinel auth-pass ${name} "${password}"`];
  const lines = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor ${name} 127.0.0.1 ${primary} 2`],
    ...[`sentinel down-after-milliseconds ${name} 2000`, `sentinel failover-timeout ${name} 6000`, ...locks],
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const started = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const ended = once(started, 'exit');
  const client = new Redis({ port, host: '127.0.0.1', ...(password !== '' && { password }) });
  client.on('error', () => {}); // Not there yet.
  onTestFinished(async () => {
    client.disconnect();
    started.kill('SIGKILL');
    await ended;
  });
  await new Promise<void>((resolve) => client.once('ready', () => resolve()));
  return client;
}
