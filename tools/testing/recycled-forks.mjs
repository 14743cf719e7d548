/**
 * A pool for vitest: its forks, each of which runs file after file until it holds more memory than is allowed; then another
 * takes its place. What files leave in caches and in native memory is given back so, and no file begins in a process that is large.
 */
import { readFileSync } from 'node:fs';
import { ForksPoolWorker } from 'vitest/node';

/** Bytes in a page, on the machines that we test on. */
const pageBytes = 4_096;

/**
 * @param {number} residentBytesMax after a file; a process that has more runs none after it
 * @returns {import('vitest/node').PoolRunnerInitializer}
 */
export function recycledForks(residentBytesMax) {
  return { name: 'recycled-forks', createPoolWorker: (options) => new RecycledFork(options, residentBytesMax) };
}

class RecycledFork extends ForksPoolWorker {
  /** @override */
  name = 'recycled-forks';
  #residentBytesMax;
  /** @type {boolean | undefined} Vitest asks twice after each file, and both times it has to hear the same. */
  #reusable;

  /**
   * @param {import('vitest/node').PoolOptions} options
   * @param {number} residentBytesMax
   */
  constructor(options, residentBytesMax) {
    super(options);
    this.#residentBytesMax = residentBytesMax;
  }

  /**
   * @override
   * @param {import('vitest/node').WorkerRequest} request
   */
  send(request) {
    if (request.type === 'run') this.#reusable = undefined;
    super.send(request);
  }

  canReuse() {
    // Private by its types alone.
    const { fork } = /** @type {{ fork: import('node:child_process').ChildProcess }} */ (/** @type {unknown} */ (this));
    this.#reusable ??= residentBytes(fork.pid) <= this.#residentBytesMax;
    return this.#reusable;
  }
}

/**
 * proc_pid_statm(5): the second field, in pages. A system without /proc says nothing, and its processes go on.
 *
 * @param {number | undefined} pid
 */
function residentBytes(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return 0;
  }
}
