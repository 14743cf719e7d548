import type { EpochMs } from '../../../base/time.ts';
import type { MetadataState } from '../../ledger/state/releasing.ts';

const dayMs = 86_400_000;

/** What only people can renew, because the coordinator has not the keys. */
export type PeoplesRole = 'root' | 'pins';

/** Root and pins that expire within so long, or have expired: agents install nothing new from then on. */
export function expiringSoon(
  { roots, pins }: Pick<MetadataState, 'roots' | 'pins'>,
  nowMs: EpochMs,
  withinMs: number,
): readonly Readonly<{ role: PeoplesRole; version: number; expiresAtMs: EpochMs }>[] {
  const both = [
    ['root', roots.at(-1)],
    ['pins', pins],
  ] as const;
  return both.flatMap(([role, ref]) =>
    ref && ref.expiresAtMs - nowMs <= withinMs ? [{ role, version: ref.version, expiresAtMs: ref.expiresAtMs }] : [],
  );
}

const remedies: Readonly<Record<PeoplesRole, string>> = {
  root: 'make and sign the next with `testudo root rotate` and `root sign`, then `root publish`',
  pins: 'an operator signs them anew with `testudo pins renew`',
};

/** Warns of what expires, once a day for each role. Looked at whenever the keeper works. */
export class ExpiryWatch {
  readonly #warn: (code: string, message: string) => void;
  readonly #withinMs: number;
  readonly #warnedMs = new Map<PeoplesRole, EpochMs>();

  constructor(warn: (code: string, message: string) => void, withinMs: number) {
    this.#warn = warn;
    this.#withinMs = withinMs;
  }

  look(metadata: MetadataState, nowMs: EpochMs): void {
    for (const { role, version, expiresAtMs } of expiringSoon(metadata, nowMs, this.#withinMs)) {
      const warnedMs = this.#warnedMs.get(role);
      if (warnedMs !== undefined && nowMs < warnedMs + dayMs) continue;
      this.#warnedMs.set(role, nowMs);
      const when = `${expiresAtMs <= nowMs ? 'expired' : 'expires'} at ${new Date(expiresAtMs).toISOString()}`;
      const code = role === 'root' ? 'ROOT_EXPIRES' : 'PINS_EXPIRE';
      this.#warn(code, `${role} ${version} ${when}, and agents install nothing new from then on; ${remedies[role]}`);
    }
  }
}
