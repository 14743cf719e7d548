import type { Slice } from './canary-pods.ts';
import type { OperatorsKubectl } from './kubectl.ts';

/** What the watch said between its beginning and now. `gaps`: changes after which the Service had no ready endpoint. */
export type Seen = Readonly<{ changes: number; gaps: number; isWhole: boolean }>;

/**
 * Watches where a Service sends to. Every change is seen, not samples of them: the API server tells each. Counting begins with
 * the first state that has a ready endpoint.
 */
export function watchEndpoints(kubectl: OperatorsKubectl, service: string) {
  const child = kubectl.start([
    ...['get', 'endpointslices', '-l', `kubernetes.io/service-name=${service}`],
    ...['--watch', '--output-watch-events', '-o', 'json'],
  ]);
  const reading = new EndpointReading();
  child.stdout.setEncoding('utf8').on('data', (text: string) => reading.read(text));
  let isWhole = true;
  child.once('exit', () => {
    isWhole = false; // Ended before it was stopped: what came after was not seen.
  });
  child.once('error', () => {
    isWhole = false;
  });
  return {
    seen: (): Seen => ({ ...reading.counts(), isWhole }),
    hasBegun: () => reading.counts().changes > 0,
    stop: () => void child.kill('SIGKILL'),
  };
}

type WatchEvent = Readonly<{ type?: string; object?: Slice & Readonly<{ metadata?: Readonly<{ name?: string }> }> }>;

/** Counts from the text of a watch: one event a line. */
export class EndpointReading {
  #rest = '';
  readonly #slices = new Map<string, number>();
  #changes = 0;
  #gaps = 0;

  read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#event(JSON.parse(line) as WatchEvent);
  }

  counts() {
    return { changes: this.#changes, gaps: this.#gaps };
  }

  #event({ type, object }: WatchEvent): void {
    const name = object?.metadata?.name ?? '';
    const ready = (object?.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
    if (type === 'DELETED') this.#slices.delete(name);
    else this.#slices.set(name, ready);
    const all = [...this.#slices.values()].reduce((sum, count) => sum + count, 0);
    if (this.#changes === 0 && all === 0) return;
    this.#changes += 1;
    if (all === 0) this.#gaps += 1;
  }
}
