import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CommandLine } from '../testing/command-line.ts';

const enrol = ['--enrol', '127.0.0.1:7441'];
const reason = ['--reason', 'test'];

it.each([
  ['doors', ['--leader', '127.0.0.1:7442', ...enrol]],
  ['operators', []],
] as const)(
  '%s add changes nothing where its file cannot be written: the key that is there stays good',
  async (verb, more) => {
    const line = await CommandLine.start();
    const add = (out: string) => line.run(verb, 'add', 'edge', '--out', out, ...more, ...reason);
    const out = join(line.folder, 'edge.json');
    expect(await add(out)).toMatchObject({ code: 0 });
    const given = readFileSync(out, 'utf8');
    const seq = line.federation.coordinator.engine.state().seq;

    expect(await add(out)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^CREDENTIALS_EXIST: .*move it away/),
    });
    expect(await add(join(line.folder, 'nowhere', 'edge.json'))).toMatchObject({
      code: 1,
      error: expect.stringContaining('is the path right?'),
    });
    expect(line.federation.coordinator.engine.state().seq).toBe(seq);
    expect(readFileSync(out, 'utf8')).toBe(given);
    expect(existsSync(join(line.folder, 'nowhere'))).toBe(false);
  },
  600_000,
);

it("a door finds newcomers' way at the leaders that were named, whatever one's own credentials say of another", async () => {
  const line = await CommandLine.start();
  const add = async (name: string, ...words: readonly string[]) => {
    const out = join(line.folder, `${name}.json`);
    expect(await line.run('doors', 'add', name, '--out', out, ...reason, ...words)).toMatchObject({ code: 0 });
    return JSON.parse(readFileSync(out, 'utf8')) as { addresses: string[]; enrolAddresses: string[] };
  };
  expect(await add('one', '--leader', 'one.example:7442,two.example:7442')).toMatchObject({
    addresses: ['one.example:7442', 'two.example:7442'],
    enrolAddresses: ['one.example:7441', 'two.example:7441'],
  });
}, 600_000);
