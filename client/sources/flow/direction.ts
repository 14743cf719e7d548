import { type FlowRecord, foldedPort, type ObservedFlow } from './flow-record.ts';
import { isPerConnection, isWellKnown } from './port-class.ts';

/**
 * Turns a flow so that it goes from who asked to who was asked, and folds ports that are given out for one connection.
 * Where the source does not say which way a packet went, the end with the better known port is the server; the sender
 * is the client where ports tell nothing.
 */
export function recordOf(flow: ObservedFlow): FlowRecord {
  const { source, destination, sourcePort, destinationPort, isReply: said, id: _, ...rest } = flow;
  const isReply = said ?? looksLikeReply(sourcePort, destinationPort);
  const askedPort = isReply ? sourcePort : destinationPort;
  return {
    ...rest,
    client: isReply ? destination : source,
    server: isReply ? source : destination,
    askedPort,
    port: isPerConnection(askedPort) ? foldedPort : askedPort,
    isReply,
    volume: isReply ? turned(rest.volume) : rest.volume,
  };
}

function looksLikeReply(sourcePort: number, destinationPort: number): boolean {
  if (sourcePort === 0 || destinationPort === 0) return false;
  if (isWellKnown(sourcePort) !== isWellKnown(destinationPort)) return isWellKnown(sourcePort);
  return !isPerConnection(sourcePort) && isPerConnection(destinationPort);
}

function turned(volume: ObservedFlow['volume']): ObservedFlow['volume'] {
  if (volume === undefined) return undefined;
  const { bytesOut, bytesIn, packetsOut, packetsIn, durationMs } = volume;
  return { bytesOut: bytesIn, bytesIn: bytesOut, packetsOut: packetsIn, packetsIn: packetsOut, durationMs };
}
