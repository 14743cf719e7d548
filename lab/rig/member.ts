import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type Fault, FaultError, refuse } from '../../base/fault.ts';

/** A process of a rig's own: its output goes to a file, and whoever started it ends it. */
export type Member = Readonly<{
  name: string;
  pid: number;
  logFile: string;
  /** Resolves when it has ended, however. */
  exited: Promise<void>;
  running(): boolean;
  /** null while it runs, and when a signal ended it. */
  exitCode(): number | null;
  /** Asks it to end; after `graceMs` it is killed. May be called twice. */
  stop(graceMs?: number): Promise<void>;
  /** Ends it at once, and waits for nothing: also from where this process is about to exit. */
  kill(): void;
}>;

export type MemberPlan = Readonly<{
  name: string;
  /** Script and its arguments, run by this very Node. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  logFile: string;
  /** It outlives this process, and no key that is pressed here reaches it. */
  stays?: boolean;
}>;

const pollMs = 100;

/** Starts a process. Its environment is ours and `env`. Throws with the system's reason when it cannot be started. */
export async function startMember(
  { name, args, env, logFile, stays = false }: MemberPlan,
  openLog: (file: string) => Promise<Pick<FileHandle, 'fd' | 'close'>> = (file) => open(file, 'a'),
): Promise<Member> {
  const log = await openLog(logFile);
  let child: ChildProcess;
  let exited: Promise<void>;
  try {
    child = spawn(process.execPath, [...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', log.fd, log.fd],
      detached: stays,
    });
    // Before anything is waited for: a short one has ended before its log is closed here.
    exited = new Promise((resolve) => child.once('exit', () => resolve()));
    if (stays) child.unref();
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  const running = () => child.exitCode === null && child.signalCode === null;
  const stop = async (graceMs = 5_000) => {
    if (!running()) return;
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(impatience);
  };
  const kill = () => void child.kill('SIGKILL');
  return { name, pid: child.pid as number, logFile, exited, running, exitCode: () => child.exitCode, stop, kill };
}

/** The end of a member's log, for a message about its untimely end. */
export async function lastLines({ logFile }: Pick<Member, 'logFile'>, count = 12): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** `said`: the end of its log. */
export function processEnded(name: string, said: string): Fault<'PROCESS_ENDED'> {
  return refuse('PROCESS_ENDED', `${name} ended by itself. It said last:\n${said}`).fault;
}

/** A short pause; throws when a member has ended by itself, with what it said last. */
export async function pauseWhileRunning(members: readonly Member[], pauseMs = pollMs): Promise<void> {
  const ended = members.find((member) => !member.running());
  if (ended !== undefined) throw new FaultError(processEnded(ended.name, await lastLines(ended)));
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
