import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandLine } from '../testing/command-line.ts';
import { changesBetween, changesText } from './policy-changes.ts';

const policy = 'aggregation: { f: 0 }\nrounds: { collectForMs: 60000 }\n';

describe('testudo policy put', () => {
  it('changes a policy without the spec, says what changes, and does nothing when it is tried or the same', async () => {
    const line = await CommandLine.start({ policy });
    const file = join(line.folder, 'policy.yaml');
    writeFileSync(file, policy.replace('60000', '90000'));
    const put = (...more: string[]) => line.run('policy', 'put', 'syscall', file, '--reason', 'slow links', ...more);
    const change = '- rounds.collectForMs: 60000\n+ rounds.collectForMs: 90000\n';
    const tried = await put('--dry-run');
    expect(tried).toEqual({ code: 0, out: `${change}dry run: nothing was changed\n`, error: '' });
    const done = await put();
    expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/^.*\n.*\nin force from the next round on/) });
    expect(done.out.startsWith(change)).toBe(true);
    expect(await put('--json')).toMatchObject({
      code: 0,
      out: `${JSON.stringify({ track: 'syscall', dryRun: false, changes: [], warnings: [], sequence: null })}\n`,
    });
    expect(await line.run('policy', 'put', 'syscal', file, '--reason', 'x')).toMatchObject({
      code: 1,
      error: expect.stringContaining('did you mean syscall?'),
    });
  }, 600_000);

  it('refuses a schedule that never comes, or is of nowhere, when it is checked as when it is put', async () => {
    const line = await CommandLine.start({ policy });
    const file = join(line.folder, 'policy.yaml');
    for (const [schedule, said] of [
      ['{ cron: "0 2 31 2 *", timeZone: Europe/Berlin }', 'cron "0 2 31 2 *" never comes'],
      ['{ cron: "0 2 * * *", timeZone: Mars/Olympus }', 'timeZone "Mars/Olympus" is none that is known here'],
      ['{ cron: "0 26 * * *", timeZone: Europe/Berlin }', 'cron "0 26 * * *"'],
    ] as const) {
      writeFileSync(file, `${policy}schedule: ${schedule}\n`);
      const refused = { code: 1, error: expect.stringContaining(said) };
      expect(await line.run('policy', 'check', 'syscall', '--policy', file)).toMatchObject(refused);
      expect(await line.run('policy', 'put', 'syscall', file, '--reason', 'nightly')).toMatchObject(refused);
    }
  }, 600_000);

  it('says how long a round waits: of a policy that leaves it out, of one that waits to the deadline, and of what is in force', async () => {
    const line = await CommandLine.start({ policy });
    const file = join(line.folder, 'policy.yaml');
    const checked = async (...more: string[]) =>
      JSON.parse((await line.run('policy', 'check', 'syscall', '--json', ...more)).out);
    expect(await checked()).toMatchObject({ graceMs: 60_000 });
    writeFileSync(file, 'aggregation: { f: 0 }\nrounds: { collectForMs: 60000, graceMs: null }\n');
    expect(await checked('--policy', file)).toMatchObject({ graceMs: null });
    const put = await line.run('policy', 'put', 'syscall', file, '--reason', 'patience');
    expect(put.out.startsWith('- rounds.graceMs: 60000\n+ rounds.graceMs: null\n')).toBe(true);
    expect(await checked()).toMatchObject({ graceMs: null });
    expect((await line.run('policy', 'check', 'syscall')).out).toContain('for all of them, to the deadline');
  }, 600_000);

  it('warns of a policy under which no round opens for want of a sample; check ends with 4', async () => {
    const line = await CommandLine.start({ policy });
    const file = join(line.folder, 'policy.yaml');
    writeFileSync(file, `${policy}sample: { mix: 0.5 }\n`);
    const why = 'the policy mixes a trusted sample into training, and syscall has none; put one with';
    const checked = await line.run('policy', 'check', 'syscall', '--policy', file);
    expect(checked).toMatchObject({ code: 4, out: expect.stringContaining(`no round gives a model: ${why}`) });
    const json = await line.run('policy', 'check', 'syscall', '--policy', file, '--json');
    expect(json.code).toBe(4);
    expect(JSON.parse(json.out).problems).toContainEqual(expect.stringContaining(why));
    const put = await line.run('policy', 'put', 'syscall', file, '--reason', 'mixes');
    expect(put).toMatchObject({ code: 0, error: expect.stringContaining(`syscall: no round opens: ${why}`) });
    const planned = await line.run('rounds', 'plan', 'syscall');
    expect(`${planned.out}${planned.error}`).toContain(`syscall: no round opens: ${why}`);
    expect(await line.run('rounds', 'open', 'syscall', '--reason', 'x')).toMatchObject({
      code: 1,
      error: expect.stringContaining(`SAMPLE_ABSENT: ${why}`),
    });
  }, 600_000);

  it('says until when a round waits for clusters that are not there', async () => {
    const line = await CommandLine.start({ policy });
    expect(await line.run('rounds', 'open', 'syscall', '--reason', 'x')).toMatchObject({ code: 0 });
    const shown = await line.run('rounds', 'show', 'syscall', 'r-1');
    expect(shown.out).toMatch(/why +it waits for clusters until 20\d\d-\d\d-\d\dT[\d:]{8}Z: 0 connected, \d+ needed/);
  }, 600_000);

  it('names settings by their paths, those that come and go too, and takes a list as one value', () => {
    const changes = changesBetween({ a: { b: 1, c: [1] }, d: null }, { a: { b: 1, c: [1, 2] }, d: { e: 'x' } });
    expect(changesText(changes)).toBe('- a.c: [1]\n+ a.c: [1,2]\n- d: null\n+ d.e: "x"');
  });
});
