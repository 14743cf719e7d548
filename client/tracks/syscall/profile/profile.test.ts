import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { describeWhere } from '../../../../tools/testing/where.ts';
import { callIdOfName, callIdOfNumber, nameOfCallId, unknownId, vocabulary } from '../../../events/vocabulary.ts';
import { readTraceFile } from '../../../recordings/trace-file.ts';
import { buildBaseline, loadBaseline } from './baseline.ts';
import { numberOfCallId, unknownNumber } from './call-numbers.ts';
import { recordCommand } from './record.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-profile-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function traces(path: string) {
  const found = [];
  for await (const item of readTraceFile(path)) {
    if (item.kind !== 'trace') throw new Error(item.fault.message);
    found.push(item.trace);
  }
  return found;
}

describe('numberOfCallId', () => {
  it('gives every call of x86-64 a number that reads back as the same call, and the rest the unknown one', () => {
    let known = 0;
    for (const id of vocabulary.keys()) {
      const number = numberOfCallId(id);
      if (number !== unknownNumber) known += 1;
      expect(callIdOfNumber(number, 'x86_64')).toBe(number === unknownNumber ? unknownId : id);
    }
    expect(known).toBeGreaterThan(300);
  });
});

describe('baselines', () => {
  it('pass over workloads that cannot be named in one, and can be read then', async () => {
    const file = join(folder, 'traces.tsv');
    const lines = ['train\tredis\td\t232 0 1', `train\t${'w'.repeat(129)}\te\t0 1 3`, 'f\t0 1 3'];
    await writeFile(file, `${lines.join('\n')}\n`);
    const output = join(folder, 'baseline.json');
    const { faults } = unwrap(await buildBaseline([file], output));
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('line 2: expected a workload of 1 to 128 characters, got 129'),
      expect.stringContaining('line 3: expected a workload of 1 to 128 characters, got 0'),
    ]);
    expect([...unwrap(await loadBaseline(output)).seenCalls.keys()]).toEqual(['redis']);
  });

  it('hold benign traces once, what calls they made, and read back as examples', async () => {
    const file = join(folder, 'traces.tsv');
    const lines = [
      'train\tc\tnginx\tnormal\ta\t0 1 3',
      'train\tc\tnginx\tnormal\tb\t0 1 3',
      'attack\tc\tnginx\tx\tc\t59',
    ];
    lines.push('train\tredis\td\t232 0 1', 'not a trace at all\t\t\t\t\t\t');
    await writeFile(file, `${lines.join('\n')}\n`);
    const output = join(folder, 'baseline.json.gz');
    const summary = unwrap(await buildBaseline([file], output));
    expect(summary.faults.length).toBe(1);
    expect(summary.workloads).toEqual([
      { name: 'nginx', traces: 2, distinct: 1, calls: 6, differentCalls: 3 },
      { name: 'redis', traces: 1, distinct: 1, calls: 3, differentCalls: 3 },
    ]);
    const baseline = unwrap(await loadBaseline(output));
    const nginx = Uint16Array.from(['read', 'write', 'close'].map(callIdOfName));
    expect(baseline.examples[0]).toEqual({ workload: 'nginx', calls: nginx });
    expect(baseline.seenCalls.get('nginx')).toEqual(new Set(nginx));
    expect(baseline.seenCalls.get('redis')?.has(callIdOfName('epoll_wait'))).toBe(true);
  });

  it('are refused when they are something else', async () => {
    const path = join(folder, 'other.json');
    for (const text of ['', 'not json', '{}', '{"version":2,"workloads":[]}', '\x1f\x8bcut']) {
      await writeFile(path, text, 'latin1');
      expect(await loadBaseline(path)).toMatchObject({ fault: { code: 'BASELINE_UNREADABLE' } });
    }
    expect(await loadBaseline(join(folder, 'none'))).toMatchObject({ fault: { code: 'BASELINE_UNREADABLE' } });
  });
});

describeWhere(spawnSync('strace', ['-V']).error === undefined)('recordCommand', () => {
  it('writes the calls of a command and its children as a trace file, and passes its exit code on', async () => {
    const output = join(folder, 'recorded.tsv.gz');
    const startedMs = Date.now();
    const recorded = unwrap(
      await recordCommand({
        command: ['sh', '-c', 'cat /etc/hostname > /dev/null; exit 7'],
        workload: 'shell',
        output,
      }),
    );
    expect(recorded).toMatchObject({ exitCode: 7, skipped: 0 });
    const found = await traces(output);
    expect(found.length).toBe(recorded.traces);
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect(found.map(({ split, service }) => `${split}/${service}`)).toEqual(found.map(() => 'train/shell'));
    const names = found.flatMap(({ calls }) => Array.from(calls, nameOfCallId));
    for (const name of ['execve', 'openat', 'exit_group']) expect(names).toContain(name);
    expect(names).not.toContain('<unknown>');
    expect(found.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(recorded.calls);
    // By the same clock; the file says milliseconds.
    const endedMs = found.map((trace) => trace.endedMs ?? Number.NaN);
    expect(Math.min(...endedMs)).toBeGreaterThanOrEqual(startedMs - 1);
    expect(Math.max(...endedMs)).toBeLessThanOrEqual(Date.now() + 1);
  });

  it.each([
    [
      'exits with what strace exits with when it fails, and says what it says then',
      'echo "strace: Cannot find it" >&2; exit 1',
      1,
    ],
    ['writes what a fault of strace looks like to standard output', 'echo "strace: ptrace: not permitted"; exit 3', 3],
    ['writes what the end of a process looks like', 'echo "1 +++ exited with 9 +++" >&2; exit 4', 4],
    ['is ended by a signal', 'kill -KILL $$', 137],
    ['is ended by a signal that strace is not ended by', 'kill -34 $$', 162],
    ['dumps core', 'kill -SEGV $$', 139],
    ['leaves a child behind that goes on', '(cat /etc/hostname > /dev/null; exit 5) & exit 6', 6],
  ])('keeps the recording and the exit code of a command that %s', async (_, script, exitCode) => {
    const output = join(folder, 'recorded.tsv');
    const recorded = unwrap(await recordCommand({ command: ['bash', '-c', script], workload: 'shell', output }));
    expect(recorded).toMatchObject({ exitCode, skipped: 0 });
    const found = await traces(output);
    expect(found.length).toBe(recorded.traces);
    expect(found.map(({ calls }) => nameOfCallId(calls[0] ?? unknownId))).toContain('execve');
  });

  it('writes the recording when it is told to end, and ends the command', async () => {
    const output = join(folder, 'ended.tsv');
    const record = fileURLToPath(new URL('./record.ts', import.meta.url));
    const program = `
      const { recordCommand } = await import(${JSON.stringify(record)});
      const command = ['sh', '-c', 'echo running; exec sleep 600'];
      const recorded = await recordCommand({ command, workload: 'shell', output: ${JSON.stringify(output)} });
      console.log(JSON.stringify(recorded));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of child.stdout) {
      if (!said.includes('running') && String(chunk).includes('running')) {
        child.kill('SIGINT');
        child.kill('SIGTERM');
      }
      said += String(chunk);
    }
    expect(JSON.parse(said.split('\n')[1] ?? '')).toMatchObject({ ok: true, value: { exitCode: 143 } });
    expect((await traces(output)).length).toBeGreaterThan(0);
  });

  it('says so before it runs anything when the recording could not be written', async () => {
    const output = join(folder, 'no', 'such', 'folder', 'recorded.tsv');
    const marker = join(folder, 'was-run');
    const refused = await recordCommand({ command: ['touch', marker], workload: 'x', output });
    expect(refused).toMatchObject({ fault: { code: 'OUTPUT_UNWRITABLE' } });
    await expect(readFile(marker)).rejects.toThrow();
  });

  it('says so when the command is no program', async () => {
    const output = join(folder, 'none.tsv');
    const program = join(folder, 'program');
    await writeFile(program, 'neither a script nor a program', { mode: 0o700 });
    const refused = await recordCommand({ command: [program], workload: 'x', output });
    expect(refused).toMatchObject({ fault: { code: 'COMMAND_MISSING', message: expect.stringContaining('ENOEXEC') } });
    await expect(readFile(output)).rejects.toThrow();
  });

  it('says so when there is no such command', async () => {
    const output = join(folder, 'none.tsv');
    const refused = await recordCommand({ command: ['/no/such/command'], workload: 'x', output });
    expect(refused).toMatchObject({ fault: { code: 'COMMAND_MISSING' } });
    await expect(readFile(output)).rejects.toThrow();
  });
});
