import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import type { Fault } from '../../../base/fault.ts';
import { followRoots } from '../../../proto/release/follow-roots.ts';
import { anchorTrust, type ReleaseTrust } from '../../../proto/release/trust.ts';
import { type ReceivedReleases, type ReleaseProposal, walkReleases } from '../../../proto/release/walk.ts';
import type { ConnectToReleases, ReleaseMessage } from '../../releases/release-calls.ts';
import type { FetchCalls } from '../../releases/release-files.ts';

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const piece = base64.pipe(z.instanceof(Uint8Array));
const stored = z.strictObject({
  roots: z.array(piece),
  set: z.strictObject({ timestamp: piece, snapshot: piece, catalogue: piece, pins: piece }).nullable(),
  labels: z.record(z.string(), z.string()),
});

type Set = Omit<ReceivedReleases, 'roots'>;

export type RelayParts = Readonly<{
  now: () => number;
  report: (fault: Fault) => void;
  /** Told to sensors instead of what the coordinator says of this cluster. */
  labels?: Readonly<Record<string, string>> | undefined;
}>;

/**
 * What the coordinator signed, for the sensors: every root from the first one on, and the newest whole set. It is relayed
 * as it came, and only where the same walk that a sensor makes passes it; sensors verify it all the same.
 */
export class ReleasesRelay {
  readonly #path: string;
  readonly #parts: RelayParts;
  #trust: ReleaseTrust | undefined;
  #roots: readonly Uint8Array[];
  #set: Set | undefined;
  #labels: Readonly<Record<string, string>>;
  #news = Promise.withResolvers<void>();
  #saving: Promise<void> = Promise.resolve();
  #newest: ReleaseProposal | undefined;
  #calls: FetchCalls | undefined;

  private constructor(path: string, from: z.infer<typeof stored>, parts: RelayParts) {
    this.#path = path;
    this.#parts = parts;
    this.#roots = from.roots;
    this.#set = from.set ?? undefined;
    this.#labels = from.labels;
    this.#trust = trustOf(from.roots);
  }

  /** Goes on with what the last run relayed; what does not read back is fetched anew. */
  static async open(dataDirectory: string, parts: RelayParts): Promise<ReleasesRelay> {
    const path = join(dataDirectory, 'hub', 'releases.json');
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return 'null';
      throw error;
    });
    const parsed = stored.safeParse(parsedJson(text));
    return new ReleasesRelay(path, parsed.success ? parsed.data : { roots: [], set: null, labels: {} }, parts);
  }

  /** The coordinator's connection, listened in on: the agent hears the same, with older roots where the relay lacks them. */
  listening(connect: ConnectToReleases): ConnectToReleases {
    return (address, identity) => {
      const connection = connect(address, identity);
      return {
        ...connection,
        subscribe: (request, options) =>
          connection.subscribe(
            { ...request, rootVersion: Math.min(request.rootVersion, this.#roots.length) },
            {
              ...options,
              onMessage: (message) => {
                this.#calls = connection;
                this.hear(message);
                options.onMessage(message);
              },
            },
          ),
        close: () => {
          if (this.#calls === connection) this.#calls = undefined;
          connection.close();
        },
      };
    };
  }

  /** The newest set that passed in this run; undefined before one did. */
  get newest(): ReleaseProposal | undefined {
    return this.#newest;
  }

  /** The connection that sets come over; undefined while there is none. */
  get calls(): FetchCalls | undefined {
    return this.#calls;
  }

  /** What sensors are told that this cluster's labels are. */
  get labels(): Readonly<Record<string, string>> {
    return this.#parts.labels ?? this.#labels;
  }

  /** A set as it came; one that does not pass is left out, and what was relayed before stays. */
  hear({ received, labels }: ReleaseMessage): void {
    const { roots, ...set } = received;
    const [first] = roots;
    if (this.#trust === undefined && first !== undefined) {
      const anchored = anchorTrust(first);
      if (!anchored.ok) {
        this.#parts.report(anchored.fault);
        return;
      }
      this.#trust = anchored.value;
      this.#roots = [first];
    }
    if (this.#trust === undefined) return;
    this.#roots = [...this.#roots, ...lawfulAmong(this.#trust, roots)];
    const { rooted, result } = walkReleases(this.#trust, received, this.#parts.now());
    this.#trust = rooted;
    if (!result.ok) {
      this.#parts.report(result.fault);
      return;
    }
    if (result.value !== null) {
      this.#trust = result.value.next;
      this.#newest = result.value;
      this.#set = set;
    }
    this.#labels = labels;
    this.#save();
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** What a sensor that holds this root gets; undefined while there is no set. */
  messageFor(rootVersion: number): ReleaseMessage | undefined {
    if (this.#set === undefined) return undefined;
    return { received: { roots: this.#roots.slice(rootVersion), ...this.#set }, labels: this.labels };
  }

  /** Resolves with the next set. */
  next(): Promise<void> {
    return this.#news.promise;
  }

  /** Resolves when everything heard is on disk. */
  async close(): Promise<void> {
    await this.#saving;
  }

  #save(): void {
    const text = JSON.stringify({
      roots: this.#roots.map(textOf),
      set:
        this.#set === undefined
          ? null
          : {
              timestamp: textOf(this.#set.timestamp),
              snapshot: textOf(this.#set.snapshot),
              catalogue: textOf(this.#set.catalogue),
              pins: textOf(this.#set.pins),
            },
      labels: this.#labels,
    });
    // Losing it costs a fetch: a disk that is full must not end the hub.
    this.#saving = this.#saving.then(() => writeFileAtomic(this.#path, text).catch(() => undefined));
  }
}

/** Of roots as they came those that the walk follows: what comes behind them may be anybody's, and would keep every sensor from the next. */
function lawfulAmong(trust: ReleaseTrust, roots: readonly Uint8Array[]): readonly Uint8Array[] {
  const lawful: Uint8Array[] = [];
  let now = trust;
  for (const root of roots) {
    const followed = followRoots(now, [root]);
    if (followed.fault !== undefined) break;
    if (followed.trust !== now) lawful.push(root);
    now = followed.trust;
  }
  return lawful;
}

function trustOf(roots: readonly Uint8Array[]): ReleaseTrust | undefined {
  const [first] = roots;
  const anchored = first === undefined ? undefined : anchorTrust(first);
  if (anchored?.ok !== true) return undefined;
  const nothing = new Uint8Array(0);
  const only = { roots, timestamp: nothing, snapshot: nothing, catalogue: nothing, pins: nothing };
  return walkReleases(anchored.value, only, 0).rooted;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
