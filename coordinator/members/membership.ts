import { randomBytes, timingSafeEqual } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import type { EpochMs } from '../../base/time.ts';
import { approvedClasses } from '../../proto/declared-classes.ts';
import { digestBytes, digestOf } from '../../proto/digest.ts';
import { verifyEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import type { ClassName, ClusterId } from '../../proto/ids.ts';
import { formatJoinToken } from '../../proto/join-token.ts';
import type { Authority, CertificateChain, CertificatePlan } from '../keys/authority.ts';
import type { Actor, JournalEvent, Labels, OperatorRole } from '../ledger/journal/events.ts';
import type { Cluster, Operator, State, Token } from '../ledger/state/state.ts';
import type { Committed, Store, StoreFaultCode } from '../ledger/store.ts';
import { type AuthenticationFaultCode, authenticate, type Caller, type Credential } from './authenticate.ts';
import { publicKeyOfVettedRequest } from './vetted-request.ts';

/** Why a token does not make a member. */
type TokenFaultCode = 'TOKEN_UNKNOWN' | 'TOKEN_USED' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED';
type EnrolFaultCode = TokenFaultCode | 'CERTIFICATE_REQUEST_INVALID' | 'KEY_INVALID' | 'SIGNATURE_INVALID';
type RenewFaultCode = AuthenticationFaultCode | 'CERTIFICATE_REQUEST_INVALID' | 'ROLE_INSUFFICIENT';

type Answer<Value, Code extends string> = Promise<Result<Value, Code | StoreFaultCode>>;

export type Certified = Readonly<{ chain: CertificateChain; issuedAtMs: number; expiresAtMs: number }>;
export type Enrolled = Certified & Readonly<{ cluster: ClusterId }>;
export type Enrolment = Readonly<{ secret: string; request: Uint8Array; signingKey: Uint8Array; proof: Uint8Array }>;
/** `member`: who has the name already, whose place the token gives away. */
export type MintedToken = Readonly<{
  text: string;
  tokenId: string;
  expiresAtMs: number;
  member: Pick<Cluster, 'enrolledAtMs' | 'status'> | undefined;
}>;

export type CertificateLifetimes = Readonly<{ clusterMs: number; operatorMs: number }>;

/** Of one cluster. */
const labelsMax = 96;
const tokenSecretBytes = 32;
const tokenIdBytes = 8;

/** Who belongs to the federation: every change is journalled first, and only then signed or answered. */
export class Membership {
  readonly #store: Store;
  readonly #authority: Authority;
  readonly #lifetimes: CertificateLifetimes;
  readonly #clock: () => EpochMs;

  constructor(store: Store, authority: Authority, lifetimes: CertificateLifetimes, clock: () => EpochMs) {
    this.#store = store;
    this.#authority = authority;
    this.#lifetimes = lifetimes;
    this.#clock = clock;
  }

  /** A one-time token for one cluster. Only its digest is kept: this answer is the only place where its text exists. */
  async mintToken(
    actor: Actor,
    wanted: Readonly<{ cluster: ClusterId; lifetimeMs: number; labels: Labels }>,
  ): Answer<MintedToken, never> {
    const secret = randomBytes(tokenSecretBytes).toString('base64url');
    const tokenId = randomBytes(tokenIdBytes).toString('hex');
    const secretDigest = digestOf(Buffer.from(secret));
    const { cluster, lifetimeMs, labels } = wanted;
    type Told = Pick<MintedToken, 'expiresAtMs' | 'member'>;
    const committed = await this.#store.commit<Told, never>(actor, ({ clusters }, atMs) => {
      const expiresAtMs = atMs + lifetimeMs;
      const event: JournalEvent = { kind: 'tokenMinted', tokenId, cluster, secretDigest, expiresAtMs, labels };
      return ok({ events: [event], value: { expiresAtMs, member: clusters.get(cluster) } });
    });
    if (!committed.ok) return committed;
    const text = formatJoinToken({ tokenId, secret, authorityFingerprint: this.#authority.fingerprint });
    return ok({ text, tokenId, ...committed.value.value });
  }

  async revokeToken(
    actor: Actor,
    tokenId: string,
    reason: string,
  ): Answer<Committed<void>, 'TOKEN_UNKNOWN' | 'TOKEN_USED'> {
    return this.#store.commit(actor, ({ tokens }) => {
      const token = tokens.get(tokenId);
      if (token === undefined)
        return refuse('TOKEN_UNKNOWN', `no token ${tokenId}; \`testudo tokens list\` shows them`);
      if (token.usedAtMs !== null) {
        return refuse('TOKEN_USED', `token ${tokenId} enrolled ${token.cluster} already; revoke the cluster instead`);
      }
      return ok({ events: token.revoked ? [] : [{ kind: 'tokenRevoked', tokenId, reason }], value: undefined });
    });
  }

  /**
   * Trades a token for membership. The request's and the signing key's proofs are checked before the token is used, so
   * that a mistake costs no token; the entry that uses it makes the member, so that no token is used twice. Where the
   * answer was lost on its way, the same signing key may ask again within the token's life: it proves the member that the
   * token made, and gets a new certificate for it.
   */
  async enrol(actor: Actor, { secret, request, signingKey, proof }: Enrolment): Answer<Enrolled, EnrolFaultCode> {
    const secretDigest = digestOf(Buffer.from(secret));
    const keyText = Buffer.from(signingKey).toString('base64');
    const early = usableToken(this.#store.state(), secretDigest, keyText, this.#clock());
    if (!early.ok) return early;
    const publicKey = await publicKeyOfVettedRequest(request);
    if (!publicKey.ok) return publicKey;
    const proven = verifyEnrolment(request, proof, signingKey);
    if (!proven.ok) return proven;

    const random = randomBytes(9);
    const committed = await this.#store.commit(actor, (state, atMs) => {
      const found = usableToken(state, secretDigest, keyText, atMs);
      if (!found.ok) return found;
      const { tokenId, cluster, labels, usedAtMs } = found.value;
      const plan = this.#authority.plan(atMs, this.#lifetimes.clusterMs, random);
      const certificate = certificateOf(plan);
      const event: JournalEvent =
        usedAtMs === null
          ? { kind: 'clusterEnrolled', cluster, tokenId, signingKey: keyText, ...certificate, labels }
          : { kind: 'certificateRenewed', cluster, ...certificate };
      return ok({ events: [event], value: { cluster, plan } });
    });
    if (!committed.ok) return committed;
    const { cluster, plan } = committed.value.value;
    const caller: Caller = { kind: 'cluster', federation: this.#store.federation, cluster };
    return ok({ cluster, ...(await this.#certify(caller, publicKey.value, plan)) });
  }

  /**
   * A new certificate for who shows this one. It is looked at once more where the new one is journalled: whoever enrolled or was added
   * in its place meanwhile would else be put out by it.
   */
  async renew(actor: Actor, shown: Credential | undefined, request: Uint8Array): Answer<Certified, RenewFaultCode> {
    const publicKey = await publicKeyOfVettedRequest(request);
    if (!publicKey.ok) return publicKey;
    const { clusterMs, operatorMs } = this.#lifetimes;
    const random = randomBytes(9);
    type Planned = Readonly<{ caller: Caller; plan: CertificatePlan }>;
    const committed = await this.#store.commit<Planned, RenewFaultCode>(actor, (state, atMs) => {
      const known = authenticate(shown, this.#store.federation, state, atMs);
      if (!known.ok) return known;
      const caller = known.value;
      if (caller.kind === 'cluster') {
        const plan = this.#authority.plan(atMs, clusterMs, random);
        const event = { kind: 'certificateRenewed', cluster: caller.cluster, ...certificateOf(plan) } as const;
        return ok({ events: [event], value: { caller, plan } });
      }
      if (caller.kind === 'door') return refuse('ROLE_INSUFFICIENT', 'a door renews with RenewDoor');
      const { name, role } = caller;
      const operator = state.operators.get(name);
      if (operator === undefined) return refuse('OPERATOR_UNKNOWN', `${name} has no certificate here to renew`);
      const plan = this.#authority.plan(atMs, operatorMs, random);
      const replaced = replacedBy(operator, atMs);
      const event = { kind: 'operatorAdded', name, role, ...certificateOf(plan), replaced } as const;
      return ok({ events: [event], value: { caller, plan } });
    });
    if (!committed.ok) return committed;
    const { caller, plan } = committed.value.value;
    return ok(await this.#certify(caller, publicKey.value, plan));
  }

  async revokeCluster(
    actor: Actor,
    cluster: ClusterId,
    reason: string,
  ): Answer<Committed<void>, 'CLUSTER_NOT_ENROLLED'> {
    return this.#store.commit(actor, ({ clusters }) => {
      const member = clusters.get(cluster);
      if (member === undefined) return notMember(cluster, clusters.keys());
      const events: JournalEvent[] = member.status === 'revoked' ? [] : [{ kind: 'clusterRevoked', cluster, reason }];
      return ok({ events, value: undefined });
    });
  }

  async setQuarantine(
    actor: Actor,
    { cluster, quarantined, reason }: Readonly<{ cluster: ClusterId; quarantined: boolean; reason: string }>,
  ): Answer<Committed<void>, 'CLUSTER_NOT_ENROLLED'> {
    return this.#store.commit(actor, ({ clusters }) => {
      const member = clusters.get(cluster);
      if (member === undefined) return notMember(cluster, clusters.keys());
      const event: JournalEvent = { kind: 'quarantineSet', cluster, quarantined, reason };
      return ok({ events: member.quarantined === quarantined ? [] : [event], value: undefined });
    });
  }

  /** Journalled only where it changes something. An open round still takes what it was told at its invitation, if it may. */
  async setApprovedClasses(
    actor: Actor,
    { cluster, classes, reason }: Readonly<{ cluster: ClusterId; classes: readonly ClassName[]; reason: string }>,
  ): Answer<Committed<void>, 'CLUSTER_NOT_ENROLLED' | 'CLUSTER_REVOKED'> {
    return this.#store.commit(actor, ({ clusters }) => {
      const member = clusters.get(cluster);
      if (member === undefined) return notMember(cluster, clusters.keys());
      if (member.status === 'revoked') return labelsOfRevoked(cluster);
      const event: JournalEvent = { kind: 'classesApproved', cluster, classes, reason };
      const same = approvedClasses(member.labels).join() === classes.join();
      return ok({ events: same ? [] : [event], value: undefined });
    });
  }

  /** Changes labels, and leaves alone those that approve classes. Answers all that the cluster has now. */
  async setLabels(
    actor: Actor,
    wanted: Readonly<{ cluster: ClusterId; labels: Labels; removed: readonly string[]; reason: string }>,
  ): Answer<Committed<Labels>, 'CLUSTER_NOT_ENROLLED' | 'CLUSTER_REVOKED' | 'REQUEST_INVALID'> {
    const { cluster, labels: given, removed, reason } = wanted;
    return this.#store.commit(actor, ({ clusters }) => {
      const member = clusters.get(cluster);
      if (member === undefined) return notMember(cluster, clusters.keys());
      if (member.status === 'revoked') return labelsOfRevoked(cluster);
      const kept = Object.entries(member.labels).filter(([key]) => !removed.includes(key));
      const byKey = Object.entries({ ...Object.fromEntries(kept), ...given }).sort(([a], [b]) => (a < b ? -1 : 1));
      if (byKey.length > labelsMax) {
        return refuse('REQUEST_INVALID', `labels: ${cluster} would have ${byKey.length}, and may have ${labelsMax}`);
      }
      const labels = Object.fromEntries(byKey);
      const same = JSON.stringify(Object.entries(member.labels).sort()) === JSON.stringify(byKey.toSorted());
      return ok({ events: same ? [] : [{ kind: 'labelsSet', cluster, labels, reason }], value: labels });
    });
  }

  /** A new operator, or a new certificate or role for one: its earlier certificates are void. */
  async addOperator(
    actor: Actor,
    {
      name,
      role,
      request,
      reason,
    }: Readonly<{ name: string; role: OperatorRole; request: Uint8Array; reason?: string | undefined }>,
  ): Answer<Certified, 'CERTIFICATE_REQUEST_INVALID' | 'LAST_ADMIN'> {
    const publicKey = await publicKeyOfVettedRequest(request);
    if (!publicKey.ok) return publicKey;
    const random = randomBytes(9);
    const committed = await this.#store.commit(actor, ({ operators }, atMs) => {
      if (role !== 'admin' && isLastAdmin(operators, name)) return lastAdmin(name);
      const plan = this.#authority.plan(atMs, this.#lifetimes.operatorMs, random);
      const why = reason === undefined ? {} : { reason };
      return ok({ events: [{ kind: 'operatorAdded', name, role, ...certificateOf(plan), ...why }], value: plan });
    });
    if (!committed.ok) return committed;
    const caller: Caller = { kind: 'operator', federation: this.#store.federation, name, role };
    return ok(await this.#certify(caller, publicKey.value, committed.value.value));
  }

  async removeOperator(
    actor: Actor,
    name: string,
    reason: string,
  ): Answer<Committed<void>, 'OPERATOR_UNKNOWN' | 'LAST_ADMIN'> {
    return this.#store.commit(actor, ({ operators }) => {
      const operator = operators.get(name);
      if (operator === undefined) return refuse('OPERATOR_UNKNOWN', `operator ${name} is not known here`);
      if (isLastAdmin(operators, name)) return lastAdmin(name);
      return ok({ events: operator.removed ? [] : [{ kind: 'operatorRemoved', name, reason }], value: undefined });
    });
  }

  async #certify(caller: Caller, publicKey: Uint8Array, plan: CertificatePlan): Promise<Certified> {
    const { issuedAtMs, expiresAtMs } = plan;
    return { chain: await this.#authority.issue(caller, publicKey, plan), issuedAtMs, expiresAtMs };
  }
}

function certificateOf({ serial, expiresAtMs }: CertificatePlan) {
  return { certificateSerial: serial, certificateExpiresAtMs: expiresAtMs };
}

/**
 * The token whose secret has this digest, where it may be used now: not yet used, or used by this very signing key.
 * Looks at every token, whatever it finds.
 */
function usableToken(
  { tokens, clusters }: Pick<State, 'tokens' | 'clusters'>,
  secretDigest: Token['secretDigest'],
  signingKey: string,
  nowMs: number,
): Result<Token, TokenFaultCode> {
  const wanted = digestBytes(secretDigest);
  let found: Token | undefined;
  for (const token of tokens.values()) {
    if (timingSafeEqual(digestBytes(token.secretDigest), wanted)) found = token;
  }
  if (found === undefined) return refuse('TOKEN_UNKNOWN', 'no such token; ask an admin for a new one');
  const member = clusters.get(found.cluster);
  const isRepeat = member?.status === 'enrolled' && member.signingKey === signingKey;
  if (found.usedAtMs !== null && !isRepeat) {
    const { tokenId, cluster } = found;
    return refuse('TOKEN_USED', `token ${tokenId} was used; ask for a new one`, { cluster });
  }
  if (found.revoked) return refuse('TOKEN_REVOKED', `token ${found.tokenId} was revoked; ask for a new one`);
  if (nowMs >= found.expiresAtMs)
    return refuse('TOKEN_EXPIRED', `token ${found.tokenId} has expired; ask for a new one`);
  return ok(found);
}

function notMember(cluster: ClusterId, members: Iterable<ClusterId>): Result<never, 'CLUSTER_NOT_ENROLLED'> {
  return refuse('CLUSTER_NOT_ENROLLED', `cluster ${cluster} is not a member${didYouMean(cluster, members)}`);
}

/** Labels, and the classes that they approve, of a revoked cluster would say nothing: it comes back with those of its token. */
function labelsOfRevoked(cluster: ClusterId): Result<never, 'CLUSTER_REVOKED'> {
  const remedy = `it may come back with the labels of a new token: \`testudo tokens create ${cluster} --label …\``;
  return refuse('CLUSTER_REVOKED', `cluster ${cluster} was revoked; ${remedy}`);
}

function isLastAdmin(operators: State['operators'], name: string): boolean {
  const admins = [...operators.values()].filter(({ role, removed }) => role === 'admin' && !removed);
  return admins.length === 1 && admins[0]?.name === name;
}

function lastAdmin(name: string): Result<never, 'LAST_ADMIN'> {
  return refuse('LAST_ADMIN', `operator ${name} is the last admin; add another admin first`);
}

/** Long enough to type the command again after an answer that was lost, or a process that was killed before it kept what came. */
const replacedForMs = 3_600_000;

/** The one that its holder shows: where that is the one before the last, whose successor was lost, it stays that one, for its hour. */
function replacedBy({ replaced, certificateSerial }: Operator, atMs: EpochMs): NonNullable<Operator['replaced']> {
  if (replaced !== undefined && replaced.untilMs > atMs) return replaced;
  return { serial: certificateSerial, untilMs: atMs + replacedForMs };
}
