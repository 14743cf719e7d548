import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import type { Deliverable, Wording } from '../outgoing.ts';
import { openSink } from './open-sink.ts';

const wording: Wording<Deliverable> = {
  keyOf: ({ id }) => id,
  webhook: () => '{}',
  syslog: () => '',
  alertmanager: () => '[]',
  otlp: () => '{}',
  ocsf: () => ({}),
};
const item = { id: 'a-0123456789abcdef', at: '2026-11-29T08:00:00.000Z' };
const sender = { federation: 'herd', cluster: '', build: '0.1.0', host: 'coordinator.example' };

it.each(['alertmanager', 'otlp'] as const)('why %s was not told never repeats the token', async (kind) => {
  const bearerFile = join(tempDir(), 'token');
  const heard: unknown[] = [];
  const server = createServer(({ headers }, answer) => {
    heard.push(headers.authorization);
    answer.end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sink = openSink({ kind, name: 'sink', url, bearerFile }, wording, Date.now);
  const attempt = () => sink.send({ item, repeats: 1 }, sender, AbortSignal.timeout(60_000));
  for (const text of ['s3cret-token\ns3cret-older', '', 'Bearer s3cret-token', 's3cret-token\u2026']) {
    writeFileSync(bearerFile, text);
    expect(await attempt()).toEqual({
      kind: 'later',
      why: `${bearerFile}: expected a token alone, on one line, without spaces`,
    });
  }
  writeFileSync(bearerFile, 's3cret-token\n');
  expect(await attempt()).toEqual({ kind: 'delivered' });
  expect(heard).toEqual(['Bearer s3cret-token']);
});
