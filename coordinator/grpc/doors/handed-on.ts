import type { handleUnaryCall, MethodDefinition } from '@grpc/grpc-js';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { faultCodeKey } from '../../../proto/wire-names.ts';
import { HandedOnCall, type Peer } from '../peer.ts';
import type { ServedService } from '../service.ts';
import type { Status } from '../status.ts';

/** What a door may hand on: calls of clusters with one answer, in which what the cluster must prove it has signed. */
const handedOn: ReadonlySet<string> = new Set([
  '/testudo.v1.Enrolment/Renew',
  '/testudo.v1.Federation/UploadStatus',
  '/testudo.v1.Federation/TellAlerts',
  '/testudo.v1.Federation/TellMap',
  '/testudo.v1.Releases/Acknowledge',
  '/testudo.v1.Releases/ReportShadow',
  '/testudo.v1.Responses/JournalEvidence',
  '/testudo.v1.Responses/ReportBreaker',
  '/testudo.v1.Responses/TellStanding',
]);

type Method = Readonly<{ definition: MethodDefinition<unknown, unknown>; handler: handleUnaryCall<unknown, unknown> }>;

/**
 * Calls that doors hand on, answered by the very handlers that answer clusters: who may, how often, what is audited and what is
 * said is the same. Only the word for who calls is the door's.
 */
export class HandedOn {
  readonly #methods = new Map<string, Method>();

  constructor(services: readonly ServedService[]) {
    for (const { definition, implementation } of services) {
      for (const [name, method] of Object.entries(definition)) {
        if (!handedOn.has(method.path)) continue;
        const handler = implementation[name] as unknown as Method['handler'];
        this.#methods.set(method.path, { definition: method, handler });
      }
    }
  }

  get paths(): readonly string[] {
    return [...this.#methods.keys()];
  }

  /** The encoded answer, or the code of the call's own refusal. */
  async answer(
    { method: path, request }: Readonly<{ method: string; request: Buffer }>,
    seen: Peer,
    signal: AbortSignal,
  ): Promise<Result<{ response: Buffer } | { refused: string }, 'REQUEST_INVALID'>> {
    const method = this.#methods.get(path);
    if (method === undefined) return refuse('REQUEST_INVALID', 'method: no door may hand this on');
    const { definition, handler } = method;
    const call = new HandedOnCall(path, definition.requestDeserialize(request), seen, signal);
    return new Promise((resolve) => {
      handler(call as never, (error, value) => {
        if (error) resolve(ok({ refused: codeOf(error as unknown as Status) }));
        else resolve(ok({ response: definition.responseSerialize(value) }));
      });
    });
  }
}

function codeOf({ metadata }: Status): string {
  const [code] = metadata?.get(faultCodeKey) ?? [];
  return typeof code === 'string' ? code : 'INTERNAL';
}
