import type { ApiClass, FlowL7, StatusClass } from '../events/flow-record.ts';
import { isGrpcPath, routeTemplate } from './route-template.ts';

const methodClasses: Readonly<Record<string, ApiClass>> = {
  GET: 'http-read',
  HEAD: 'http-read',
  OPTIONS: 'http-read',
  POST: 'http-write',
  PUT: 'http-write',
  PATCH: 'http-write',
  DELETE: 'http-delete',
};

/** A request of HTTP or of gRPC over it. `code`: 0 where there is no answer (yet). */
export function httpCall(phase: FlowL7['phase'], method: string, url: string, code: number): FlowL7 {
  const verb = method.toUpperCase().slice(0, 16);
  const route = routeTemplate(url);
  const apiClass = verb === 'POST' && isGrpcPath(route) ? 'grpc' : (methodClasses[verb] ?? 'http-other');
  return { phase, apiClass, method: verb, route, status: statusClass(code) };
}

/** A method of gRPC, with or without the leading slash. */
export function grpcCall(phase: FlowL7['phase'], path: string, status: StatusClass): FlowL7 {
  return { phase, apiClass: 'grpc', method: 'POST', route: routeTemplate(path), status };
}

/** A question to a name server: its type is the route, the name itself is not kept. `rcode`: RFC 1035, 4.1.1. */
export function dnsCall(phase: FlowL7['phase'], queryType: string, rcode: number): FlowL7 {
  const failed: StatusClass = rcode === 2 ? 'server-error' : 'client-error';
  const status = phase === 'request' ? 'none' : rcode === 0 ? 'ok' : failed;
  return { phase, apiClass: 'dns', method: '', route: queryType.slice(0, 16), status };
}

/** HTTP's hundreds; Envoy's 0 says that the client went away before an answer. */
export function statusClass(code: number): StatusClass {
  if (code >= 500) return 'server-error';
  if (code >= 400) return 'client-error';
  if (code >= 300) return 'redirect';
  return code >= 100 ? 'ok' : 'none';
}
