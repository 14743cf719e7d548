import type { SourceItem } from '../events/source-item.ts';
import { callIdOfName, unknownId } from '../events/vocabulary.ts';
import type { Step } from './budget.ts';

/**
 * Calls by which intruders start programs, look into other processes, change namespaces, mounts, modules and the kernel's
 * programs, or load code from memory.
 */
const dangerousNames = [
  'execve',
  'execveat',
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'setns',
  'unshare',
  'mount',
  'umount2',
  'pivot_root',
  'chroot',
  'move_mount',
  'init_module',
  'finit_module',
  'delete_module',
  'kexec_load',
  'kexec_file_load',
  'bpf',
  'perf_event_open',
  'memfd_create',
  'userfaultfd',
  'open_by_handle_at',
  'keyctl',
  'add_key',
  'mknod',
  'mknodat',
  'iopl',
  'ioperm',
  'personality',
] as const;

const dangerousCalls: ReadonlySet<number> = new Set(
  dangerousNames.map((name) => callIdOfName(name)).filter((id) => id !== unknownId),
);

/** Of the threads, one in so many is looked at in the step `sampled`. */
const sampledOneIn = 4;
/** Threads that made a dangerous call and are looked at since. */
const watchedMax = 8_192;

/** Decides which calls are looked at under a step, and counts those that are not. A thread is looked at as a whole, from some call on. */
export class Gate {
  step: Step = 'full';
  #calls = 0;
  #unseen = 0;
  #lost = 0;
  /** Oldest first. */
  readonly #watched = new Set<string>();

  /** System calls that came. */
  get calls(): number {
    return this.#calls;
  }

  /** Of those, calls that nobody looked at. */
  get unseen(): number {
    return this.#unseen;
  }

  /** Events that the node's own sensors say that they lost. */
  get lost(): number {
    return this.#lost;
  }

  /** What passes; the very list where all of it does. */
  through(items: readonly SourceItem[]): readonly SourceItem[] {
    if (this.step === 'full') {
      for (const item of items) {
        if (item.kind === 'call') this.#calls += 1;
        else if (item.kind === 'lost') this.#lost += item.count;
      }
      return items;
    }
    return items.filter((item) => this.#passes(item));
  }

  #passes(item: SourceItem): boolean {
    if (item.kind === 'end') {
      this.#watched.delete(item.thread);
      return true;
    }
    if (item.kind === 'lost') this.#lost += item.count;
    if (item.kind !== 'call') return true;
    this.#calls += 1;
    if (this.#isLookedAt(item.thread, item.call)) return true;
    this.#unseen += 1;
    return false;
  }

  #isLookedAt(thread: string, call: number): boolean {
    if (dangerousCalls.has(call)) {
      this.#watched.delete(thread);
      this.#watched.add(thread);
      if (this.#watched.size > watchedMax) this.#watched.delete(this.#watched.values().next().value as string);
      return true;
    }
    if (this.#watched.has(thread)) return true;
    return this.step === 'sampled' && shareOf(thread) === 0;
  }
}

/** The same thread is always in the same share: FNV-1a of its name. */
function shareOf(thread: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < thread.length; at++) hash = Math.imul(hash ^ thread.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % sampledOneIn;
}
