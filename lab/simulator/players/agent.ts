import { fullJitterMs } from '../../../base/backoff.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timer } from '../../../base/time.ts';
import { type Agent, newAgent, runningOf } from '../../../client/releases/decide/agent.ts';
import type { AgentEffect, Answer, Due, Happened, Work } from '../../../client/releases/decide/effects.ts';
import { step } from '../../../client/releases/decide/step.ts';
import type { ReleaseMessage } from '../../../client/releases/release-calls.ts';
import { nameOf } from '../../../client/scoring/score-protocol.ts';
import type { SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import { trustedRoot } from '../../../proto/release/trust.ts';
import type { ClientLife } from './client-life.ts';
import { fetchFiles, isWhole } from './release-files.ts';
import { Reports } from './reports.ts';

const retry = { firstMs: 1_000, maxMs: 300_000 };
const reconnect = { firstMs: 1_000, maxMs: 60_000 };
const shadowReportMs = 15 * 60_000;

/** The shell around the real release agent's step, over simulated disk and network: what release-agent.ts is over real ones. */
export class SimulatedAgent {
  readonly #life: ClientLife;
  readonly #reports: Reports;
  readonly #waiting = new Map<Due, Timer>();
  readonly #happened: Happened[] = [];
  #isStepping = false;
  #hangUp: () => void = () => {};
  #address: number;
  agent: Agent;

  constructor(life: ClientLife) {
    this.#life = life;
    const { image, track, draws, cluster, addresses, federation } = life;
    this.#address = draws.between(`address ${cluster}`, 0, addresses - 1);
    this.#reports = new Reports(life, () => this.#address);
    this.agent = newAgent({
      tracks: [track],
      keep: 2,
      anchorFile: undefined,
      storeFault: undefined,
      stored: image.agent,
    });
    this.#hear({ kind: 'started' });
    this.#hear({ kind: 'enrolled', who: { federation, cluster } });
  }

  /** The version that scores; undefined while none does. */
  get liveVersion(): number | undefined {
    return runningOf(this.agent, this.#life.track).live?.release.target.version;
  }

  #hear(happened: Happened): void {
    this.#happened.push(happened);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#happened.shift(); next !== undefined; next = this.#happened.shift()) {
      const before = this.agent;
      const { agent, effects } = step(before, { ...next, nowMs: this.#life.process.timers.now() });
      this.agent = agent;
      this.#life.witness.stepped(this.#life.cluster, before, agent, effects, this.#life.process.timers.now());
      for (const effect of effects) this.#perform(effect);
    }
    this.#isStepping = false;
  }

  #perform(effect: AgentEffect): void {
    const { history, cluster } = this.#life;
    switch (effect.kind) {
      case 'tell': {
        const { event } = effect;
        if (event.kind === 'installed') history.note(cluster, `installs ${event.version} for ${event.because.kind}`);
        else if (event.kind === 'refused') history.note(cluster, `refuses release metadata: ${event.fault.code}`);
        else history.note(cluster, event.kind);
        return;
      }
      case 'acknowledge':
        void this.#reports.acknowledge(effect.word);
        return;
      case 'follow':
        void this.#follow();
        return;
      case 'hangUp':
        this.#hangUp();
        return;
      case 'wait':
        this.#wait(effect);
        return;
      default:
        void this.#work(effect)
          .catch((error: unknown): Answer => ({ kind: 'threw', why: String(error) }))
          .then((answer) => this.#hear(answer));
    }
  }

  #wait(effect: Extract<AgentEffect, { kind: 'wait' }>): void {
    const { process, draws, cluster } = this.#life;
    const { what } = effect;
    process.timers.cancel(this.#waiting.get(what));
    const waitMs =
      effect.what === 'retry'
        ? fullJitterMs(retry, effect.attempt, draws.of(`unit ${cluster}`)())
        : effect.what === 'expiry'
          ? effect.untilMs - process.timers.now()
          : shadowReportMs;
    this.#waiting.set(
      what,
      process.timers.after(waitMs, () => this.#hear({ kind: 'due', what })),
    );
  }

  async #follow(): Promise<void> {
    const { network, process, link, cluster, track, draws, addresses, witness } = this.#life;
    for (let attempt = 0; ; ) {
      let isHeard = false;
      let isRefused = false;
      const { seen } = this.agent;
      const rootVersion = seen === null ? 0 : trustedRoot(seen).version;
      const { ended, hangUp } = network.stream<SubscribeResponse>(
        process,
        link,
        this.#address,
        ({ services }, send, signal) => services.streams.serve(cluster, { tracks: [track], rootVersion }, send, signal),
        ({ labels, ...received }) => {
          if (!isHeard) {
            isHeard = true;
            this.#hear({ kind: 'connected' });
            this.#reports.connected(true);
          }
          const told = { received, labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])) };
          for (const message of witness.onTheWire(link, told)) this.#arrive(message);
        },
      );
      this.#hangUp = () => {
        isRefused = true;
        hangUp();
      };
      await ended;
      this.#reports.connected(false);
      this.#hear({ kind: 'disconnected' });
      attempt = isHeard && !isRefused ? 0 : attempt + 1;
      this.#address = (this.#address + 1) % addresses;
      const waitMs = fullJitterMs(reconnect, attempt, draws.of(`unit ${cluster}`)());
      await new Promise<void>((resolve) => process.timers.after(waitMs, resolve));
    }
  }

  #arrive({ received, labels }: ReleaseMessage): void {
    this.#hear({ kind: 'arrived', received, labels });
  }

  async #work(work: Work): Promise<Answer> {
    const { disk, process, image, draws, cluster, track } = this.#life;
    switch (work.kind) {
      case 'persist': {
        const fault = await disk.operate(process, 'write', (part) => {
          if (part === 1) image.agent = work.state;
        });
        return fault === undefined ? { kind: 'persisted' } : { kind: 'threw', why: `the disk says ${fault}` };
      }
      case 'fetch': {
        const result = await fetchFiles(this.#life, this.agent.connected ? this.#address : undefined, work.target);
        return { kind: 'fetched', result, milliseconds: 1 };
      }
      case 'load': {
        const { version, digest } = work.release.model;
        const result: Result<ReturnType<typeof nameOf>> = isWhole(image, digest)
          ? ok(nameOf({ version, digest }))
          : refuse('NON_FINITE', 'its bytes make no model');
        return { kind: 'loaded', result, milliseconds: 1 };
      }
      case 'swap':
        if (draws.chance(`swap ${cluster}`, 0.01)) return { kind: 'swapped', result: refuse('THREAD_LOST', 'lost') };
        return { kind: 'swapped', result: ok(undefined) };
      case 'startShadow':
        this.#reports.shadowStarts(process.timers.now());
        return { kind: 'shadowStarted', result: ok(undefined) };
      case 'endShadow':
      case 'reportShadow': {
        const [version, liveVersion] = [work.shadow.release.target.version, work.live.release.target.version];
        await this.#reports.shadow({ track, version, liveVersion });
        return { kind: work.kind === 'endShadow' ? 'shadowEnded' : 'shadowReported' };
      }
      case 'drop':
        return { kind: 'dropped' };
      case 'prune': {
        const keep = new Set(work.digests);
        for (const { manifest } of work.held) {
          keep.add(manifest.digest);
          const bytes = image.files.get(manifest.digest);
          const listed =
            bytes &&
            (JSON.parse(Buffer.from(bytes).toString('utf8')) as { files: { digest: typeof manifest.digest }[] });
          for (const { digest } of listed?.files ?? []) keep.add(digest);
        }
        for (const digest of image.files.keys()) if (!keep.has(digest)) image.files.delete(digest);
        return { kind: 'pruned' };
      }
    }
  }
}
