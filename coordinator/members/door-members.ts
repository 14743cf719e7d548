import { randomBytes } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import type { EpochMs } from '../../base/time.ts';
import type { Authority, CertificateChain, CertificatePlan } from '../keys/authority.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { State } from '../ledger/state/state.ts';
import type { Committed, Store, StoreFaultCode } from '../ledger/store.ts';
import { type AuthenticationFaultCode, authenticate, type Credential } from './authenticate.ts';
import { publicKeyOfVettedRequest } from './vetted-request.ts';

type Answer<Value, Code extends string> = Promise<Result<Value, Code | StoreFaultCode>>;

/** A door's two certificates, for one key: as who calls, and as who is called. None serves in the other's place. */
export type DoorCertified = Readonly<{ chain: CertificateChain; serverChain: CertificateChain; expiresAtMs: number }>;

export type NewDoor = Readonly<{ name: string; hosts: readonly string[]; request: Uint8Array; reason: string }>;

/** Which doors may call: every change is journalled first, and only then signed or answered. */
export class DoorMembers {
  readonly #store: Store;
  readonly #authority: Authority;
  readonly #lifetimeMs: number;

  constructor(store: Store, authority: Authority, lifetimeMs: number) {
    this.#store = store;
    this.#authority = authority;
    this.#lifetimeMs = lifetimeMs;
  }

  /** A new door, or a new key for one: its earlier certificates are void. */
  async add(
    actor: Actor,
    { name, hosts, request, reason }: NewDoor,
  ): Answer<DoorCertified, 'CERTIFICATE_REQUEST_INVALID'> {
    return this.#certify(name, actor, request, (certificate) => {
      return ok({ hosts, event: { kind: 'doorAdded', name, hosts, ...certificate, reason } });
    });
  }

  /** New certificates for the door that calls, for the same hosts, if what it shows is good still where that is journalled. */
  async renew(
    actor: Actor,
    { name, shown }: Readonly<{ name: string; shown: Credential | undefined }>,
    request: Uint8Array,
  ): Answer<DoorCertified, AuthenticationFaultCode | 'CERTIFICATE_REQUEST_INVALID'> {
    return this.#certify(name, actor, request, (certificate, state, atMs) => {
      const known = authenticate(shown, this.#store.federation, state, atMs);
      if (!known.ok) return known;
      const hosts = state.doors.get(name)?.hosts ?? [];
      return ok({ hosts, event: { kind: 'doorRenewed', name, ...certificate } });
    });
  }

  async revoke(actor: Actor, name: string, reason: string): Answer<Committed<void>, 'DOOR_UNKNOWN'> {
    return this.#store.commit(actor, ({ doors }) => {
      const door = doors.get(name);
      if (door === undefined) {
        return refuse('DOOR_UNKNOWN', `no door ${name} was ever added${didYouMean(name, doors.keys())}`);
      }
      const events: JournalEvent[] = door.revoked ? [] : [{ kind: 'doorRevoked', name, reason }];
      return ok({ events, value: undefined });
    });
  }

  async #certify<Code extends string>(
    name: string,
    actor: Actor,
    request: Uint8Array,
    decide: (
      certificate: Readonly<{ certificateSerial: string; certificateExpiresAtMs: number }>,
      state: State,
      atMs: EpochMs,
    ) => Result<Readonly<{ hosts: readonly string[]; event: JournalEvent }>, Code>,
  ): Answer<DoorCertified, Code | 'CERTIFICATE_REQUEST_INVALID'> {
    const publicKey = await publicKeyOfVettedRequest(request);
    if (!publicKey.ok) return publicKey;
    const random = randomBytes(9);
    type Planned = Readonly<{ plan: CertificatePlan; hosts: readonly string[] }>;
    const committed = await this.#store.commit<Planned, Code>(actor, (state, atMs) => {
      const plan = this.#authority.plan(atMs, this.#lifetimeMs, random);
      const decided = decide({ certificateSerial: plan.serial, certificateExpiresAtMs: plan.expiresAtMs }, state, atMs);
      if (!decided.ok) return decided;
      return ok({ events: [decided.value.event], value: { plan, hosts: decided.value.hosts } });
    });
    if (!committed.ok) return committed;
    const { plan, hosts } = committed.value.value;
    const identity = { kind: 'door', federation: this.#store.federation, name } as const;
    const chain = await this.#authority.issue(identity, publicKey.value, plan);
    // Another serial: one issuer gives none twice. It ends with the first, and only its holder's key makes it of use.
    const server = { ...plan, serial: this.#authority.plan(plan.issuedAtMs, 0, randomBytes(9)).serial };
    const serverChain = await this.#authority.issueDoorServer({ name, hosts, publicKey: publicKey.value }, server);
    return ok({ chain, serverChain, expiresAtMs: plan.expiresAtMs });
  }
}
