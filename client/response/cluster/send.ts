import type { Result } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { KubeEndpoint } from '../../kube/endpoint.ts';
import { askReply, type KubeFaultCode, type KubeReply, type KubeRequest } from '../../kube/request.ts';

/** One request to the API server and its answer as it came. The network is one implementation, a simulator another. */
export type Send = (request: KubeRequest) => Promise<Result<KubeReply, KubeFaultCode | 'NOT_SENT'>>;

export function sendTo(endpoint: KubeEndpoint, timers: Timers, signal: AbortSignal): Send {
  return (request) => askReply({ endpoint, timers, signal }, request);
}
