import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Ran } from './kubectl.ts';
import { holds } from './waiting.ts';

/** What kubectl says where a command ran in the pod and failed. Where it could not even run it, the pods' network was not asked. */
const ended = /command terminated with exit code 1\b/;
/** One refusal alone may be a machine that was slow. */
const refusalsInARow = 2;
const echoMsMax = 5_000;

export const hasRunInVain = ({ code, error }: Ran) => code !== 0 && ended.test(error);

/** What became of new connections, tried one after another. */
export type Tried = Readonly<{
  /** From `sinceMs` to the first of two in a row that did not come to stand; null where there were none. */
  refusedAfterMs: number | null;
  /** Why none could be tried at all. */
  untried?: string;
}>;

/** Tries connections for `msMax` after `sinceMs` (`performance.now`), until the network refuses them. */
export async function tryUntilRefused(
  call: () => Promise<Ran>,
  sinceMs: number,
  msMax: number,
  signal: AbortSignal,
): Promise<Tried> {
  let [row, firstMs, why] = [0, 0, ''];
  let isAsked = false;
  const isRefused = await holds(msMax, signal, async () => {
    const ran = await call();
    if (ran.code === 0) row = 0;
    else if (!hasRunInVain(ran)) {
      why = ran.error.trim().slice(0, 200) || `kubectl ended with ${ran.code}`;
      return false;
    } else if (row++ === 0) firstMs = performance.now() - sinceMs;
    isAsked = true;
    return row >= refusalsInARow;
  });
  if (isRefused) return { refusedAfterMs: firstMs };
  return { refusedAfterMs: null, ...(isAsked ? {} : { untried: `none could be tried: ${why}` }) };
}

/** A connection that stands: what is said over it comes back. */
export class Talk {
  readonly #child: ChildProcessWithoutNullStreams;
  #heard = '';
  #said = '';
  /** And all that it said is heard: its end alone may come before its last words. */
  #hasEnded = false;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#heard = (this.#heard + text).slice(-65_536);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-65_536);
    });
    child.stdin.on('error', () => undefined); // It ended before it read: what it said tells why.
    child.once('close', () => {
      this.#hasEnded = true;
    });
  }

  /** Whether the word comes back; undefined where kubectl broke off by itself, which says nothing about the connection within. */
  async echoes(word: string, signal: AbortSignal, msMax = echoMsMax): Promise<boolean | undefined> {
    if (this.#hasEnded) return this.#brokeOff() ? undefined : false;
    this.#child.stdin.write(`${word}\n`);
    const did = await holds(msMax, signal, async () => this.#heard.includes(word) || this.#hasEnded);
    if (this.#heard.includes(word)) return true;
    return did && this.#brokeOff() ? undefined : false;
  }

  end(): void {
    this.#child.kill();
  }

  #brokeOff(): boolean {
    return !ended.test(this.#said);
  }
}
