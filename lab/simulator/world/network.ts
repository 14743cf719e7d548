import { type Fault, type Result, refuse } from '../../../base/fault.ts';
import type { Draws } from './draws.ts';
import type { SimulatedProcess } from './process.ts';
import type { World } from './world.ts';

/** A process that answers calls, and what it answers with. */
export type Host<Services> = Readonly<{ process: SimulatedProcess; services: Services }>;

type OpenStream = { break(): void };

/** The way between one cluster and whoever coordinates. */
export class Link {
  readonly name: string;
  isCut = false;
  /** Share of messages of calls that are lost, 0 to 1, and of requests that come twice. */
  lossShare = 0;
  twiceShare = 0;
  /** Of one message, at most. */
  delayMsMax = 80;
  /** Pauses between the pieces of an upload. */
  trickleMs = 0;
  readonly streams = new Set<OpenStream>();

  constructor(name: string) {
    this.name = name;
  }

  cut(): void {
    this.isCut = true;
    for (const stream of [...this.streams]) stream.break();
  }
}

const noticedWithinMs = 60_000;

/** Calls and streams between simulated processes. Streams keep their order; calls overtake one another. */
export class Network<Services> {
  readonly #world: World;
  readonly #draws: Draws;
  /** Who listens now, by address. */
  readonly #hosts: () => readonly (Host<Services> | undefined)[];

  constructor(world: World, draws: Draws, hosts: () => readonly (Host<Services> | undefined)[]) {
    this.#world = world;
    this.#draws = draws;
    this.#hosts = hosts;
  }

  latencyMs(link: Link): number {
    return 1 + Math.floor(this.#draws.of(`latency ${link.name}`)() * link.delayMsMax);
  }

  /** One call. Its answer may be lost after it was carried out; it may be carried out twice. */
  call<Value>(
    client: SimulatedProcess,
    link: Link,
    address: number,
    timeoutMs: number,
    handle: (host: Host<Services>, signal: AbortSignal) => Promise<Result<Value>>,
  ): Promise<Result<Value>> {
    const { promise, resolve } = Promise.withResolvers<Result<Value>>();
    const gone = new AbortController();
    const timer = client.timers.after(timeoutMs, () => {
      gone.abort();
      resolve(unavailable('DEADLINE_EXCEEDED', 'no answer in time'));
    });
    const unlist = client.onDeath(() => gone.abort());
    const answer = (result: Result<Value>) =>
      client.deliver(this.latencyMs(link), () => {
        client.timers.cancel(timer);
        unlist();
        resolve(result);
      });
    const isLost = () => link.isCut || this.#draws.chance(`loss ${link.name}`, link.lossShare);
    const arrive = (isCounted: boolean) => {
      if (isLost()) return;
      const host = this.#hosts()[address];
      if (host === undefined || !host.process.isAlive) {
        if (isCounted) answer(unavailable('UNAVAILABLE', 'nobody listens'));
        return;
      }
      host.process.deliver(0, () => {
        const undead = host.process.onDeath(() => {
          if (isCounted) answer(unavailable('UNAVAILABLE', 'the connection was reset'));
        });
        // One that throws is a broken invariant of ours: nobody handles that, and the day ends with it.
        void handle(host, gone.signal).then((result) => {
          undead();
          if (host.process.isAlive && isCounted && !isLost()) answer(result);
        });
      });
    };
    this.#world.after(this.latencyMs(link), () => arrive(true));
    if (this.#draws.chance(`twice ${link.name}`, link.twiceShare)) {
      this.#world.after(this.latencyMs(link) + this.#draws.between(`twice ${link.name}`, 0, 5_000), () =>
        arrive(false),
      );
    }
    return promise;
  }

  /** A stream of messages until either end dies, hangs up, or the way is cut: each end notices in its own time. */
  stream<Message>(
    client: SimulatedProcess,
    link: Link,
    address: number,
    serve: (
      host: Host<Services>,
      send: (message: Message) => Promise<boolean>,
      signal: AbortSignal,
    ) => Promise<Result<void>>,
    onMessage: (message: Message) => void,
  ): Readonly<{ ended: Promise<Fault>; hangUp: () => void }> {
    const { promise: ended, resolve: end } = Promise.withResolvers<Fault>();
    const serverGone = new AbortController();
    let isBroken = false;
    let isOver = false;
    let nextAtMs = 0;
    const over = (fault: Fault, delayMs: number) =>
      client.deliver(delayMs, () => {
        isOver = true;
        link.streams.delete(stream);
        unlist();
        end(fault);
      });
    const noticeMs = (end_: string) => this.#draws.between(`notice ${end_} ${link.name}`, 0, noticedWithinMs);
    const stream: OpenStream = {
      break: () => {
        if (isBroken) return;
        isBroken = true;
        over(unavailable('UNAVAILABLE', 'the way is cut').fault, noticeMs('client'));
        this.#world.after(noticeMs('server'), () => serverGone.abort(cut));
      },
    };
    link.streams.add(stream);
    const unlist = client.onDeath(() => {
      link.streams.delete(stream);
      this.#world.after(isBroken ? noticeMs('server') : this.latencyMs(link), () => serverGone.abort(cut));
    });
    this.#world.after(this.latencyMs(link), () => {
      const host = this.#hosts()[address];
      if (isBroken) return;
      if (link.isCut || host === undefined || !host.process.isAlive || !client.isAlive) {
        over(unavailable('UNAVAILABLE', 'nobody listens').fault, this.latencyMs(link));
        return;
      }
      const send = async (message: Message) => {
        if (serverGone.signal.aborted) return false;
        if (isBroken) return true;
        nextAtMs = Math.max(nextAtMs, this.#world.nowMs + this.latencyMs(link));
        client.deliver(nextAtMs - this.#world.nowMs, () => {
          if (!isOver && !isBroken) onMessage(message);
        });
        return true;
      };
      // Its machine took the connection: one that dies before it looks, since it is paused, resets it all the same.
      const undead = host.process.onDeath(() => {
        if (!isBroken) over(unavailable('UNAVAILABLE', 'the connection was reset').fault, this.latencyMs(link));
      });
      host.process.deliver(0, () => {
        void serve(host, send, serverGone.signal).then((served) => {
          undead();
          if (host.process.isAlive && !isBroken) {
            const fault = served.ok ? unavailable('UNAVAILABLE', 'the stream ended').fault : served.fault;
            over(fault, Math.max(0, nextAtMs - this.#world.nowMs) + 1);
          }
        });
      });
    });
    const hangUp = () => {
      if (isOver) return;
      isBroken = true;
      this.#world.after(this.latencyMs(link), () => serverGone.abort(cut));
      over(refuse('STOPPED', 'this end hung up').fault, 0);
    };
    return { ended, hangUp };
  }
}

const cut: Fault = refuse('CALL_CANCELLED', 'the connection is gone').fault;

function unavailable(status: string, why: string) {
  return refuse(`GRPC_${status}`, why, { status });
}
