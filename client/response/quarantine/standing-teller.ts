import { Beat } from '../../../base/beat.ts';
import type { Log } from '../../../base/log.ts';
import type { Timers } from '../../../base/time.ts';
import { TellStandingRequest } from '../../../proto/generated/testudo/v1/responses.ts';
import type { ResponseCalls } from '../../link/response-calls.ts';

export type StandingPorts = Readonly<{
  /** Undefined while the hub is away. */
  calls(): ResponseCalls | undefined;
  /** Undefined while there is nothing to tell: another agent leads. */
  standing(): TellStandingRequest | undefined;
  timers: Timers;
  log: Log;
}>;

/** Between two tellings, however much happens in the cluster. */
const apartMs = 10_000;
/** So often where nothing has changed: a coordinator that began anew knows nothing. */
const againMs = 300_000;

/**
 * Tells the coordinator, by way of the hub, how the agent stands: what has changed within seconds, and all of it every five minutes. Nothing
 * waits for it, and nothing is lost with it: the next telling takes the place of the last.
 */
export class StandingTeller {
  readonly #ports: StandingPorts;
  readonly #beat: Beat;
  readonly #stopping = new AbortController();
  #through: ResponseCalls | undefined;
  #told = '';
  #atMs = Number.NEGATIVE_INFINITY;
  /** The hub, or the coordinator behind it, is older than this call. */
  #isUnknown = false;

  constructor(ports: StandingPorts) {
    this.#ports = ports;
    const { timers, log } = ports;
    const failed = (error: unknown) => {
      log.error({ error }, 'how the agent stands could not be told');
      this.#beat.wakeIn(againMs);
    };
    this.#beat = new Beat({ work: () => this.#look(), failed, timers, background: true });
  }

  /** Something may have changed. Cheap. */
  wake(): void {
    this.#beat.wake();
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#beat.stop();
  }

  async #look(): Promise<void> {
    const { timers, log } = this.#ports;
    const [calls, standing] = [this.#ports.calls(), this.#ports.standing()];
    if (calls === undefined || standing === undefined) return;
    if (calls !== this.#through) {
      this.#through = calls;
      [this.#told, this.#atMs, this.#isUnknown] = ['', Number.NEGATIVE_INFINITY, false];
    }
    if (this.#isUnknown) return;
    const text = Buffer.from(TellStandingRequest.encode({ ...standing, atMs: 0n }).finish()).toString('base64');
    const dueMs = this.#atMs + (text === this.#told ? againMs : apartMs);
    const waitMs = dueMs - timers.monotonicMs();
    if (waitMs > 0) return this.#beat.wakeIn(waitMs);
    this.#atMs = timers.monotonicMs();
    const answer = await calls.tellStanding(standing, this.#stopping.signal);
    if (answer.ok) this.#told = text;
    else {
      this.#isUnknown = answer.fault.code === 'GRPC_UNIMPLEMENTED';
      log.debug({ code: answer.fault.code, cause: answer.fault.message }, 'the coordinator was not told how we stand');
    }
    this.#beat.wakeIn(answer.ok ? againMs : apartMs);
  }
}
