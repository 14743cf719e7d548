import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { readRelayConfig, relayConfigJsonSchema } from './config.ts';

function written(text: string): string {
  const path = join(tempDir(), 'relay.yaml');
  writeFileSync(path, text);
  return path;
}

it('reads what `relay init` writes, with paths from where the file lies', () => {
  const path = written(`
parent: { addresses: ["root.example:7442"], enrolAddress: "root.example:7441" }
joinToken: { file: ./parent-token }
tracks: [syscall]
`);
  const folder = join(path, '..');
  expect(unwrap(readRelayConfig(path))).toMatchObject({
    coordinator: join(folder, 'coordinator.yaml'),
    dataDirectory: join(folder, 'parent'),
    joinToken: { kind: 'file', path: join(folder, 'parent-token') },
    dataKey: { kind: 'beside' },
    parent: { silenceSecondsMax: 75, reconnectSecondsMax: 60 },
    health: { listen: '127.0.0.1:9464' },
    tracks: ['syscall'],
  });
  const settings = { environment: { TESTUDO_RELAY_HEALTH_LISTEN: '0.0.0.0:9999' } };
  expect(unwrap(readRelayConfig(path, settings)).health).toEqual({ listen: '0.0.0.0:9999' });
  expect(readRelayConfig(path, { settings: ['health.listen=somewhere'] })).toMatchObject({ ok: false });
});

it('says every problem at once, and has a schema for editors', () => {
  const read = readRelayConfig(written('tracks: [syscall, syscall]\nparents: 1\n'));
  expect(read.ok ? '' : read.fault.message).toMatch(/parent: .*\n.*parents/s);
  const twice = readRelayConfig(written('parent: { addresses: ["a:1"] }\ntracks: [syscall, syscall]\n'));
  expect(twice).toMatchObject({ ok: false, fault: { message: expect.stringContaining('syscall is listed twice') } });
  expect(relayConfigJsonSchema()).toMatchObject({ required: expect.arrayContaining(['parent', 'tracks']) });
});
