import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, type ClientReadableStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { newSigningKeyPair, type SigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { signEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import { sealedLength } from '../../proto/envelope/format.ts';
import { signHeader, type UpdateHeader } from '../../proto/envelope/header.ts';
import { sealStream } from '../../proto/envelope/seal.ts';
import { headerToWire } from '../../proto/envelope/wire.ts';
import { LeanFederationClient } from '../../proto/federation-client.ts';
import type { Receipt } from '../../proto/generated/testudo/v1/common.ts';
import { EnrolmentClient, type EnrolResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import type {
  FederationClient,
  RoundClosed,
  RoundInvitation,
  UploadStatusResponse,
  WatchResponse,
  UpdateHeader as WireHeader,
} from '../../proto/generated/testudo/v1/federation.ts';
import type { ClassName } from '../../proto/ids.ts';
import { type JoinToken, parseJoinToken } from '../../proto/join-token.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { chunkBytes, coordinatorServerName, faultCodeKey, windowBytes } from '../../proto/wire-names.ts';
import type { Coordinator } from '../coordinator.ts';
import { pemOfChain } from '../keys/authority.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';

type Addresses = Coordinator['addresses'];

const options = {
  'grpc.ssl_target_name_override': coordinatorServerName,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': windowBytes, // As clients have it.
};

/** A call's outcome as a value: the code of ours in its trailers, or the name of the transport's. */
export function settle<Response>(
  start: (callback: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Result<Response>> {
  return new Promise((resolve) => {
    start((error, response) => resolve(error === null ? ok(response) : faultOf(error)));
  });
}

export function faultOf(error: ServiceError): Result<never> {
  const code = error.metadata?.get(faultCodeKey)[0];
  return refuse(typeof code === 'string' ? code : `GRPC_${error.code}`, error.details ?? '');
}

export type Applicant = Readonly<{
  token: JoinToken;
  tls: Awaited<ReturnType<typeof newOperatorKey>>;
  signing: SigningKeyPair;
}>;

export async function applicant(token: string): Promise<Applicant> {
  return { token: unwrap(parseJoinToken(token)), tls: await newOperatorKey(), signing: newSigningKeyPair() };
}

export function enrolWith(client: EnrolmentClient, { token, tls, signing }: Applicant): Promise<Result<EnrolResponse>> {
  return settle((callback) =>
    client.enrol(
      {
        token: token.secret,
        certificateRequest: tls.request,
        signingKey: Buffer.from(signing.publicKey),
        signingKeyProof: signEnrolment(tls.request, signing),
      },
      callback,
    ),
  );
}

/** A client of the enrolment port that trusts `authority` (PEM). */
export function newcomer({ enrolment }: Addresses, authority: string): EnrolmentClient {
  return new EnrolmentClient(enrolment, secure({ ca: authority }), options);
}

export async function enrolCluster(
  addresses: Addresses,
  authority: string,
  token: string,
): Promise<Result<TestCluster>> {
  const client = newcomer(addresses, authority);
  try {
    const applied = await applicant(token);
    const enrolled = await enrolWith(client, applied);
    return enrolled.ok ? ok(new TestCluster(addresses, applied, enrolled.value)) : enrolled;
  } finally {
    client.close();
  }
}

export function secure(parts: Readonly<{ ca: string; cert?: string; key?: string }>): ChannelCredentials {
  return credentials.createFromSecureContext(createSecureContext({ ...parts, minVersion: 'TLSv1.3' }));
}

type Part = { $case: 'header'; value: WireHeader } | { $case: 'chunk'; value: Buffer };

/** A cluster that speaks the contract by hand, so that it can also speak it wrongly. */
export class TestCluster {
  readonly name: string;
  readonly signing: SigningKeyPair;
  /** The coordinator's key for receipts, as enrolment gave it. */
  readonly receiptKey: Uint8Array;
  readonly credentials: ChannelCredentials;
  readonly client: FederationClient;
  readonly enrolment: EnrolmentClient;
  readonly received: WatchResponse[] = [];
  watchFault: Promise<string> = new Promise(() => {});
  #stream: ClientReadableStream<WatchResponse> | undefined;
  #wake: () => void = () => {};

  readonly applied: Applicant;
  readonly enrolled: EnrolResponse;

  constructor({ federation }: Addresses, applied: Applicant, enrolled: EnrolResponse) {
    const { tls, signing } = applied;
    const { cluster, certificateChain, receiptKey } = enrolled;
    this.applied = applied;
    this.enrolled = enrolled;
    this.name = cluster;
    this.receiptKey = receiptKey;
    this.signing = signing;
    const ca = pemOfCertificate(certificateChain.at(-1) as Buffer);
    this.credentials = secure({ ca, cert: pemOfChain(certificateChain), key: tls.key });
    this.client = new LeanFederationClient(federation, this.credentials, options);
    this.enrolment = new EnrolmentClient(federation, this.credentials, options);
  }

  /** Opens a Watch stream; resolves when the coordinator has sent its first sign of life. */
  async watch(tracks: readonly string[]): Promise<void> {
    const stream = this.client.watch({ tracks: [...tracks], clientBuild: 'test' });
    this.#stream = stream;
    this.watchFault = new Promise((resolve) => {
      stream.on('error', (error) => {
        const fault = faultOf(error as ServiceError);
        resolve(fault.ok ? '' : fault.fault.code);
      });
    });
    const alive = new Promise<void>((resolve) => {
      stream.on('data', (response: WatchResponse) => {
        this.received.push(response);
        this.#wake();
        resolve();
      });
    });
    await Promise.race([alive, this.watchFault]);
  }

  /** The newest invitation, waiting for the first. */
  async invitation(): Promise<RoundInvitation> {
    return this.#directive('invitation') as Promise<RoundInvitation>;
  }

  /** The invitation to one round, waiting for it. */
  async invitationTo(round: string): Promise<RoundInvitation> {
    for (;;) {
      const invitation = await this.invitation();
      if (invitation.round === round) return invitation;
      await this.#news();
    }
  }

  async closed(): Promise<RoundClosed> {
    return this.#directive('closed') as Promise<RoundClosed>;
  }

  async #directive(kind: 'invitation' | 'closed') {
    for (;;) {
      const found = this.received.findLast(({ directive }) => directive?.$case === kind)?.directive;
      if (found !== undefined) return found.value;
      await this.#news();
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** A header and its sealed bytes for the newest invitation; `change` may spoil the header before it is signed. */
  async seal(
    values: Float32Array,
    change: (header: UpdateHeader) => UpdateHeader = (header) => header,
  ): Promise<Readonly<{ header: UpdateHeader; sealed: Buffer }>> {
    const invitation = await this.invitation();
    const plainBytes = values.byteLength;
    const context = {
      federation: invitation.federation,
      track: invitation.track,
      round: invitation.round,
      cluster: this.name,
      base: invitation.base?.digest,
      schema: invitation.spec?.schemaDigest,
      codec: 'f32le',
      plainBytes,
    } as unknown as UpdateHeader;
    const pieces: Buffer[] = [];
    const plain = (async function* () {
      yield bytesOfValues(values);
    })();
    for await (const piece of sealStream(plain, context, invitation.roundKey)) pieces.push(piece);
    const sealed = Buffer.concat(pieces);
    const header = change({
      ...context,
      exampleCount: 10,
      payload: digestOf(sealed),
      payloadBytes: sealedLength(plainBytes),
    });
    return { header, sealed };
  }

  /** Sends parts as they are and says what came of it. Without `end`, the stream stays open after them. */
  send(parts: Iterable<Part> | AsyncIterable<Part>, end = true): Promise<Result<Receipt>> {
    return new Promise((resolve) => {
      const stream = this.client.submitUpdate((error, response) => {
        if (error !== null) resolve(faultOf(error));
        else resolve(response.receipt === undefined ? refuse('NO_RECEIPT', '') : ok(response.receipt));
      });
      stream.on('error', () => {}); // The callback has it.
      void (async () => {
        for await (const part of parts) {
          if (!stream.write({ part })) await new Promise((drained) => stream.once('drain', drained));
        }
        if (end) stream.end();
      })();
    });
  }

  signed(header: UpdateHeader, resumeOffset = 0): Part {
    return { $case: 'header', value: headerToWire(header, signHeader(header, this.signing), resumeOffset) };
  }

  /** The whole of a sound submission. */
  async submit(values: Float32Array, classes: readonly ClassName[] = []): Promise<Result<Receipt>> {
    const { header, sealed } = await this.seal(values, (sound) => (classes.length > 0 ? { ...sound, classes } : sound));
    return this.send([this.signed(header), ...chunksOf(sealed)]);
  }

  status(header: UpdateHeader): Promise<Result<UploadStatusResponse>> {
    const { track, round, payload: payloadDigest } = header;
    return settle((callback) => this.client.uploadStatus({ track, round, payloadDigest }, callback));
  }

  close(): void {
    this.#stream?.cancel();
    this.client.close();
    this.enrolment.close();
  }
}

export function chunksOf(sealed: Buffer, from = 0, size = chunkBytes): Part[] {
  const parts: Part[] = [];
  for (let at = from; at < sealed.byteLength; at += size) {
    parts.push({ $case: 'chunk', value: sealed.subarray(at, at + size) });
  }
  return parts;
}
