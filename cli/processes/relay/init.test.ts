import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../../testing/command-line.ts';

it('takes a parent to enrol at the port before its own, as `coordinator init --listen` lays them out, and says so', async () => {
  const init = (folder: string, ...words: string[]) => runTestudo('relay', 'init', folder, ...words);
  const region = () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'coordinator.yaml'), '');
    return folder;
  };
  const parentIn = (folder: string) =>
    (parse(readFileSync(join(folder, 'relay.yaml'), 'utf8')) as { parent: unknown }).parent;

  const [one, other] = [region(), region()];
  expect(await init(one, '--parent', '127.0.0.1:9002')).toMatchObject({
    code: 0,
    out: expect.stringContaining('127.0.0.1:9002 is the parent, and 127.0.0.1:9001 is where it enrols'),
  });
  expect(parentIn(one)).toEqual({ addresses: ['127.0.0.1:9002'], enrolAddress: '127.0.0.1:9001' });
  expect(await init(other, '--parent', 'root.example:443', '--enrol', 'root.example:7441')).toMatchObject({ code: 0 });
  expect(parentIn(other)).toEqual({ addresses: ['root.example:443'], enrolAddress: 'root.example:7441' });
  // A load balancer's port tells nothing of the one before it.
  const behind = region();
  expect(await init(behind, '--parent', 'root.example:443')).toMatchObject({
    code: 2,
    error: 'USAGE: --enrol: root.example:443 does not tell where it enrols; give its host:port\n',
  });
  expect(existsSync(join(behind, 'relay.yaml'))).toBe(false);
  expect(await init(region(), '--parent', '127.0.0.1:9002', '--enrol', 'nowhere')).toMatchObject({
    code: 2,
    error: 'USAGE: --enrol: expected host:port, got nowhere\n',
  });
});
