import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { parseClientConfig } from './config.ts';
import { namedFileProblems } from './named-files.ts';

it('files that are read later are looked at beforehand: keys that are too short, and files that are not there', async () => {
  const folder = tempDir();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const problemsOf = (secret: string, token: string) => {
    const settings = {
      dataDirectory: join(folder, 'data'),
      coordinator: { addresses: ['127.0.0.1:1'] },
      alerts: {
        sinks: [
          { kind: 'webhook', name: 'hook', url: 'https://a.example', secretFile: secret },
          { kind: 'otlp', name: 'logs', url: 'https://b.example' },
        ],
      },
      hub: { listen: '127.0.0.1:0', admissionListen: '127.0.0.1:0', admission: { kind: 'file', path: token } },
    };
    const config = parseClientConfig({ file: { path: join(folder, 'client.yaml'), text: JSON.stringify(settings) } });
    return namedFileProblems(unwrap(config));
  };
  const [key, token] = [file('hook.key', `${'k'.repeat(16)}\n`), file('token', `${'t'.repeat(32)}\n`)];
  expect(await problemsOf(key, token)).toEqual([]);
  const short = file('short', `${'k'.repeat(15)}\n`);
  expect(await problemsOf(short, short)).toEqual([
    `alerts.sinks.0: ${short} holds 15 bytes; at least 16 are needed`,
    `hub.admission: ${short} holds fewer than 32 characters: anybody could guess them`,
  ]);
  const [missing] = await problemsOf(join(folder, 'nowhere'), token);
  expect(missing).toBe(`alerts.sinks.0: ${join(folder, 'nowhere')} cannot be read (ENOENT)`);
});
