import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { masterKey as masterKeyText } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { jsonSchemas } from '../overview/wire-schemas.ts';
import { CommandLine, runTestudo } from '../testing/command-line.ts';

it('a journal leaves the building: exported, proved, cosigned by a second party, and checked by whoever gets it', async () => {
  const line = await CommandLine.start();
  const papers = tempDir();
  const place = (name: string) => join(papers, name);
  writeFileSync(place('master'), masterKeyText, { mode: 0o600 });
  const { federation, dataDirectory } = line.federation.config;
  const config = {
    federation,
    dataDirectory,
    masterKey: { file: 'master' },
  };
  writeFileSync(place('coordinator.yaml'), JSON.stringify(config));
  const done = async (...words: readonly string[]) => {
    const ended = await runTestudo(...words);
    expect([words, ended.code, ended.error]).toEqual([words, 0, '']);
    return ended.out;
  };
  const beside = (verb: string, ...words: readonly string[]) =>
    done('coordinator', verb, '--config', place('coordinator.yaml'), ...words);

  const [told] = await Promise.all([
    beside('checkpoint-key'),
    beside('prove', '--since', '0', '--to', place('request')),
    beside('prove', '--entry', '2', '--to', place('entry')),
  ]);
  const key = told.trim();
  const home = ['--home', place('witness')];
  const witness = (
    await done('audit', 'witness', 'init', '--name', 'witness.example/w1', '--log', key, ...home)
  ).trim();
  expect(await done('audit', 'witness', 'cosign', place('request'), '--to', place('cosigned'), ...home)).toMatch(
    /^cosigned: entries 1 to \d+\n/,
  );
  await beside('add-cosignature', place('cosigned'));
  await beside('export-audit', '--to', place('journal.jsonl'));
  const said = await done('audit', 'verify', place('journal.jsonl'), '--key', key, '--witness', witness);
  expect(said).toMatch(/^sound: entries 1 to \d+\nits 2 signed heads fit, and the key that you gave signed them\n/);
  expect(said).toMatch(/\nwitness.example\/w1 cosigned entries 1 to \d+ on /);

  expect(await done('audit', 'verify', place('entry'), '--key', key)).toMatch(/^sound: this is entry 2 of the \d+ /);
  const unheard = await runTestudo('audit', 'verify', place('entry'), '--key', key, '--witness', witness);
  expect(unheard).toMatchObject({ code: 2, out: '', error: expect.stringMatching(/^USAGE: --witness: of a proof/) });
  const printed = JSON.parse(await done('audit', 'verify', place('journal.jsonl'), '--key', key, '--json'));
  expect(z.fromJSONSchema(jsonSchemas().get('audit verify') as never).safeParse(printed).error?.issues ?? []).toEqual(
    [],
  );
}, 600_000);
