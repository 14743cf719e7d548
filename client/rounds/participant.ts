import { type Fault, ok } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timer } from '../../base/time.ts';
import { Turns } from '../../base/waiting/turns.ts';
import type { WatchResponse } from '../../proto/generated/testudo/v1/federation.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import { AlertTeller } from '../alerts/alert-teller.ts';
import { CertificateKeeper } from '../link/certificate-keeper.ts';
import { MapTeller } from '../link/map-teller.ts';
import { onDiskFault } from '../storage/disk-fault.ts';
import { CurrentConnection, type Heard } from './current-connection.ts';
import { deliver } from './deliver.ts';
import { readDirective } from './directives.ts';
import type { Invitation } from './invitation.ts';
import { keepUpdate } from './keep-update.ts';
import { keepWatching } from './keep-watching.ts';
import type { KeptUpdate } from './outbox.ts';
import { paceOf, type UplinkConfig } from './participant-config.ts';
import type { Participation, ParticipationEffect, ParticipationEvent } from './participation.ts';
import { roundOf, step } from './participation.ts';
import type { UplinkPorts } from './ports.ts';
import { restoreUpdate } from './restore-update.ts';
import type { RoundCalls, RoundConnection } from './round-calls.ts';
import { inRoundSpan, roundTrace } from './round-trace.ts';
import { RunningWork } from './running-work.ts';

type TrackState = {
  phase: Participation;
  work: AbortController;
  timer: Timer | undefined;
  /** What touches its round's folder in the outbox, in order: an earlier update's sealing and removal end before the next is sealed there. */
  outbox: Turns;
};

/** The shell around `participation.ts`: keeps one connection, follows Watch, and performs what `step` decides. */
export class Uplink {
  readonly #config: UplinkConfig;
  readonly #ports: UplinkPorts;
  readonly #tracks = new Map<TrackId, TrackState>();
  readonly #stopping = new AbortController();
  readonly #running = new RunningWork();
  readonly #keeper: CertificateKeeper;
  readonly #connection = new CurrentConnection();
  readonly #teller = new AlertTeller();
  readonly #maps = new MapTeller();
  /** Ends the current Watch so that the loop connects anew. */
  #reconnect = new AbortController();

  private constructor(config: UplinkConfig, ports: UplinkPorts) {
    this.#config = config;
    this.#ports = ports;
    const { identity, times } = config;
    const { timers, unit, report, recover, saveIdentity: save } = ports;
    const { reconnect, tickMs } = times;
    this.#keeper = new CertificateKeeper({ identity, timers, unit, report, recover, save, reconnect, tickMs });
  }

  /** Picks up what an earlier run left in the outbox, then connects. */
  static async start(config: UplinkConfig, ports: UplinkPorts): Promise<Uplink> {
    const uplink = new Uplink(config, ports);
    for (const track of config.tracks) {
      const work = new AbortController();
      uplink.#tracks.set(track, { phase: { kind: 'idle' }, work, timer: undefined, outbox: new Turns() });
      const restored = await restoreUpdate(config.outbox, track, config.identity);
      if (restored !== undefined) uplink.#dispatch(track, { kind: 'restored', ...restored });
    }
    uplink.#running.add(uplink.#run());
    uplink.#running.add(uplink.#tick());
    return uplink;
  }

  /** What each track is doing. */
  phaseOf(track: TrackId): Participation | undefined {
    return this.#tracks.get(track)?.phase;
  }

  /** When something was last heard from the coordinator, and what has kept us from it since. */
  get heard(): Heard {
    return this.#connection.heard;
  }

  /** The certificate that this cluster shows. */
  get certificate(): Readonly<Pick<CertificateKeeper, 'expiresAtMs' | 'hasEnded' | 'why'>> {
    return this.#keeper;
  }

  /** What this cluster's response agent tells goes to the coordinator that is connected; undefined while none is. */
  get responses(): RoundConnection['responses'] {
    return this.#connection.now?.responses;
  }

  /** Stops after what is running has noticed. What is in the outbox stays there. May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#reconnect.abort();
    for (const state of this.#tracks.values()) {
      this.#ports.timers.cancel(state.timer);
      state.work.abort();
    }
    await this.#running.ended();
    this.#connection.closed();
  }

  async #run(): Promise<void> {
    await keepWatching({
      config: this.#config,
      ports: this.#ports,
      keeper: this.#keeper,
      signal: this.#stopping.signal,
      onNewKey: () => this.#startAnew(),
      onOpen: (connection) => {
        this.#reconnect = new AbortController();
        this.#connection.opened(connection);
        return this.#reconnect.signal;
      },
      onShut: (why) => this.#connection.closed(why),
      onDirective: (directive) => {
        this.#connection.hear(this.#ports.timers.now());
        return this.#obey(directive);
      },
    });
  }

  async #tick(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await pause(this.#ports.timers, this.#config.times.tickMs, this.#stopping.signal);
      const nowMs = this.#keeper.coordinatorNowMs;
      for (const track of this.#tracks.keys()) this.#dispatch(track, { kind: 'time', nowMs });
      this.#running.add(this.#renew());
      this.#running.add(this.#tellAlerts());
    }
  }

  async #renew(): Promise<void> {
    const connection = this.#connection.now;
    if (connection === undefined) return;
    const limits = { timeoutMs: this.#config.times.callTimeoutMs, timers: this.#ports.timers };
    // The running stream keeps the old certificate: the loop connects anew with this one.
    if (await this.#keeper.renewWhenDue((identity) => connection.renew(identity, limits))) this.#reconnect.abort();
  }

  async #tellAlerts(): Promise<void> {
    const { alerts, maps, timers } = this.#ports;
    const connection = this.#connection.now;
    if (alerts === undefined || connection === undefined) return;
    await this.#teller.look(connection, alerts, timers, this.#stopping.signal);
    await this.#maps.look(connection, maps, timers, this.#stopping.signal);
  }

  /** Another signing key speaks for this cluster: what the old one signed counts for nothing any more. */
  #startAnew(): void {
    for (const [track, { phase }] of this.#tracks) {
      const round = roundOf(phase);
      if (round !== undefined) this.#dispatch(track, { kind: 'closed', round });
    }
  }

  /** Whether the directive made sense; only then is anything done. */
  #obey(directive: NonNullable<WatchResponse['directive']>): boolean {
    const read = readDirective(directive, {
      federation: this.#keeper.identity.federation,
      runs: (track) => this.#tracks.has(track),
      learns: this.#config.learns,
      nowMs: this.#ports.timers.now(),
      coordinatorNowMs: this.#keeper.coordinatorNowMs,
    });
    if (!read.ok) {
      if (directive.$case === 'heartbeat') this.#keeper.disbelieved(Number(directive.value.nowMs));
      this.#ports.report({ kind: 'directiveRefused', fault: read.fault });
      return false;
    }
    const said = read.value;
    switch (said.kind) {
      case 'heartbeat':
        this.#keeper.told(said.nowMs);
        return true;
      case 'closed':
        this.#ports.report({ ...said, kind: 'roundClosed' });
        this.#dispatch(said.track, { kind: 'closed', round: said.round });
        return true;
      case 'invited': {
        const { track, round, base, closesAtMs } = said.invitation;
        const { traceId } = this.#traceOf(track, round);
        this.#ports.report({ kind: 'invited', track, round, traceId, baseVersion: base.version, closesAtMs });
        this.#dispatch(track, said);
        return true;
      }
    }
  }

  #dispatch(track: TrackId, event: ParticipationEvent): void {
    const state = this.#tracks.get(track);
    if (state === undefined || this.#stopping.signal.aborted) return;
    const { phase, effects } = step(state.phase, event, this.#config.times.retry);
    state.phase = phase;
    for (const effect of effects) this.#perform(track, state, effect);
  }

  #perform(track: TrackId, state: TrackState, effect: ParticipationEffect): void {
    const { signal } = state.work;
    const attempt = (round: RoundId, work: Promise<void>) =>
      this.#running.add(work.catch(onDiskFault((fault) => signal.aborted || this.#fail(track, round, fault))));
    switch (effect.kind) {
      case 'fetch':
        this.#ports.timers.cancel(state.timer);
        attempt(effect.invitation.round, this.#fetch(effect.invitation, signal));
        return;
      case 'train':
        attempt(effect.invitation.round, this.#train(effect.invitation, state, signal));
        return;
      case 'deliver':
        this.#ports.timers.cancel(state.timer);
        attempt(effect.kept.round, this.#deliver(effect.kept, signal));
        return;
      case 'wait':
        this.#ports.timers.cancel(state.timer);
        state.timer = this.#ports.timers.after(effect.milliseconds, () =>
          this.#dispatch(track, { kind: 'retryDue', round: effect.round }),
        );
        return;
      case 'cancel':
        this.#ports.timers.cancel(state.timer);
        state.work.abort();
        state.work = new AbortController();
        return;
      case 'drop':
        // What cannot be removed now goes when the next update takes its place, or at the next start.
        this.#running.add(
          state.outbox
            .take(() => this.#config.outbox.drop(track, effect.round))
            .catch(
              onDiskFault((fault) =>
                this.#perform(track, state, { ...effect, kind: 'report', verdict: 'giveUp', fault }),
              ),
            ),
        );
        return;
      case 'report':
        this.#ports.report({ ...effect, kind: 'refused', track });
        return;
    }
  }

  async #fetch(invitation: Invitation, signal: AbortSignal): Promise<void> {
    const { track, round, base } = invitation;
    const connection = await this.#connection.once(signal);
    if (connection === undefined) return;
    const models = this.#config.modelsOf(track);
    const fetched = await inRoundSpan(this.#traceOf(track, round), 'fetch base', (carrier) =>
      models.fetch(connection, {
        digest: base.digest,
        sizeBytes: base.sizeBytes,
        signal,
        ...paceOf(this.#config.times),
        timers: this.#ports.timers,
        carrier,
      }),
    );
    if (signal.aborted) return;
    const sampled = fetched.ok ? await this.#fetchSample(connection, invitation, signal) : fetched;
    if (signal.aborted) return;
    if (!sampled.ok) {
      this.#fail(track, round, sampled.fault);
      return;
    }
    const { digest, version } = base;
    this.#ports.report({ kind: 'fetched', track, round, digest, version, spec: invitation.spec });
    this.#dispatch(track, { kind: 'fetched', round });
  }

  /** What the plan mixes into training, where it mixes anything. */
  async #fetchSample(calls: Pick<RoundCalls, 'fetch'>, { track, plan: { sample } }: Invitation, signal: AbortSignal) {
    if (sample === undefined) return ok('');
    const { digest, sizeBytes } = sample;
    return this.#config
      .modelsOf(track)
      .fetch(calls, { digest, sizeBytes, signal, ...paceOf(this.#config.times), timers: this.#ports.timers });
  }

  async #train(invitation: Invitation, state: TrackState, signal: AbortSignal): Promise<void> {
    const { track, round, base, plan } = invitation;
    const startedMs = this.#ports.timers.monotonicMs();
    const models = this.#config.modelsOf(track);
    const paths = { base: models.path(base.digest), sample: plan.sample && models.path(plan.sample.digest) };
    const parent = this.#traceOf(track, round);
    const trained = await inRoundSpan(parent, 'train', () => this.#ports.train(invitation, paths, signal));
    if (signal.aborted) return;
    if (!trained.ok) {
      this.#fail(track, round, trained.fault);
      return;
    }
    const { exampleCount } = trained.value;
    const seconds = (this.#ports.timers.monotonicMs() - startedMs) / 1_000;
    this.#ports.report({ kind: 'trained', track, round, traceId: parent.traceId, exampleCount, seconds });
    const { outbox } = this.#config;
    const kept = await state.outbox.take(async () => {
      if (signal.aborted) return undefined;
      const parts = { identity: this.#keeper.identity, outbox, seal: this.#ports.seal.bind(this.#ports) };
      const sealed = await keepUpdate(invitation, trained.value, parts);
      // Cancelled while sealing: the round is over, or another key speaks for this cluster. Nothing will ask for what was just kept.
      if (signal.aborted) await outbox.drop(track, round);
      return sealed;
    });
    if (signal.aborted || kept === undefined) return;
    if (!kept.ok) {
      this.#fail(track, round, kept.fault);
      return;
    }
    const { payload, payloadBytes } = kept.value.header;
    this.#ports.report({ kind: 'kept', track, round, traceId: parent.traceId, payload, payloadBytes });
    this.#dispatch(track, { kind: 'kept', kept: kept.value });
  }

  async #deliver(kept: KeptUpdate, signal: AbortSignal): Promise<void> {
    const { track, round } = kept;
    const connection = await this.#connection.once(signal);
    if (connection === undefined) return;
    const { callTimeoutMs, uploadTimeoutMs } = this.#config.times;
    const parent = this.#traceOf(track, round);
    const receipt = await inRoundSpan(parent, 'deliver update', (carrier) =>
      deliver(connection, kept, {
        sealedPath: this.#config.outbox.sealedPath(track, round),
        receiptKey: this.#keeper.identity.receiptKey,
        signal,
        statusTimeoutMs: callTimeoutMs,
        uploadTimeoutMs,
        carrier,
        onSent: (bytes) => this.#ports.report({ kind: 'sent', track, bytes }),
      }),
    );
    if (signal.aborted) return;
    if (!receipt.ok) {
      this.#fail(track, round, receipt.fault);
      return;
    }
    const { sequence } = receipt.value;
    await this.#config.outbox.keepReceipt(track, round, sequence);
    this.#ports.report({ kind: 'receipted', track, round, traceId: parent.traceId, sequence });
    this.#dispatch(track, { kind: 'receipted', round, sequence });
  }

  #traceOf(track: TrackId, round: RoundId) {
    return roundTrace(this.#keeper.identity.federation, track, round, this.#keeper.identity.cluster);
  }

  #fail(track: TrackId, round: RoundId, fault: Fault): void {
    this.#dispatch(track, { kind: 'failed', round, fault, unit: this.#ports.unit() });
  }
}
