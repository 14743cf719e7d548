import { spawn, spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { partialOf } from '../../base/atomic-file.ts';
import { nameOfCallId } from '../../client/events/vocabulary.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { describeWhere } from '../../tools/testing/where.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

type Deaf = 'nobody' | 'stdout' | 'stderr';

/** `testudo record` of a script in a process of its own. deaf: whose reader goes away before anything was written. */
async function record(script: string, deaf: Deaf = 'nobody') {
  const output = join(tempDir(), 'recorded.tsv');
  const args = ['--disable-warning=ExperimentalWarning', testudo, 'record', '--output', output, '--workload', 'shell'];
  const child = spawn(process.execPath, [...args, '--', 'bash', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, error]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => error.push(chunk));
  if (deaf !== 'nobody') child[deaf].destroy();
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const names = new Set<string>();
  for await (const item of readTraceFile(output)) {
    if (item.kind !== 'trace') throw new Error(item.fault.message);
    for (const call of item.trace.calls) names.add(nameOfCallId(call));
  }
  return { code, out: Buffer.concat(out), error: Buffer.concat(error).toString('utf8'), names, output };
}

describeWhere(spawnSync('strace', ['-V']).error === undefined)('testudo record', () => {
  it.each([
    [
      'lines like its own faults, strace’s, and the ends of processes',
      `printf 'testudo record: COMMAND_MISSING: x\\nstrace: ptrace: denied\\n1 +++ exited with 9 +++\\n'; exit 3`,
      'testudo record: COMMAND_MISSING: x\nstrace: ptrace: denied\n1 +++ exited with 9 +++\n',
    ],
    [
      'control characters, zeros and no UTF-8',
      `printf '\\033[2J\\007\\r\\000\\b\\377\\302'; exit 3`,
      '\x1b[2J\x07\r\0\b\xff\xc2',
    ],
    ['a line of 8 MiB that does not end', `head -c 8388608 /dev/zero | tr '\\0' x; exit 3`, 'x'.repeat(8_388_608)],
    [
      'nothing more, for it has closed its outputs',
      'echo before; exec >&- 2>&-; cat /etc/hostname; exit 3',
      'before\n',
    ],
    [
      'nothing, but calls with names that look like the end of the command',
      `cat $'/no\\n1 +++ exited with 9 +++' $'/no\\n'$$' +++ killed by SIGKILL +++' 2>/dev/null; exit 3`,
      '',
    ],
  ])('keeps recording and exit code of a command that prints %s', async (_, script, printed) => {
    const { code, out, error, names } = await record(script);
    expect(code).toBe(3);
    expect(out.equals(Buffer.from(printed, 'latin1'))).toBe(true);
    expect(error).toMatch(/testudo record: \d+ traces, \d+ calls in \S+recorded\.tsv\n$/);
    for (const name of ['execve', 'exit_group']) expect(names).toContain(name);
  });

  it('leaves the recording that was there where there is no room for another', async () => {
    const output = join(tempDir(), 'recorded.tsv');
    writeFileSync(output, 'of an earlier run');
    symlinkSync('/dev/full', partialOf(output)); // Where it is written until it is whole.
    const child = spawn(process.execPath, [testudo, 'record', '--output', output, '--', 'true'], { stdio: 'pipe' });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
    expect(said).toMatch(/testudo record: OUTPUT_UNWRITABLE: .*ENOSPC.*; make room or choose another place/);
    expect(await readFile(output, 'utf8')).toBe('of an earlier run');
  });

  it('ends as a command that a signal ended: 128 and the signal’s number', async () => {
    const { code, names } = await record('cat /etc/hostname; kill -TERM $$');
    expect(code).toBe(143);
    expect(names).toContain('execve');
  });

  it('records a command whose reader goes away, and says how that ended it', async () => {
    const { code, names } = await record('exec cat /dev/zero', 'stdout');
    expect(code).toBe(128 + 13); // SIGPIPE
    expect(names).toContain('execve');
  });

  it('keeps the exit code where nobody reads what it says itself', async () => {
    const { code, output } = await record('exit 3', 'stderr');
    expect(code).toBe(3);
    expect((await readFile(output, 'utf8')).split('\n').length).toBeGreaterThan(1);
  });
});
