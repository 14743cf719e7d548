import { constants } from 'node:fs';
import { lstat, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { failpoint } from '../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timer, Timers } from '../../base/time.ts';
import { Turns } from '../../base/waiting/turns.ts';
import type { PodCgroup } from './pod-cgroup.ts';

export type FreezerFaultCode = 'POD_GONE' | 'FREEZE_TIMED_OUT' | 'FREEZER_FULL';

/** What is frozen by us, on disk before it is frozen: whoever comes after a kill thaws it. */
const bookShape = z.strictObject({
  frozen: z.array(z.strictObject({ uid: z.string(), path: z.string(), inode: z.string() })).max(1_000),
});

type Held = PodCgroup & Readonly<{ timer: Timer | undefined }>;
type Why = 'asked' | 'deadline' | 'restart' | 'closing';

export type FreezerParts = Readonly<{
  /** Where the book lies. */
  file: string;
  timers: Timers;
  /** Pods that may be frozen at a time. */
  atOnceMax: number;
  onThawed(uid: string, why: Why): void;
}>;

const freezeMsMax = 2_000;
const lookMs = 2;
/** What could not be thawed is thawed again so soon. */
const thawAgainMs = 1_000;

/**
 * The freezer of cgroup v2: every process of a pod stands still, and only a kill ends it. Each freeze has a deadline, which this
 * process keeps; one that was killed thaws at its next start what its book names.
 */
export class Freezer {
  readonly #parts: FreezerParts;
  readonly #held = new Map<string, Held>();
  readonly #closing = new AbortController();
  readonly #writing = new Turns();
  /** What is done to cgroups, one after another: a freeze that is being written must not overtake the thaw that ends it. */
  readonly #acting = new Turns();

  private constructor(parts: FreezerParts) {
    this.#parts = parts;
  }

  /** Thaws what an earlier run left frozen. Rejects where the book cannot be read: then nobody knows what to thaw. */
  static async open(parts: FreezerParts): Promise<Freezer> {
    const text = await readFile(parts.file, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return '{"frozen":[]}';
      throw error;
    });
    const freezer = new Freezer(parts);
    for (const { uid, path, inode } of bookShape.parse(JSON.parse(text)).frozen) {
      const held = { uid, path, inode: BigInt(inode), timer: undefined };
      // Another cgroup of that name is not ours: a pod's uid is never used again, and a folder that a test made might be.
      if (!(await isSame(held))) continue;
      freezer.#held.set(uid, held);
      await freezer.#end(uid, 'restart');
    }
    await freezer.#save();
    return freezer;
  }

  /** Resolves when every process of the pod stands still. It is thawed after `holdMs`, if not before. */
  async freeze(pod: PodCgroup, holdMs: number): Promise<Result<Readonly<{ isOurs: boolean }>, FreezerFaultCode>> {
    const { timers } = this.#parts;
    const isHeld = () => this.#held.has(pod.uid);
    // Looks take turns, too: of two freezes at once the one that was asked for last sets the deadline, however long its file took.
    const taken = await this.#acting.take(() => this.#hold(pod, holdMs));
    if (!taken.ok || !taken.value.isOurs) return taken;
    await this.#save();
    failpoint('freeze-written');
    if (!(await this.#acting.take(async () => !isHeld() || (await write(pod.path, '1'))))) {
      await this.#end(pod.uid, 'asked');
      return refuse('POD_GONE', `the cgroup of ${pod.uid} is not there any more`);
    }
    failpoint('frozen');
    const sinceMs = timers.monotonicMs();
    for (;;) {
      if (!isHeld()) {
        return refuse(
          'FREEZE_TIMED_OUT',
          `${pod.uid} was let go before it stood still: the ${holdMs} ms for which it may be held were over, or somebody asked`,
        );
      }
      const events = await readFile(join(pod.path, 'cgroup.events'), 'utf8').catch(() => undefined);
      if (events === undefined) {
        await this.#end(pod.uid, 'asked');
        return refuse('POD_GONE', `the cgroup of ${pod.uid} went while it was being frozen`);
      }
      if (/^frozen 1$/m.test(events)) return ok({ isOurs: true });
      if (this.#closing.signal.aborted || timers.monotonicMs() - sinceMs > freezeMsMax) {
        await this.#end(pod.uid, 'asked');
        return refuse(
          'FREEZE_TIMED_OUT',
          `${pod.uid} did not stand still within ${freezeMsMax / 1_000} s; it was let go`,
        );
      }
      await pause(timers, lookMs, this.#closing.signal);
    }
  }

  /** From here on it counts as frozen by us until `holdMs` are over; nothing of its cgroup was written yet. */
  async #hold(pod: PodCgroup, holdMs: number): Promise<Result<Readonly<{ isOurs: boolean }>, 'FREEZER_FULL'>> {
    const { timers, atOnceMax } = this.#parts;
    if (!this.#held.has(pod.uid)) {
      // Somebody else's freeze, such as a paused container's, is not ours to end.
      const set = await readFile(join(pod.path, 'cgroup.freeze'), 'utf8').catch(() => '');
      if (set.trim() === '1') return ok({ isOurs: false });
      if (this.#held.size >= atOnceMax)
        return refuse('FREEZER_FULL', `${atOnceMax} pods are frozen; wait for their end`);
    }
    timers.cancel(this.#held.get(pod.uid)?.timer);
    const timer = timers.after(holdMs, () => void this.#end(pod.uid, 'deadline'));
    this.#held.set(pod.uid, { ...pod, timer });
    return ok({ isOurs: true });
  }

  /** False where it is not frozen by us, or could not be thawed yet: then it is tried again. */
  async thaw(uid: string): Promise<boolean> {
    return await this.#end(uid, 'asked');
  }

  get frozen(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Nothing stays frozen; what could not be thawed stays in the book. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const uid of this.frozen) await this.#end(uid, 'closing');
  }

  async #end(uid: string, why: Why): Promise<boolean> {
    const held = this.#held.get(uid);
    if (held === undefined) return false;
    const { timers, onThawed } = this.#parts;
    timers.cancel(held.timer);
    const isOver = await this.#acting.take(async () => {
      if (this.#held.get(uid) !== held) return false; // It was frozen anew, and has a deadline of its own.
      // A pod that is deleted has no cgroup any more, and nothing to thaw.
      const isThawed = !(await isSame(held)) || (await write(held.path, '0')) || !(await isSame(held));
      if (isThawed) this.#held.delete(uid);
      else {
        const again = () => void this.#end(uid, why);
        const timer = this.#closing.signal.aborted ? undefined : timers.after(thawAgainMs, again);
        this.#held.set(uid, { ...held, timer });
      }
      return isThawed;
    });
    if (!isOver) return false;
    // A book that names one too many has it thawed once more at the next start; the next freeze says what ails the disk.
    await this.#save().catch(() => undefined);
    onThawed(uid, why);
    return true;
  }

  #save(): Promise<void> {
    return this.#writing.take(async () => {
      const frozen = [...this.#held.values()].map(({ uid, path, inode }) => ({ uid, path, inode: String(inode) }));
      await writeFileAtomic(this.#parts.file, `${JSON.stringify({ frozen })}\n`);
    });
  }
}

async function isSame({ path, inode }: Omit<PodCgroup, 'timer'>): Promise<boolean> {
  const now = await lstat(path, { bigint: true }).catch(() => undefined);
  return now?.isDirectory() === true && now.ino === inode;
}

/** False where there is no such cgroup. */
async function write(path: string, value: '0' | '1'): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_NOFOLLOW;
  const file = await open(join(path, 'cgroup.freeze'), flags).catch(() => undefined);
  if (file === undefined) return false;
  try {
    await file.write(value);
    return true;
  } catch {
    return false; // It went while it was open.
  } finally {
    await file.close();
  }
}
