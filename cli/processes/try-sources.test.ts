import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readerTables } from '../../client/sources/testing/tables/all.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { durationMsOf } from './try-sources.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

/** What sources of some kinds must be told beside their path, as the tables tell their readers. */
const furtherSettings: Readonly<Record<string, object>> = {
  meshAccessLog: { namespace: 'shop', workload: 'orders' },
  strace: { workload: 'app' },
};
/** As many as a client's configuration takes. */
const sourcesMax = 64;
const isEvent = (kind: string) => !['skipped', 'repaired', 'lost', 'end'].includes(kind);

/** Runs `testudo client --check --try` on files of these lines, each as a source of this kind. */
async function run(files: Readonly<Record<string, Readonly<{ kind: string; lines: readonly string[] | undefined }>>>) {
  const folder = tempDir();
  for (const [name, { lines }] of Object.entries(files)) {
    if (lines !== undefined) await writeFile(join(folder, name), lines.map((line) => `${line}\n`).join(''));
  }
  const sources = Object.entries(files).map(([path, { kind }]) => ({ kind, path, ...furtherSettings[kind] }));
  const coordinator = { addresses: ['127.0.0.1:1'] };
  const config = { dataDirectory: 'data', coordinator, joinToken: { file: 'token' }, sources };
  await writeFile(join(folder, 'client.yaml'), JSON.stringify(config));
  const before = await readdir(folder);
  const args = ['client', '--config', join(folder, 'client.yaml'), '--check', '--try', '1s'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...args]);
  const texts = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.error += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(await readdir(folder)).toEqual(before); // It reads, and writes nothing.
  return { code, ...texts };
}

const linesOf = (source: string) => {
  const [found] = readerTables.filter((table) => table.source === source);
  return found?.cases.flatMap(({ lines }) => lines) ?? [];
};

it('says of each source what was understood: events, workloads, edges, and what was skipped and why', async () => {
  const broken = '{"process_kprobe":{"user":"alice"';
  const { code, out, error } = await run({
    'tetragon.log': { kind: 'tetragonFile', lines: [...linesOf('tetragonFile'), broken] },
    'hubble.log': { kind: 'hubbleFile', lines: linesOf('hubbleFile') },
  });
  expect([code, error]).toEqual([0, '']);
  expect(out).toContain('configuration is sound');
  expect(out).toMatch(/tetragonFile:\S+tetragon\.log: understood\n {2}events: \d+ \(.*call \d+.*\), workloads: [1-9]/);
  expect(out).toMatch(/hubbleFile:\S+hubble\.log: understood\n.*flow \d+.*, workloads: [1-9]\d*, edges: [1-9]/);
  expect(out).toMatch(/skipped as MALFORMED_JSON: \d+, such as \S+tetragon\.log:\d+, which looks like /);
  expect(out).not.toContain('alice');
});

it('understands every shape of every reader’s table as the table says', async () => {
  const cases = readerTables.flatMap((table) => table.cases.map((one) => ({ ...one, kind: table.source })));
  const names = cases.map((_, at) => `case-${at}.log`);
  const files = cases.map((one, at) => [names[at] as string, one] as const);
  let out = '';
  for (let at = 0; at < files.length; at += sourcesMax) {
    out += (await run(Object.fromEntries(files.slice(at, at + sourcesMax)))).out;
  }
  const said = new Map(
    [...out.matchAll(/^\S+(case-\d+\.log): (.+)\n {2}events: (\d+) .*skipped: (\d+)$/gm)].map(
      ([, name, verdict, events, skipped]) => [name, { verdict, events: Number(events), skipped: Number(skipped) }],
    ),
  );
  for (const [at, { tool, shape, items }] of cases.entries()) {
    const skipped = items.filter(({ kind }) => kind === 'skipped').length;
    const events = items.filter(({ kind }) => isEvent(kind)).length;
    const verdict = events > 0 ? 'understood' : 'NOTHING USABLE';
    expect([tool, shape, said.get(names[at] as string)]).toEqual([tool, shape, { verdict, events, skipped }]);
  }
});

it('ends with 1, and names the source, where nothing usable came of one', async () => {
  const { code, out, error } = await run({
    'tetragon.log': { kind: 'tetragonFile', lines: linesOf('tetragonFile') },
    'text.log': { kind: 'hubbleFile', lines: ['Jan 2 03:04:05 alice logged in', 'Jan 2 03:04:06 bob logged in'] },
    'table.csv': { kind: 'flowCsv', lines: ['alice,1,bob-22'] },
    'absent.log': { kind: 'falcoFile', lines: undefined },
    '.': { kind: 'hubbleFile', lines: undefined },
  });
  expect(code).toBe(1);
  expect(out).toContain('tetragon.log: understood');
  expect(out).toMatch(/text\.log: NOTHING USABLE\n {2}events: 0 \(none\), workloads: 0, edges: 0, skipped: 2/);
  expect(out).toContain('a{3} 9{1} 9{2}:9{2}:9{2} a{5} a{6} a{2}');
  expect(out).toMatch(
    /skipped as UNKNOWN_LAYOUT: 1, such as \S+table\.csv:1, which looks like a\{5\},9\{1\},a\{3\}-9\{2\}/,
  );
  expect(out).not.toContain('alice');
  expect(out).toMatch(/absent\.log: NOTHING USABLE\n.*\n {2}ENOENT: the file is not there: check path and mount/);
  expect(out).toMatch(/hubbleFile:\S+: NOTHING USABLE\n.*\n {2}EISDIR: a folder stands where a file should/);
  expect(error).toMatch(
    /nothing usable came of hubbleFile:\S+text\.log, flowCsv:\S+table\.csv, falcoFile:\S+absent\.log/,
  );
});

it('durationMsOf reads seconds, minutes and hours, and nothing else', () => {
  const read = ['30s', '2m', '2min', '1h', '500ms', '7', '1.5s', '0s', '-1s', '30 s', '25h', 's', ''].map(durationMsOf);
  expect(read).toEqual([30_000, 120_000, 120_000, 3_600_000, 500, 7_000, 1_500, ...Array(6).fill(undefined)]);
});
