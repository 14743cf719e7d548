import { spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { delimiter, join } from 'node:path';
import { isMissing } from '../../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { boundedLines } from '../../../../base/text/bounded-lines.ts';

export type TraceFault = 'STRACE_MISSING' | 'STRACE_FAILED' | 'COMMAND_MISSING' | 'NOTHING_RECORDED';

type Command = readonly [string, ...string[]];

/** Strings are kept as far as a path's class needs them. Signals are written: who hides them hides which one ended a process. */
const options = ['-f', '-ttt', '-q', '-s', '256', '-e', 'trace=all'];

/**
 * Runs a command under strace, whose text goes to the file `text`, and returns how the command ended: its exit code, or 128 and
 * the signal's number. The command has the terminal. Whether it ran, and how it ended, is read from strace's text: what it or
 * strace prints says nothing about that, and strace itself takes some signals for success.
 */
export async function runTraced(command: Command, text: string): Promise<Result<number, TraceFault>> {
  const own = await spawnStrace(command, text);
  if (!own.ok) return own;
  const outcome = await outcomeOf(text);
  if (outcome.refusal !== undefined) {
    return refuse('COMMAND_MISSING', `${command[0]} cannot be run: ${outcome.refusal}`);
  }
  if (outcome.hasRun) return ok(outcome.exitCode ?? own.value);
  if (!(await isThere(command[0]))) return refuse('COMMAND_MISSING', `there is no ${command[0]}, here or on PATH`);
  return refuse('NOTHING_RECORDED', 'strace wrote no call: is tracing forbidden here (ptrace_scope, seccomp)?');
}

function spawnStrace(command: Command, text: string): Promise<Result<number, TraceFault>> {
  return new Promise((resolve) => {
    const child = spawn('strace', [...options, '-o', text, '--', ...command], { stdio: 'inherit' });
    // The terminal sends these to the command, too; the recording is written when it has ended.
    const wait = () => undefined;
    // strace takes no signals while it has a command: whoever ends us means that one.
    const handOn = () => kill(mainPidOf(text), 'SIGTERM');
    process.on('SIGINT', wait).on('SIGHUP', wait).on('SIGTERM', handOn);
    const settle = (result: Result<number, TraceFault>) => {
      process.off('SIGINT', wait).off('SIGHUP', wait).off('SIGTERM', handOn);
      resolve(result);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle(
        isMissing(error)
          ? refuse('STRACE_MISSING', 'strace is not on PATH; install it (Debian: apt-get install strace)')
          : refuse('STRACE_FAILED', `strace did not start: ${error.message}`),
      );
    });
    child.on('close', (code, signal) => settle(ok(code ?? 128 + signalNumber(signal ?? ''))));
  });
}

type Outcome = { hasRun: boolean; refusal: string | undefined; exitCode: number | undefined };

/** The first line is the command's execve, by the process whose end is the command's. */
async function outcomeOf(text: string): Promise<Outcome> {
  const outcome: Outcome = { hasRun: false, refusal: undefined, exitCode: undefined };
  const input = createReadStream(text);
  let main: string | undefined;
  try {
    for await (const line of boundedLines(input)) {
      if (main === undefined) {
        const [, pid, result, error] = /^(\d+) .* = (-?\d+)(?: (.+))?$/.exec(line ?? '') ?? [];
        main = pid ?? '';
        outcome.hasRun = result !== undefined && Number(result) >= 0;
        outcome.refusal = outcome.hasRun || result === undefined ? undefined : (error ?? result);
        // A command line that is too long for a line of ours was run all the same.
        if (line === undefined) outcome.hasRun = true;
        continue;
      }
      if (line === undefined || !line.endsWith(' +++') || !line.startsWith(`${main} `)) continue;
      outcome.exitCode ??= exitCodeOf(line);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return outcome;
}

function exitCodeOf(line: string): number | undefined {
  const [, code, signal] = /\+\+\+ (?:exited with (\d+)|killed by (\w+).*) \+\+\+$/.exec(line) ?? [];
  if (code !== undefined) return Number(code);
  return signal === undefined ? undefined : 128 + signalNumber(signal);
}

/** Real-time signals are counted from 32 on, as strace does. */
function signalNumber(name: string): number {
  const realTime = /^SIGRT_(\d+)$/.exec(name);
  if (realTime !== null) return 32 + Number(realTime[1]);
  return name === 'SIGRTMIN' ? 32 : ((osConstants.signals as Readonly<Record<string, number>>)[name] ?? 0);
}

function mainPidOf(text: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(text, 'latin1').slice(0, 16), 10);
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function isThere(program: string): Promise<boolean> {
  const folders = program.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  const found = await Promise.all(
    folders.map((folder) =>
      access(folder === '' ? program : join(folder, program), constants.F_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
