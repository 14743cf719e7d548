import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { writeClientConfig } from './founding.ts';

const cluster = { name: 'web', sources: [{ kind: 'strace', path: '/a' }], ends: false };
const addresses = { federation: '127.0.0.1:1', enrolment: '127.0.0.1:2' };

it("writes a client's configuration, and keeps what its owner changed in it when the addresses are others", async () => {
  const folder = tempDir();
  const path = await writeClientConfig(folder, cluster, addresses);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const text = readFileSync(path, 'utf8');
  expect(JSON.parse(text)).toMatchObject({ sources: cluster.sources, coordinator: { addresses: ['127.0.0.1:1'] } });

  const own = `# mine\n${text.replace('"127.0.0.1:0"', '"127.0.0.1:9464"')}`;
  writeFileSync(path, own);
  await writeClientConfig(folder, cluster, addresses);
  expect(readFileSync(path, 'utf8')).toBe(own);

  await writeClientConfig(folder, cluster, { federation: '127.0.0.1:3', enrolment: '127.0.0.1:2' });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    coordinator: { addresses: ['127.0.0.1:3'], enrolAddress: '127.0.0.1:2', reconnectSecondsMax: 1 },
    health: { listen: '127.0.0.1:9464' },
  });

  writeFileSync(path, 'sources: [');
  await writeClientConfig(folder, cluster, addresses);
  expect(readFileSync(path, 'utf8')).toBe('sources: [');
});
