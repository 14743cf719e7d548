/** Functions whose answers come later than they are there. What Node hangs on a function, as `promisify` reads it, goes along. */
import type { Later } from './delays.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever Node's own functions take.
type Any = (this: unknown, ...args: any[]) => any;
type Table = Record<string, unknown>;

/** A function that answers by a promise. `start`: what it does is done later too, as where all threads of the pool are taken. */
export function latePromise(later: Later, kind: string, work: Any, start: boolean): Any {
  const late: Any = function (...args) {
    return new Promise((resolve, reject) => {
      const begin = () => {
        // What it refuses at once is refused by the same promise: such a function never throws.
        Promise.resolve(work.apply(this, args)).then(
          (value) => later(kind, () => resolve(value)),
          (error) => later(kind, () => reject(error)),
        );
      };
      if (start) later(`${kind} begins`, begin);
      else begin();
    });
  };
  return like(work, late);
}

/** A function that answers by a callback, its last argument. Without one it is as it was. */
export function lateCallback(later: Later, kind: string, work: Any): Any {
  const late: Any = function (...args) {
    const done = args.at(-1);
    if (typeof done !== 'function') return work.apply(this, args);
    return work.apply(this, [
      ...args.slice(0, -1),
      function (this: unknown, ...answer: unknown[]) {
        later(kind, () => done.apply(this, answer));
      },
    ]);
  };
  return like(work, late);
}

/** Puts `make(its old value)` in the place of each function of that name; names that this Node does not have are passed over. */
export function replace(table: object, names: readonly string[], make: (name: string, work: Any) => Any): void {
  const functions = table as Table;
  for (const name of names) {
    const work = functions[name];
    if (typeof work === 'function') functions[name] = make(name, work as Any);
  }
}

function like(work: Any, late: Any): Any {
  return Object.defineProperties(late, Object.getOwnPropertyDescriptors(work));
}
