import { createHash } from 'node:crypto';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { unwrap } from '../../../base/fault.ts';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { verifyEnrolment } from '../../../proto/envelope/enrolment-proof.ts';
import { verifyHeader } from '../../../proto/envelope/header.ts';
import { signReceipt } from '../../../proto/envelope/receipt.ts';
import { headerFromWire, receiptToWire } from '../../../proto/envelope/wire.ts';
import { type EnrolmentServer, EnrolmentService } from '../../../proto/generated/testudo/v1/enrolment.ts';
import {
  type FederationServer,
  FederationService,
  type RoundInvitation,
  type UpdateHeader,
  type WatchRequest,
  type WatchResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { type ReleasesServer, ReleasesService } from '../../../proto/generated/testudo/v1/releases.ts';
import type { ClusterId, FederationId } from '../../../proto/ids.ts';
import { faultCodeKey } from '../../../proto/wire-names.ts';

/** What the server needs to be believed: PEM all. */
export type LoopbackIdentity = Readonly<{
  federation: FederationId;
  rootPem: string;
  serverChainPem: string;
  serverKeyPem: string;
  receiptKeys: SigningKeyPair;
  /** A certificate chain (DER, leaf first) for a cluster's PKCS #10 request. */
  issue(cluster: ClusterId, request: Uint8Array): Promise<readonly Buffer[]>;
}>;

export type Accepted = Readonly<{ header: UpdateHeader; sealed: Buffer; sequence: number }>;

/**
 * A coordinator for tests of the client alone: real gRPC over real mTLS, the contract's calls, no rounds of its own.
 * It can be told to misbehave. The whole system is tested with the real coordinator elsewhere.
 */
export class LoopbackCoordinator {
  readonly tokens = new Map<string, ClusterId>();
  readonly signingKeys = new Map<string, Uint8Array>();
  readonly models = new Map<string, Buffer>();
  readonly invitations = new Map<string, RoundInvitation>();
  readonly accepted = new Map<string, Accepted>();
  /** Bytes of uploads that are not complete, by payload digest. */
  readonly partial = new Map<string, Buffer>();
  readonly calls: string[] = [];
  /** Consulted before a call is served: the code to refuse with, or nothing. */
  refuseWith: (call: string) => { code: string; status: status } | undefined = () => undefined;
  /** Lets a test alter the receipt that goes out. */
  alterReceipt: (receipt: ReturnType<typeof receiptToWire>) => ReturnType<typeof receiptToWire> = (receipt) => receipt;
  chunkBytes = 4_096;
  readonly #identity: LoopbackIdentity;
  readonly #streams = new Set<ServerWritableStream<WatchRequest, WatchResponse>>();
  #enrolServer: Server | undefined;
  #memberServer: Server | undefined;
  enrolPort = 0;
  memberPort = 0;
  readonly #releases: ReleasesServer | undefined;

  /** Without `releases` it is a coordinator of before there were any. */
  constructor(identity: LoopbackIdentity, releases?: ReleasesServer) {
    this.#identity = identity;
    this.#releases = releases;
  }

  async start(): Promise<void> {
    const { rootPem, serverChainPem, serverKeyPem } = this.#identity;
    // It stops and starts again where it was, and somebody else may stand there meanwhile.
    if (this.memberPort === 0) [this.enrolPort = 0, this.memberPort = 0] = await lastingPorts(2);
    const pair = { private_key: Buffer.from(serverKeyPem), cert_chain: Buffer.from(serverChainPem) };
    this.#enrolServer = new Server();
    this.#enrolServer.addService(EnrolmentService, this.#enrolment());
    await listen(this.#enrolServer, this.enrolPort, ServerCredentials.createSsl(null, [pair], false));
    this.#memberServer = new Server();
    this.#memberServer.addService(EnrolmentService, this.#enrolment());
    this.#memberServer.addService(FederationService, this.#federation());
    if (this.#releases !== undefined) this.#memberServer.addService(ReleasesService, this.#releases);
    const mutual = ServerCredentials.createSsl(Buffer.from(rootPem), [pair], true);
    await listen(this.#memberServer, this.memberPort, mutual);
  }

  /** As a killed process would: streams break, what was accepted and the partial uploads stay "on disk". */
  stop(): void {
    this.#enrolServer?.forceShutdown();
    this.#memberServer?.forceShutdown();
    this.#streams.clear();
  }

  send(directive: NonNullable<WatchResponse['directive']>): void {
    for (const stream of this.#streams) stream.write({ directive });
  }

  invite(invitation: RoundInvitation): void {
    this.invitations.set(invitation.round, invitation);
    this.send({ $case: 'invitation', value: invitation });
  }

  /** What signs receipts: its thief has them too. */
  get receiptKeys(): SigningKeyPair {
    return this.#identity.receiptKeys;
  }

  get watchers(): number {
    return this.#streams.size;
  }

  #enrolment(): EnrolmentServer {
    const certify = async (cluster: ClusterId, request: Uint8Array) => ({
      certificateChain: [...(await this.#identity.issue(cluster, request))],
      expiresAtMs: 0n,
      issuedAtMs: 0n,
    });
    return {
      enrol: async (call, callback) => {
        this.calls.push('enrol');
        const { token, certificateRequest, signingKey, signingKeyProof } = call.request;
        const cluster = this.tokens.get(token);
        if (cluster === undefined) return callback(refusal('TOKEN_INVALID', status.UNAUTHENTICATED));
        if (!verifyEnrolment(certificateRequest, signingKeyProof, signingKey).ok) {
          return callback(refusal('SIGNATURE_INVALID', status.INVALID_ARGUMENT));
        }
        this.tokens.delete(token);
        this.signingKeys.set(cluster, signingKey);
        const { federation, receiptKeys } = this.#identity;
        const receiptKey = Buffer.from(receiptKeys.publicKey);
        callback(null, { cluster, federation, receiptKey, ...(await certify(cluster, certificateRequest)) });
      },
      renew: async (call, callback) => {
        this.calls.push('renew');
        callback(null, await certify(peerCluster(call), call.request.certificateRequest));
      },
      // As a coordinator of before there were any.
      challenge: (_, callback) => callback({ code: status.UNIMPLEMENTED }),
      rejoin: (_, callback) => callback({ code: status.UNIMPLEMENTED }),
    };
  }

  #federation(): FederationServer {
    return {
      // As a coordinator of before there was this call.
      tellAlerts: (_, callback) => callback({ code: status.UNIMPLEMENTED }),
      tellMap: (_, callback) => callback({ code: status.UNIMPLEMENTED }),
      watch: (call) => {
        this.calls.push('watch');
        this.#streams.add(call);
        call.on('cancelled', () => this.#streams.delete(call));
        call.write({ directive: { $case: 'heartbeat', value: { nowMs: BigInt(Date.now()) } } });
        for (const value of this.invitations.values()) call.write({ directive: { $case: 'invitation', value } });
      },
      fetchModel: async (call) => {
        this.calls.push(`fetchModel@${call.request.offset}`);
        const refused = this.refuseWith('fetchModel');
        if (refused !== undefined) return call.emit('error', refusal(refused.code, refused.status));
        const model = this.models.get(call.request.digest);
        if (model === undefined) return call.emit('error', refusal('MODEL_NOT_FOUND', status.NOT_FOUND));
        for (let offset = Number(call.request.offset); offset < model.length; offset += this.chunkBytes) {
          const chunk = model.subarray(offset, offset + this.chunkBytes);
          const more = call.write({ offset: BigInt(offset), sizeBytes: BigInt(model.length), chunk });
          if (!more) await new Promise((resolve) => call.once('drain', resolve));
        }
        call.end();
      },
      uploadStatus: (call, callback) => {
        this.calls.push('uploadStatus');
        const refused = this.refuseWith('uploadStatus');
        if (refused !== undefined) return callback(refusal(refused.code, refused.status));
        const { round, payloadDigest } = call.request;
        const accepted = this.accepted.get(round);
        const receipt =
          accepted?.header.payloadDigest === payloadDigest && accepted !== undefined
            ? this.#receipt(accepted)
            : undefined;
        callback(null, { receivedBytes: BigInt(this.partial.get(payloadDigest)?.length ?? 0), receipt });
      },
      submitUpdate: async (call, callback) => {
        let header: UpdateHeader | undefined;
        try {
          for await (const { part } of call) {
            if (part.$case === 'header') {
              header = part.value as UpdateHeader;
              this.calls.push(`submitUpdate@${header.resumeOffset}`);
              const refused = this.refuseWith('submitUpdate');
              if (refused !== undefined) return callback(refusal(refused.code, refused.status));
              const checked = unwrap(headerFromWire(header));
              const key = this.signingKeys.get(peerCluster(call)) ?? new Uint8Array();
              if (header.cluster !== peerCluster(call) || !verifyHeader(checked, header.signature, key).ok) {
                return callback(refusal('SIGNATURE_INVALID', status.PERMISSION_DENIED));
              }
            } else if (header !== undefined) {
              const before = this.partial.get(header.payloadDigest) ?? Buffer.alloc(0);
              this.partial.set(header.payloadDigest, Buffer.concat([before, part.value]));
            }
          }
        } catch {
          return; // The line was cut; what arrived stays.
        }
        if (header === undefined) return;
        const sealed = this.partial.get(header.payloadDigest) ?? Buffer.alloc(0);
        this.partial.delete(header.payloadDigest);
        if (`sha256:${createHash('sha256').update(sealed).digest('hex')}` !== header.payloadDigest) {
          return callback(refusal('PAYLOAD_DIGEST_MISMATCH', status.DATA_LOSS));
        }
        const accepted = { header, sealed, sequence: this.accepted.size + 1 };
        this.accepted.set(header.round, accepted);
        callback(null, { receipt: this.#receipt(accepted) });
      },
    };
  }

  #receipt({ header, sequence }: Accepted) {
    const { federation, track, round, cluster, payload } = unwrap(headerFromWire(header));
    const receipt = { federation, track, round, cluster, payload, sequence, acceptedAtMs: 1_700_000_000_000 };
    return this.alterReceipt(receiptToWire(receipt, signReceipt(receipt, this.#identity.receiptKeys)));
  }
}

function listen(server: Server, port: number, serverCredentials: ServerCredentials): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, serverCredentials, (error) => (error === null ? resolve() : reject(error)));
  });
}

function peerCluster(call: { getAuthContext(): { sslPeerCertificate?: { subjectaltname?: string } } }): ClusterId {
  const names = call.getAuthContext().sslPeerCertificate?.subjectaltname ?? '';
  return (/spiffe:\/\/[^/]+\/cluster\/([a-z0-9-]+)/.exec(names)?.[1] ?? '') as ClusterId;
}

function refusal(code: string, grpcStatus: status): ServiceError {
  const metadata = new Metadata();
  metadata.set(faultCodeKey, code);
  return Object.assign(new Error(code), { code: grpcStatus, details: code, metadata });
}
