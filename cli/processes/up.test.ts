import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { isStill, markOf } from '../../lab/standing/process-mark.ts';
import { placesIn, type StandingState } from '../../lab/standing/standing-state.ts';
import { runTestudo } from '../testing/command-line.ts';

const folder = join(tempDir(afterAll), 'the herd');
process.env.TESTUDO_CONFIG_HOME = tempDir(afterAll);

const stateOf = () => JSON.parse(readFileSync(join(folder, 'up.json'), 'utf8')) as StandingState;
const up = async (...words: string[]) => {
  const ended = await runTestudo('up', folder, '--json', ...words);
  expect(ended).toMatchObject({ code: 0 });
  return JSON.parse(ended.out) as StandingState & { context: string };
};
const pidOf = ({ processes }: StandingState, wanted: string) => processes.find(({ name }) => name === wanted)?.pid;

describe('testudo up and down', () => {
  afterEach(async () => void (await runTestudo('down', folder)));

  it('start a federation that stays, that commands find by themselves and that goes on; and end it, and nothing else', async () => {
    const started = await runTestudo('up', folder, '--clusters', '3');
    expect(started).toMatchObject({ code: 0 });
    const first = stateOf();
    const pages = first.addresses?.dashboard ?? 'none';
    expect(started.out).toContain(`its dashboard   testudo dashboard      (${pages})`);
    expect(started.out).toContain(`end it          testudo down '${folder}'`);
    expect(await (await fetch(pages)).text()).toContain('<title>Testudo</title>');
    expect(first.processes.map(({ name }) => name)).toEqual(['coordinator', 'c01', 'c02', 'c03']);
    const status = await runTestudo('status', '--json');
    expect(status).toMatchObject({ code: 0, error: '' });
    expect(JSON.parse(status.out)).toMatchObject({
      clusters: [{ cluster: 'c01' }, { cluster: 'c02' }, { cluster: 'c03' }],
    });

    // A cluster that is handed a token joins where the kernel put the ports.
    const kit = join(tempDir(), 'c09');
    expect(await runTestudo('tokens', 'create', 'c09', '--kit', kit)).toMatchObject({ code: 0 });
    expect(parse(readFileSync(join(kit, 'client.yaml'), 'utf8')).coordinator).toEqual({
      addresses: [first.addresses?.federation],
      enrolAddress: first.addresses?.enrolment,
    });

    const lost = first.processes.find(({ name }) => name === 'c02');
    if (lost === undefined) throw new Error('c02 is not remembered');
    process.kill(lost.pid, 'SIGKILL');
    await expect.poll(() => isStill(lost)).toBe(false);
    const second = await up();
    expect(pidOf(second, 'coordinator')).toBe(pidOf(first, 'coordinator'));
    expect(pidOf(second, 'c01')).toBe(pidOf(first, 'c01'));
    expect(pidOf(second, 'c02')).not.toBe(lost.pid);
    expect(second.addresses).toEqual(first.addresses);

    // Somebody else's process that has got the number of one of ours.
    const bystander = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
    onTestFinished(() => void bystander.kill('SIGKILL'));
    const pid = bystander.pid as number;
    const state = stateOf();
    const reused = { name: 'c04', pid, mark: 'another-life/1' };
    writeFileSync(join(folder, 'up.json'), JSON.stringify({ ...state, processes: [...state.processes, reused] }));
    const down = await runTestudo('down', folder, '--json');
    const said = down.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // In the order in which they were started; c02 was started twice.
    expect(said.map(({ name, how }) => [name, how])).toEqual([
      ['c01', 'ended'],
      ['c03', 'ended'],
      ['c02', 'ended'],
      ['c04', 'was gone'],
      ['coordinator', 'ended'],
    ]);
    expect(second.processes.filter(isStill)).toEqual([]);
    expect(markOf(pid)).toBeDefined();
    expect(stateOf().processes).toEqual([]);
    expect(await runTestudo('status')).toMatchObject({ code: 3 });
  }, 600_000);

  it('refuse what cannot be founded, and what would be passed over', async () => {
    const usage = 2;
    expect(await runTestudo('up', join(folder, 'x'), '--clusters', '4', '--liars', '1')).toMatchObject({
      code: usage,
      error: 'USAGE: a round where 1 may lie needs 5 clusters or more, and these are 4\n',
    });
    expect(await runTestudo('up', folder, '--clusters', '5')).toMatchObject({
      code: usage,
      error: expect.stringContaining('--clusters: there are 3 here'),
    });
    expect(await runTestudo('up', join(folder, 'x'), '--sources', 'nowhere.yaml', '--classes', 'a')).toMatchObject({
      code: usage,
    });
    const kept = process.env.TESTUDO_CONFIG_HOME;
    const inTheWay = join(tempDir(onTestFinished), 'file');
    writeFileSync(inTheWay, '');
    process.env.TESTUDO_CONFIG_HOME = join(inTheWay, 'testudo');
    expect(await runTestudo('up', join(folder, 'y'))).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^CONTEXTS_UNREADABLE: .*cannot be read \(ENOTDIR\).*TESTUDO_CONFIG_HOME/),
    });
    process.env.TESTUDO_CONFIG_HOME = kept;
    expect(existsSync(join(folder, 'y'))).toBe(false);
    // Credentials that cannot be read are said in a sentence, before anything is started for them.
    const spoilt = join(tempDir(onTestFinished), 'herd');
    mkdirSync(placesIn(spoilt).coordinator, { recursive: true });
    const state = { version: 1, federation: 'herd', clusters: [], addresses: null, processes: [] };
    writeFileSync(placesIn(spoilt).state, JSON.stringify(state));
    writeFileSync(placesIn(spoilt).credentials, '{}');
    expect(await runTestudo('up', spoilt)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^CREDENTIALS_INVALID: [^\n]*\n$/),
    });
    expect(JSON.parse(readFileSync(placesIn(spoilt).state, 'utf8'))).toEqual(state);
    expect(await runTestudo('down', join(folder, 'never'))).toMatchObject({
      code: 1,
      error: expect.stringContaining('NOTHING_UP'),
    });
  });
});
