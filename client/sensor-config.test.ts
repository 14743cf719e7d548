import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { parseSensorConfig } from './sensor-config.ts';

const least = {
  dataDirectory: 'data',
  hub: { address: 'hub:7443', admissionAddress: 'hub:7444', authorityFile: 'ca.pem' },
  sources: [{ kind: 'tetragonGrpc', address: 'unix:///var/run/tetragon/tetragon.sock' }],
};

function parse(settings: object, environment = {}) {
  return parseSensorConfig({ file: { path: '/etc/testudo/sensor.yaml', text: JSON.stringify(settings) }, environment });
}

describe('parseSensorConfig', () => {
  it('keeps to a tenth of a core and 150 MiB unless told otherwise, with paths from where the file lies', () => {
    const config = unwrap(parse(least, { TESTUDO_SENSOR_NODE: 'node-a' }));
    expect(config).toMatchObject({
      dataDirectory: '/etc/testudo/data',
      node: 'node-a',
      hub: { authorityFile: '/etc/testudo/ca.pem', tokenFile: '/var/run/secrets/testudo/token' },
      budget: { coresMax: 0.1, rssMiBMax: 150 },
      tracks: [{ id: 'syscall' }],
    });
    expect(Object.isFrozen(config.hub)).toBe(true);
  });

  it('names every problem at once', () => {
    const parsed = parse({ ...least, sources: [], budget: { coresMax: 0 }, coordinator: {} });
    expect(parsed.ok).toBe(false);
    const message = parsed.ok ? '' : parsed.fault.message;
    for (const name of ['sources', 'budget.coresMax', 'coordinator']) expect(message).toContain(name);
  });

  it('takes a track of one’s own from beside the file, as a client does', () => {
    const folder = mkdtempSync(join(tmpdir(), 'testudo-sensor-config-'));
    try {
      mkdirSync(join(folder, 'own'));
      writeFileSync(join(folder, 'own', 'track.ts'), '');
      const text = JSON.stringify({ ...least, tracks: [{ id: 'mine', folder: './own' }] });
      const parsed = parseSensorConfig({ file: { path: join(folder, 'sensor.yaml'), text } });
      expect(unwrap(parsed).tracks).toEqual([{ id: 'mine', folder: join(folder, 'own') }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names a setting that is none beside a track that is none', () => {
    const text = JSON.stringify({ ...least, tracks: ['telepathy'] });
    const parsed = parseSensorConfig({ file: { path: '/etc/testudo/sensor.yaml', text }, settings: ['nonsense'] });
    const message = parsed.ok ? '' : parsed.fault.message;
    for (const name of ['--set nonsense', 'telepathy holds no track.ts']) expect(message).toContain(name);
  });
});
