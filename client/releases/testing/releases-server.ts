import { Metadata, type ServerWritableStream, type ServiceError, status } from '@grpc/grpc-js';
import {
  type AcknowledgeRequest,
  type FetchFileRequest,
  FetchFileResponse,
  type ReleasesServer,
  type ReportShadowRequest,
  type SubscribeRequest,
  type SubscribeResponse,
} from '../../../proto/generated/testudo/v1/releases.ts';
import { faultCodeKey } from '../../../proto/wire-names.ts';

type Subscriber = ServerWritableStream<SubscribeRequest, SubscribeResponse>;
type Fetch = ServerWritableStream<FetchFileRequest, FetchFileResponse>;

/** A Releases service for tests of the agent alone, over whatever server it is added to. It can be told to misbehave. */
export class TestReleases {
  readonly subscribers = new Set<Subscriber>();
  readonly acknowledged: AcknowledgeRequest[] = [];
  readonly shadowReports: ReportShadowRequest[] = [];
  readonly fetches: FetchFileRequest[] = [];
  /** What a new subscriber gets; nothing while it is undefined. */
  current: SubscribeResponse | undefined;
  fileOf: (digest: string) => Buffer | undefined = () => undefined;
  chunkBytes = 65_536;
  /** Instead of sending a file. */
  fetchInstead: ((call: Fetch) => void) | undefined;
  /** Instead of answering a subscription. */
  subscribeInstead: ((call: Subscriber) => void) | undefined;
  refuseReports: { code: string; status: status } | undefined;
  #heard: (() => void)[] = [];

  /** Sends a set to every subscriber, and to those that come later. */
  push(set: SubscribeResponse): void {
    this.current = set;
    for (const call of this.subscribers) call.write(set);
  }

  /** Resolves once `look` finds something in what the agents reported. */
  async until<Value>(look: () => Value | undefined): Promise<Value> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  service(): ReleasesServer {
    return {
      subscribe: (call) => {
        if (this.subscribeInstead !== undefined) return this.subscribeInstead(call);
        this.subscribers.add(call);
        call.on('cancelled', () => this.subscribers.delete(call));
        if (this.current !== undefined) call.write(this.current);
        this.#tell();
      },
      fetchFile: async (call) => {
        this.fetches.push(call.request);
        this.#tell();
        if (this.fetchInstead !== undefined) return this.fetchInstead(call);
        const file = this.fileOf(call.request.digest);
        if (file === undefined) return call.emit('error', refusal('FILE_NOT_FOUND', status.NOT_FOUND));
        for (let offset = Number(call.request.offset); offset < file.length; offset += this.chunkBytes) {
          if (call.cancelled) return;
          const chunk = file.subarray(offset, offset + this.chunkBytes);
          const message = { offset: BigInt(offset), sizeBytes: BigInt(file.length), chunk };
          const more = call.write(FetchFileResponse.fromPartial(message));
          if (!more) await new Promise((resolve) => call.once('drain', resolve));
        }
        call.end();
      },
      acknowledge: (call, callback) => {
        if (this.refuseReports !== undefined) {
          return callback(refusal(this.refuseReports.code, this.refuseReports.status));
        }
        this.acknowledged.push(call.request);
        callback(null, { sequence: BigInt(this.acknowledged.length) });
        this.#tell();
      },
      reportShadow: (call, callback) => {
        this.shadowReports.push(call.request);
        callback(null, { sequence: BigInt(this.shadowReports.length) });
        this.#tell();
      },
    };
  }

  #tell(): void {
    for (const resolve of this.#heard.splice(0)) resolve();
  }
}

function refusal(code: string, grpcStatus: status): ServiceError {
  const metadata = new Metadata();
  metadata.set(faultCodeKey, code);
  return Object.assign(new Error(code), { code: grpcStatus, details: code, metadata });
}
