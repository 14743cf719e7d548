/** Why a drill ends early. */
const interrupted = (name: string) => new Error(`interrupted by ${name}`);

/**
 * Runs work that undoes itself when its signal aborts: at the first SIGINT, SIGTERM or SIGHUP it is told to end, and this process goes on
 * until it has. A second one changes nothing: half-undone is worse than late.
 */
export async function untilInterrupted<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const ending = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const end = (name: string) => {
    if (!ending.signal.aborted) ending.abort(interrupted(name));
  };
  for (const name of names) process.on(name, end);
  try {
    return await work(ending.signal);
  } catch (error) {
    // What rejects when it is aborted says no more than that: the reason says why.
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    for (const name of names) process.off(name, end);
  }
}
