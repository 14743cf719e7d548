import { type Result, refuse } from '../../../base/fault.ts';
import type { SubscribeRequest, SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import { type ClusterId, isTrackId } from '../../../proto/ids.ts';
import { cutShort, noLongerRead } from '../../access/access-control.ts';
import type { CutFaultCode } from '../../access/faults.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import type { Registry } from '../../registry/registry.ts';
import type { SignedSet } from '../../registry/signing/signed-set.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Send } from '../door.ts';

const tracksMax = 16;
/** Of the roots in one message: beside a whole set and all labels they must fit 1.25 MiB, and alone they stay below it as well. */
const rootBytesBesideSetMax = 224 << 10;
const rootBytesAloneMax = 1 << 20;

type StreamsParts = Readonly<{
  engine: Pick<Engine, 'state' | 'follow'>;
  registry: Pick<Registry, 'signedSet' | 'follow'>;
}>;

/**
 * Subscribe streams, at most one for each cluster: the set in force at once, then each newer one. A slow reader gets the
 * newest when it is ready for it, never a queue of old ones, so a stream owes at most one set.
 */
export class ReleaseStreams {
  readonly #parts: StreamsParts;
  readonly #replace = new Map<ClusterId, () => void>();

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /** Serves one stream until it is cut. */
  async serve(
    cluster: ClusterId,
    { tracks, rootVersion }: SubscribeRequest,
    send: Send<SubscribeResponse>,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'REQUEST_INVALID' | 'STREAM_REPLACED'>> {
    const { engine, registry } = this.#parts;
    if (tracks.length === 0 || tracks.length > tracksMax || !tracks.every(isTrackId)) {
      return refuse('REQUEST_INVALID', `tracks must be 1 to ${tracksMax} track ids`);
    }
    let news = true;
    let replaced = false;
    let wake = () => {};
    const tell = () => {
      news = true;
      wake();
    };
    const replace = () => {
      replaced = true;
      wake();
    };
    this.#replace.get(cluster)?.();
    this.#replace.set(cluster, replace);
    const unfollowSets = registry.follow(tell);
    // Labels come with the set: others must reach the agent as well, or it goes by the earlier ones until the next set is signed.
    const unfollowState = engine.follow(({ event }) => {
      if (givesLabels(event) && event.cluster === cluster) tell();
    });
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      let sentRoots = rootVersion;
      while (!signal.aborted && !replaced) {
        const set = registry.signedSet();
        if (news && set !== undefined) {
          news = false;
          for (const message of messagesOf(set, sentRoots, labelsOf(engine, cluster))) {
            if (!(await send(message))) return noLongerRead(signal);
          }
          sentRoots = Math.max(sentRoots, set.roots.length);
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if ((news && registry.signedSet() !== undefined) || signal.aborted || replaced) resolve();
        });
      }
      if (replaced) return refuse('STREAM_REPLACED', `a newer stream of ${cluster} subscribes to releases`);
      return cutShort(signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      unfollowSets();
      unfollowState();
      if (this.#replace.get(cluster) === replace) this.#replace.delete(cluster);
    }
  }
}

/** The set as messages, roots first: those newer than the agent's, in messages of their own where they are too many. */
function* messagesOf(
  set: SignedSet,
  rootVersion: number,
  labels: SubscribeResponse['labels'],
): Generator<SubscribeResponse> {
  let roots: Buffer[] = [];
  let bytes = 0;
  const alone = (): SubscribeResponse => ({ ...noPieces, roots, labels });
  for (const { version, body } of set.roots) {
    if (version <= rootVersion) continue;
    if (roots.length > 0 && bytes + body.byteLength > rootBytesAloneMax) {
      yield alone();
      roots = [];
      bytes = 0;
    }
    roots.push(Buffer.from(body));
    bytes += body.byteLength;
  }
  if (bytes > rootBytesBesideSetMax) {
    yield alone();
    roots = [];
  }
  yield {
    roots,
    timestamp: Buffer.from(set.timestamp.body),
    snapshot: Buffer.from(set.snapshot.body),
    catalogue: Buffer.from(set.catalogue.body),
    pins: Buffer.from(set.pins?.body ?? []),
    labels,
  };
}

const nothing = Buffer.alloc(0);
const noPieces = { timestamp: nothing, snapshot: nothing, catalogue: nothing, pins: nothing };

function labelsOf(engine: Pick<Engine, 'state'>, cluster: ClusterId): SubscribeResponse['labels'] {
  const labels = engine.state().clusters.get(cluster)?.labels ?? {};
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

function givesLabels(event: JournalEvent) {
  return event.kind === 'clusterEnrolled' || event.kind === 'labelsSet' || event.kind === 'classesApproved';
}
