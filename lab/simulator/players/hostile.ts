import { fullJitterMs } from '../../../base/backoff.ts';
import { ok, refuse } from '../../../base/fault.ts';
import { readInvitation } from '../../../client/rounds/invitation.ts';
import { digestOf } from '../../../proto/digest.ts';
import { sealedLength } from '../../../proto/envelope/format.ts';
import { signHeader, type UpdateHeader } from '../../../proto/envelope/header.ts';
import type { WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { signInstallReport } from '../../../proto/release/install-report.ts';
import type { HostileAct } from '../plan.ts';
import type { ClientLife } from './client-life.ts';
import { type Submission, submitThrough } from './submit.ts';

/** What a hostile cluster saw of another's update: it sits on the same network. */
export type Overheard = Readonly<{ header: UpdateHeader; signature: Uint8Array; sealed: Buffer }>;

/** Streams of each kind that one flood opens. */
const crowd = 6;

type Wire = Parameters<NonNullable<Submission['forge']>>[0];

function forgeries(wire: Wire): readonly Wire[] {
  return [
    { ...wire, exampleCount: wire.exampleCount + 1n },
    { ...wire, baseDigest: wire.payloadDigest },
    { ...wire, round: 'r-1' },
    { ...wire, cluster: 'cluster-a' },
  ];
}

/** An enrolled cluster that keeps its own key and no rule. It answers most rounds like anybody, and does as it is told beside. */
export class HostileCluster {
  readonly #life: Omit<ClientLife, 'image'>;
  readonly #overheard: () => Overheard | undefined;
  readonly #armed: HostileAct[] = [];
  #header: UpdateHeader | undefined;
  #sealed: Buffer = Buffer.alloc(0);

  constructor(life: Omit<ClientLife, 'image'>, overheard: () => Overheard | undefined) {
    this.#life = life;
    this.#overheard = overheard;
    void this.#follow();
  }

  async #follow(): Promise<void> {
    const { process, draws } = this.#life;
    for (let attempt = 0; ; attempt += 1) {
      await this.#watch(({ directive }) => {
        attempt = 0;
        if (directive?.$case === 'invitation') this.#invited(directive.value);
      });
      const waitMs = fullJitterMs({ firstMs: 1_000, maxMs: 60_000 }, attempt, draws.of('unit hostile')());
      await new Promise<void>((resolve) => process.timers.after(waitMs, resolve));
    }
  }

  #watch(hear: (told: WatchResponse) => void): Promise<unknown> {
    const { network, process, link, cluster, track } = this.#life;
    const request = { tracks: [track], clientBuild: 'x' };
    const { ended } = network.stream<WatchResponse>(
      ...([process, link, 0] as const),
      ({ services }, send, signal) => services.watchers.watch(cluster, request, send, { signal }),
      hear,
    );
    return ended;
  }

  /** One stream beside the other, as if each were its first. */
  #crowd(): void {
    const { network, process, link, cluster, track } = this.#life;
    const request = { tracks: [track], rootVersion: 0 };
    for (let at = 0; at < crowd; at += 1) {
      void this.#watch(() => {});
      network.stream<SubscribeResponse>(
        ...([process, link, 0] as const),
        ({ services }, send, signal) => services.streams.serve(cluster, request, send, signal),
        () => {},
      );
    }
  }

  #invited(message: Parameters<typeof readInvitation>[0]): void {
    const read = readInvitation(message);
    if (!read.ok || read.value.round === this.#header?.round) return;
    const { federation, track, round, base, schemaDigest } = read.value;
    const { draws, cluster, process } = this.#life;
    this.#sealed = draws.bytes('hostile sealed', sealedLength(base.sizeBytes));
    this.#header = {
      federation,
      track,
      round,
      cluster,
      base: base.digest,
      schema: schemaDigest,
      codec: 'f32le',
      plainBytes: base.sizeBytes,
      exampleCount: 7,
      payload: digestOf(this.#sealed),
      payloadBytes: this.#sealed.byteLength,
    };
    const armed = this.#armed.splice(0);
    // Whoever wants to be believed with something else does not answer first.
    const instead = armed.some((act) => act === 'copied' || act === 'forged' || act === 'wrongBase');
    const answersInMs = draws.between('hostile answers', 1_000, 20 * 60_000);
    if (!instead && draws.chance('hostile answers', 0.7)) {
      process.timers.after(answersInMs, () => this.#submit(this.#own()));
    }
    for (const act of armed) {
      process.timers.after(draws.between('hostile', 1, 40) * 60_000, () => this.#do(act));
    }
  }

  /** Now, and again in the middle of the next round. */
  act(act: HostileAct): void {
    if (act === 'falseReport') this.#reportFalsely();
    else this.#armed.push(act);
    if (act === 'flood') this.#crowd();
    if (this.#header !== undefined) this.#do(act);
  }

  #do(act: HostileAct): void {
    if (this.#header === undefined) return;
    const own = this.#own();
    for (const submission of this.#submissions(act, own)) this.#submit(submission);
    if (act !== 'late') return;
    const { process, draws } = this.#life;
    process.timers.after(draws.between('hostile', 1, 60) * 120_000, () => this.#submit(own));
  }

  #submissions(act: HostileAct, own: Submission): readonly Submission[] {
    const { draws } = this.#life;
    const other = this.#overheard();
    switch (act) {
      case 'conflict': // Another update after the first: two truths in one round.
        return [this.#another()];
      case 'forged': // What was signed is not what is said.
        return [{ ...own, forge: (wire) => draws.pick('hostile', forgeries(wire)) }];
      case 'stolenName': // Another's update, word for word, or with this one's name in it.
        if (other === undefined) return [this.#inAnothersName(own)];
        return [
          this.#inAnothersName(own),
          { ...other, offset: 0 },
          this.#resigned(other.header, other.sealed),
          { ...other, signature: signHeader(other.header, this.#life.key), offset: 0 },
        ];
      case 'copied':
        if (other === undefined) return [];
        return [this.#resigned({ ...own.header, payload: other.header.payload }, other.sealed)];
      case 'wrongBase':
        return [this.#resigned({ ...own.header, base: own.header.schema }, this.#sealed)];
      case 'truncated':
        return [{ ...this.#another(), endsAfter: draws.between('hostile', 0, 100) }];
      case 'flood':
        return Array.from({ length: 30 }, () => ({ ...this.#another(), endsAfter: 50 }));
      default:
        return [];
    }
  }

  #own(): Submission {
    return this.#resigned(this.#header as UpdateHeader, this.#sealed);
  }

  /** An update of its own under another's name, signed with its own key. */
  #inAnothersName({ header, sealed }: Submission): Submission {
    const stolen = { ...header, cluster: this.#life.cluster.replace('x', 'a') as ClusterId };
    return { header: stolen, signature: signHeader(stolen, this.#life.key), sealed, offset: 0 };
  }

  #another(): Submission {
    const sealed = this.#life.draws.bytes('hostile sealed', this.#sealed.byteLength);
    return this.#resigned({ ...(this.#header as UpdateHeader), payload: digestOf(sealed) }, sealed);
  }

  #resigned(header: UpdateHeader, sealed: Buffer): Submission {
    const own = { ...header, cluster: this.#life.cluster };
    this.#life.witness.meant(own);
    return { header: own, signature: signHeader(own, this.#life.key), sealed, offset: 0 };
  }

  #submit(submission: Submission): void {
    const { network, process, link, cluster, draws, history, witness } = this.#life;
    const submitted = network.call(process, link, 0, 30 * 60_000, async (host, signal) => {
      // It asks where to go on, as anybody may.
      const { header } = submission;
      const question = { ...header, payloadDigest: header.payload };
      const asked = await host.services.intake.status(cluster, question, { signal });
      const offset = asked.ok ? Math.min(Number(asked.value.receivedBytes), submission.sealed.byteLength) : 0;
      return submitThrough(host, cluster, { ...submission, offset }, { link, draws, signal, witness });
    });
    void submitted.then((result) =>
      history.note(cluster, result.ok ? 'holds a receipt' : `is told ${result.fault.code}`),
    );
  }

  /** Says that it runs what nobody released. */
  #reportFalsely(): void {
    const { network, process, link, cluster, federation, track, key, draws } = this.#life;
    const report = {
      federation,
      cluster,
      track,
      version: draws.between('hostile', 0, 9),
      manifestDigest: digestOf(draws.bytes('hostile', 8)),
      outcome: 'installed',
      faultCode: '',
      pinsVersion: 0,
      atMs: process.timers.now(),
    } as const;
    const signature = signInstallReport(report, key);
    void network.call(process, link, 0, 20_000, async ({ services }) => {
      const told = await services.registry.reports.acknowledge(report, signature);
      return told.ok ? ok(told.value) : refuse(told.fault.code, told.fault.message);
    });
  }
}
