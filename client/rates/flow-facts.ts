import { isReply } from '../events/direction.ts';
import { endKey, type FlowEnd, type ObservedFlow } from '../events/flow-record.ts';
import { isWellKnown } from '../events/port-class.ts';
import { peerKey, type RateFact, workloadKey } from '../events/rate-fact.ts';

/**
 * What one flow adds to the rates of the workloads at its ends. A connection that is seen at both counts for whoever serves it
 * where it is served, and for whoever asks where it is asked for: once.
 */
export function flowFacts(flow: ObservedFlow): RateFact[] {
  const reply = isReply(flow);
  const [client, server] = reply ? [flow.destination, flow.source] : [flow.source, flow.destination];
  const { volume, count, l7, seenAt } = flow;
  const facts: RateFact[] = [];
  const add = (end: FlowEnd, fact: Pick<RateFact, 'measure' | 'amount'> & Partial<RateFact>) => {
    // Rates of everybody outside together would be nobody's.
    if (end.kind === 'workload') facts.push({ workload: workloadKey(end), shape: '', peer: '', ...fact });
  };
  if (seenAt !== 'server') {
    if (!reply && l7 === undefined)
      add(client, { measure: 'new peers', amount: 1, key: peerKey(server, flow.destinationPort) });
    if (volume !== undefined) add(client, { measure: 'bytes out', amount: reply ? volume.bytesIn : volume.bytesOut });
    if (l7 !== undefined && l7.phase !== 'response' && l7.apiClass !== 'dns') {
      add(client, { measure: 'new templates', amount: 1, key: `${endKey(server)} ${l7.method} ${l7.route}` });
    }
  }
  if (seenAt !== 'client') {
    if (!reply && l7 === undefined && count > 0) {
      add(server, { measure: 'sessions alike', shape: shapeOf(flow), peer: endKey(client), amount: count });
    }
    if (volume !== undefined) add(server, { measure: 'bytes out', amount: reply ? volume.bytesOut : volume.bytesIn });
    if (l7 !== undefined && l7.phase !== 'request' && l7.status === 'client-error') {
      add(server, { measure: 'refusals', peer: endKey(client), amount: count });
    }
  }
  return facts;
}

/**
 * Served port, and to half an octave how much was answered: sessions that fail the same way are answered alike. Ports that a server
 * opens for one transfer have no number here.
 */
function shapeOf({ destinationPort, volume }: ObservedFlow): string {
  const port = isWellKnown(destinationPort) ? `port ${destinationPort}` : 'other ports';
  if (volume === undefined) return port;
  const halfOctave = Math.round(2 * Math.log2(1 + Math.max(0, volume.bytesIn)));
  return `${port}, about ${Math.round(2 ** (halfOctave / 2) - 1).toLocaleString('en')} B answered`;
}
