import type { ObservedFlow } from './flow-record.ts';
import { isPerConnection, isWellKnown } from './port-class.ts';

/**
 * Whether a flow goes from who was asked to who asked. Where the source does not say, the end with the better known port
 * is the server; where ports tell nothing, the sender is the client.
 */
export function isReply({ isReply: said, sourcePort, destinationPort }: ObservedFlow): boolean {
  if (said !== undefined) return said;
  if (sourcePort === 0 || destinationPort === 0) return false;
  if (isWellKnown(sourcePort) !== isWellKnown(destinationPort)) return isWellKnown(sourcePort);
  return !isPerConnection(sourcePort) && isPerConnection(destinationPort);
}
