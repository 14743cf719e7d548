import { createSecureContext } from 'node:tls';
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Fault, ok, type Result } from '../../base/fault.ts';
import { addressesIn, parseAddress } from '../../client/link/address.ts';
import { channelOptions } from '../../client/link/channel.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { wayTo } from '../../proto/by-proxy.ts';
import { faultOfError } from '../../proto/call.ts';
import { EnrolmentClient, type RenewResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { exitWith, faultOfThrown, orExit } from '../exit.ts';
import { type Half, halfDone } from '../half-done.ts';
import { changes, orLostAnswer } from '../lost-answer.ts';
import { complain } from '../print.ts';
import { type CredentialsHolder, endsSoon, explained, holderOf } from './credentials-holder.ts';
import { leaderAmong } from './leader-among.ts';

const deadlineMsDefault = 60_000;
const lookFirst = 'Look, with `testudo audit list --since 5m`, before you ask for it again';

function optionsTo(address: string): Partial<ClientOptions> {
  const parsed = parseAddress(address);
  return { ...channelOptions(coordinatorServerName), ...(parsed.ok ? wayTo(parsed.value.host) : {}) };
}

export type OperatorOptions = Readonly<{
  credentials: string;
  address?: string | undefined;
  json?: boolean | undefined;
}>;

type Unary<Request, Response> = ((
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall) &
  /** As grpc-js gives it to every method of a client; its types do not tell. */
  Readonly<{ path?: string }>;

/** One operator's connection to its coordinator. A refused call ends the process with its code. */
export class OperatorConnection {
  readonly client: OperatorClient;
  readonly #holder: CredentialsHolder;
  #half: Half | undefined;

  constructor(client: OperatorClient, holder: CredentialsHolder) {
    this.client = client;
    this.#holder = holder;
  }

  call<Request, Response>(
    method: Unary<Request, Response>,
    request: Request,
    deadlineMs = deadlineMsDefault,
  ): Promise<Response> {
    return this.tried(method, request, deadlineMs).then((answer) =>
      answer.ok ? answer.value : this.exitWith(answer.fault),
    );
  }

  /** As `call`, with why it failed as a value: for what goes on where nobody answers for a while. */
  async tried<Request, Response>(
    method: Unary<Request, Response>,
    request: Request,
    deadlineMs = deadlineMsDefault,
  ): Promise<Result<Response>> {
    const answer = await answerOf<Response>(this.#holder, (metadata, _, callback) =>
      method.call(this.client, request, metadata, { deadline: Date.now() + deadlineMs }, callback),
    );
    const path = method.path ?? '';
    if (!changes(path, request)) return answer;
    if (!answer.ok) return { ok: false, fault: orLostAnswer(answer.fault) };
    this.#half ??= { done: `${path.slice(path.lastIndexOf('/') + 1)} is done`, rest: lookFirst };
    return answer;
  }

  /**
   * So much is done from here on: what ends the command before its end says that, with what to do about the rest. Until a verb tells
   * it better, the first call that changed something does.
   */
  halfWay(half: Half): void {
    this.#half = half;
  }

  /** Ends the process with a fault, and with what was done by then, where anything was. */
  exitWith(fault: Fault): never {
    return exitWith(this.#half === undefined ? fault : halfDone(this.#half, fault));
  }

  /** Ends the process with why a call failed, or what was done with its answers; `changed` where it may have done by then what was asked. */
  failed(error: unknown, changed = false): never {
    const ours = faultOfThrown(error);
    if (ours !== undefined) this.exitWith(ours);
    const fault = explained(faultOfError(error), this.#holder, Date.now());
    return this.exitWith(changed ? orLostAnswer(fault) : fault);
  }

  close(): void {
    this.client.close();
  }
}

/** Runs one command over one connection. A refusal ends the process with its code. */
export async function withConnection<Value>(
  options: OperatorOptions,
  run: (connection: OperatorConnection) => Promise<Value>,
): Promise<Value> {
  const { address, secure, holder } = await reach(options);
  const connection = new OperatorConnection(new OperatorClient(address, secure, optionsTo(address)), holder);
  try {
    return await run(connection);
  } catch (error) {
    const fault = faultOfThrown(error);
    if (fault === undefined) throw error;
    return connection.exitWith(fault);
  } finally {
    connection.close();
  }
}

/** A new certificate for the operator whose credentials these are. */
export async function renewCertificate(options: OperatorOptions, certificateRequest: Buffer): Promise<RenewResponse> {
  const { address, secure, holder } = await reach(options);
  const client = new EnrolmentClient(address, secure, optionsTo(address));
  try {
    const request = { certificateRequest, signingKeyProof: Buffer.alloc(0) };
    const answer = await answerOf<RenewResponse>(holder, (...rest) => client.renew(request, ...rest));
    if (answer.ok) return answer.value;
    const { code } = orLostAnswer(answer.fault);
    return exitWith(code === 'OUTCOME_UNKNOWN' ? { code, message: lostRenewal(answer.fault.message) } : answer.fault);
  } finally {
    client.close();
  }
}

/** Nothing to look at first: who asks again within that hour gets one in the place of what was lost. */
const lostRenewal = (why: string) =>
  `no answer came (${why}): where a new certificate was made, this one counts for an hour from then on, so ask again soon`;

/** Commands that were told of it: one that connects again and again says it once. */
const warned = new WeakSet<OperatorOptions>();

async function reach(
  options: OperatorOptions,
): Promise<Readonly<{ address: string; secure: ChannelCredentials; holder: CredentialsHolder }>> {
  const { credentials: path, address } = options;
  const own = orExit(await readCredentials(path));
  const { authority: ca, certificateChain: cert, key, address: usual } = own;
  const context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  const secure = credentials.createFromSecureContext(context);
  const holder = holderOf(path, own);
  const soon = endsSoon(holder, Date.now());
  if (soon !== undefined && !warned.has(options)) complain(`warning: ${soon}`);
  warned.add(options);
  return { address: await leaderAmong(addressesIn(address ?? usual), context), secure, holder };
}

function answerOf<Response>(
  holder: CredentialsHolder,
  start: (
    metadata: Metadata,
    options: Partial<CallOptions>,
    callback: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
): Promise<Result<Response>> {
  return new Promise((resolve) => {
    start(new Metadata(), { deadline: Date.now() + deadlineMsDefault }, (error, response) =>
      resolve(error === null ? ok(response) : { ok: false, fault: explained(faultOfError(error), holder, Date.now()) }),
    );
  });
}
