import { fullJitterMs } from '../../../base/backoff.ts';
import { type Fault, type Result, refuse } from '../../../base/fault.ts';
import type { Timer } from '../../../base/time.ts';
import { readDirective } from '../../../client/rounds/directives.ts';
import type { Invitation } from '../../../client/rounds/invitation.ts';
import type { KeptUpdate } from '../../../client/rounds/outbox.ts';
import {
  type Participation,
  type ParticipationEffect,
  type ParticipationEvent,
  step,
} from '../../../client/rounds/participation.ts';
import { receiptFor } from '../../../client/rounds/receipt-for.ts';
import { servedModelBytes } from '../../../coordinator/grpc/federation/models.ts';
import { digestOf } from '../../../proto/digest.ts';
import { sealedLength } from '../../../proto/envelope/format.ts';
import { signHeader, type UpdateHeader, verifyHeader } from '../../../proto/envelope/header.ts';
import type { Receipt } from '../../../proto/envelope/receipt.ts';
import type { WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClientLife } from './client-life.ts';
import { submitThrough } from './submit.ts';

const retry = { firstMs: 500, maxMs: 60_000 };
const reconnect = { firstMs: 1_000, maxMs: 60_000 };
const callTimeoutMs = 20_000;
const uploadTimeoutMs = 30 * 60_000;
/** The real client looks every second. */
const tickMs = 600_000;

/** The shell around the real `participation.ts`, over simulated disk and network: what participant.ts is over real ones. */
export class Participant {
  readonly #life: ClientLife;
  phase: Participation = { kind: 'idle' };
  /** The coordinator's clock minus ours, as heartbeats told it. */
  #offsetMs = 0;
  #work = {};
  #timer: Timer | undefined;
  #address: number;
  #isConnected = false;
  #waiting: (() => void)[] = [];

  constructor(life: ClientLife) {
    this.#life = life;
    this.#address = life.draws.between(`address ${life.cluster}`, 0, life.addresses - 1);
    void this.#restore().then(() => this.#follow());
    life.process.timers.every(tickMs, () => this.#dispatch({ kind: 'time', nowMs: this.#coordinatorNowMs() }));
  }

  async #restore(): Promise<void> {
    const { image, disk, process, key } = this.#life;
    await disk.operate(process, 'read', () => {});
    const { update } = image;
    if (update === undefined) return;
    const { kept, sequence } = update;
    if (verifyHeader(kept.header, kept.signature, key.publicKey).ok)
      this.#dispatch({ kind: 'restored', kept, sequence });
  }

  async #follow(): Promise<void> {
    const { network, process, link, cluster, track, draws, addresses } = this.#life;
    for (let attempt = 0; ; ) {
      let isHeard = false;
      const { ended } = network.stream<WatchResponse>(
        process,
        link,
        this.#address,
        ({ services }, send, signal) =>
          services.watchers.watch(cluster, { tracks: [track], clientBuild: 'sim' }, send, { signal }),
        ({ directive }) => {
          isHeard = true;
          if (directive !== undefined) this.#obey(directive);
        },
      );
      this.#connected(true);
      await ended;
      this.#connected(false);
      attempt = isHeard ? 0 : attempt + 1;
      this.#address = (this.#address + 1) % addresses;
      const waitMs = fullJitterMs(reconnect, attempt, draws.of(`unit ${cluster}`)());
      await new Promise<void>((resolve) => process.timers.after(waitMs, resolve));
    }
  }

  #connected(isSo: boolean): void {
    this.#isConnected = isSo;
    if (isSo) for (const go of this.#waiting.splice(0)) go();
  }

  /** Resolves once there is a connection. */
  async #once(): Promise<void> {
    if (!this.#isConnected) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #coordinatorNowMs(): number {
    return this.#life.process.timers.now() + this.#offsetMs;
  }

  #obey(directive: NonNullable<WatchResponse['directive']>): void {
    const { federation, track, process, history, cluster } = this.#life;
    const read = readDirective(directive, {
      federation,
      runs: (other) => other === track,
      learns: () => true,
      nowMs: process.timers.now(),
      coordinatorNowMs: this.#coordinatorNowMs(),
    });
    if (!read.ok) {
      history.note(cluster, `refuses a directive: ${read.fault.code}`);
      return;
    }
    const said = read.value;
    if (said.kind === 'heartbeat') this.#offsetMs = said.nowMs - process.timers.now();
    else if (said.kind === 'closed') this.#dispatch({ kind: 'closed', round: said.round });
    else this.#dispatch({ kind: 'invited', invitation: said.invitation });
  }

  #dispatch(event: ParticipationEvent): void {
    const { phase, effects } = step(this.phase, event, retry);
    if (phase.kind !== this.phase.kind)
      this.#life.history.note(this.#life.cluster, `${this.phase.kind} → ${phase.kind}`);
    this.phase = phase;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ParticipationEffect): void {
    const { timers } = this.#life.process;
    switch (effect.kind) {
      case 'fetch':
        timers.cancel(this.#timer);
        void this.#fetch(effect.invitation, this.#work);
        return;
      case 'train':
        void this.#train(effect.invitation, this.#work);
        return;
      case 'deliver':
        timers.cancel(this.#timer);
        void this.#deliver(effect.kept, this.#work);
        return;
      case 'wait':
        timers.cancel(this.#timer);
        this.#timer = timers.after(effect.milliseconds, () =>
          this.#dispatch({ kind: 'retryDue', round: effect.round }),
        );
        return;
      case 'cancel':
        timers.cancel(this.#timer);
        this.#work = {};
        return;
      case 'drop':
        void this.#life.disk.operate(this.#life.process, 'free', (part) => {
          if (part === 1 && this.#life.image.update?.kept.round === effect.round) this.#life.image.update = undefined;
        });
        return;
      case 'report':
        this.#life.history.note(this.#life.cluster, `${effect.round} ${effect.verdict}: ${effect.fault.code}`);
        return;
    }
  }

  async #fetch(invitation: Invitation, work: unknown): Promise<void> {
    const { round, base } = invitation;
    await this.#once();
    if (work !== this.#work) return;
    const { network, process, link } = this.#life;
    const fetched = await network.call(
      process,
      link,
      this.#address,
      callTimeoutMs,
      async ({ services: { engine } }) => {
        const size = servedModelBytes(engine.state(), base.digest);
        return size === undefined ? refuse('MODEL_UNKNOWN', 'no such model') : engine.blobs.get(base.digest);
      },
    );
    if (work !== this.#work) return;
    if (!fetched.ok) this.#fail(round, fetched.fault);
    else if (digestOf(fetched.value) !== base.digest)
      this.#fail(round, refuse('MODEL_DIGEST_MISMATCH', 'not its bytes').fault);
    else this.#dispatch({ kind: 'fetched', round });
  }

  async #train(invitation: Invitation, work: unknown): Promise<void> {
    const { draws, cluster, process, key, disk, image, witness } = this.#life;
    const { federation, track, round, base, schemaDigest, closesAtMs } = invitation;
    const takesMs = draws.between(`training ${cluster}`, 10_000, 20 * 60_000);
    await new Promise<void>((resolve) => process.timers.after(takesMs, resolve));
    if (work !== this.#work) return;
    // Sealed bytes: nobody but the round's key could tell them from these.
    const sealed = draws.bytes(`sealed ${cluster}`, sealedLength(base.sizeBytes));
    const header: UpdateHeader = {
      federation,
      track,
      round,
      cluster,
      base: base.digest,
      schema: schemaDigest,
      codec: 'f32le',
      plainBytes: base.sizeBytes,
      exampleCount: draws.between(`examples ${cluster}`, 1, 1_000),
      payload: digestOf(sealed),
      payloadBytes: sealed.byteLength,
    };
    const kept: KeptUpdate = { track, round, header, signature: signHeader(header, key), closesAtMs };
    witness.meant(header);
    const fault = await disk.operate(process, 'write', (part) => {
      if (part === 1) image.update = { kept, sealed, sequence: undefined };
    });
    if (work !== this.#work) return;
    // A client whose disk fails throws, and its process ends.
    if (fault !== undefined) process.kill();
    else this.#dispatch({ kind: 'kept', kept });
  }

  async #deliver(kept: KeptUpdate, work: unknown): Promise<void> {
    await this.#once();
    if (work !== this.#work) return;
    const receipt = await this.#offer(kept);
    if (work !== this.#work) return;
    const { round } = kept;
    if (!receipt.ok) {
      this.#fail(round, receipt.fault);
      return;
    }
    const { witness, disk, image, process } = this.#life;
    const { sequence } = receipt.value;
    witness.receipted(receipt.value);
    await disk.operate(process, 'write', (part) => {
      if (part === 1 && image.update?.kept.round === round) image.update.sequence = sequence;
    });
    if (work === this.#work) this.#dispatch({ kind: 'receipted', round, sequence });
  }

  async #offer(kept: KeptUpdate): Promise<Result<Receipt>> {
    const { network, process, link, cluster, image, receiptKey, draws, witness } = this.#life;
    const { track, round, header } = kept;
    const request = { track, round, payloadDigest: header.payload };
    const asked = await network.call(process, link, this.#address, callTimeoutMs, ({ services }, signal) =>
      services.intake.status(cluster, request, { signal }),
    );
    if (!asked.ok) return asked;
    if (asked.value.receipt !== undefined) return receiptFor(header, asked.value.receipt, receiptKey);
    const offset = Number(asked.value.receivedBytes);
    if (offset > header.payloadBytes) return refuse('OFFSET_MISMATCH', 'more than there is');
    const { update } = image;
    if (update?.kept.round !== round) return refuse('OUTBOX_DAMAGED', 'the kept update is not there');
    const sent = await network.call(process, link, this.#address, uploadTimeoutMs, (host, signal) =>
      submitThrough(
        host,
        cluster,
        { header, signature: kept.signature, sealed: update.sealed, offset },
        { link, draws, signal, witness },
      ),
    );
    return sent.ok ? receiptFor(header, sent.value, receiptKey) : sent;
  }

  #fail(round: KeptUpdate['round'], fault: Fault): void {
    const unit = this.#life.draws.of(`unit ${this.#life.cluster}`)();
    this.#dispatch({ kind: 'failed', round, fault, unit });
  }
}
